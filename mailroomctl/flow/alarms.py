"""The states of the stack's alarms, as CloudWatch knows them."""

from dataclasses import dataclass

from mailroomctl.stack import Stack
from mailroomctl.times import iso

ALARM, OK = "ALARM", "OK"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm: its name in the template, its state, since when, and what it says."""

    name: str
    state: str
    since: str
    description: str


def look_at_alarms(stack: Stack) -> list[Alarm]:
    """Return the alarms of the stack, those that ring first."""
    prefix = f"{stack.name}-"
    pages = stack.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"]
    )
    found = []
    for page in pages:
        for one in page.get("MetricAlarms", ()):
            # CloudFormation names an alarm STACK-NAME-RANDOM; another stack's name may begin like ours.
            name, _, random = str(one["AlarmName"]).removeprefix(prefix).partition("-")
            if random and "-" not in random:
                since = iso(one["StateUpdatedTimestamp"]) if one.get("StateUpdatedTimestamp") else ""
                found.append(Alarm(name, str(one["StateValue"]), since, str(one.get("AlarmDescription") or "")))
    return sorted(found, key=lambda one: (one.state != ALARM, one.name))
