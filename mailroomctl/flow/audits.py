"""What the stack's daily audit has found the last time; its alarm tells of it for a quarter of an hour only."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mailroomctl.stack import Stack

_LATELY = timedelta(hours=26)  # one a day, and the time that it takes
_PERIOD = 300


@dataclass(frozen=True, slots=True)
class Audit:
    """The last audit: when it ended, within five minutes, and how much it found; None when none ended lately."""

    at: datetime | None = None
    found: int | None = None


def last_audit(stack: Stack, now: datetime) -> Audit | None:
    """Return the last audit of a stack that is audited every day; None for any other."""
    if stack.parameter("AuditSchedule", "disabled") != "daily":
        return None
    points: list[dict[str, Any]] = stack.cloudwatch.get_metric_statistics(
        Namespace="Mailroom",
        MetricName="AuditFindings",
        Dimensions=[{"Name": "Stack", "Value": stack.name}],
        StartTime=now - _LATELY,
        EndTime=now,
        Period=_PERIOD,
        Statistics=["Sum"],
    )["Datapoints"]
    if not points:
        return Audit()
    last = max(points, key=lambda one: one["Timestamp"])
    return Audit(last["Timestamp"].astimezone(UTC), int(last["Sum"]))
