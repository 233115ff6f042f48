"""The executions of a message, from the workflow's log group: at most four calls.

The log names a message only where it holds the input (``ExecutionLog=full``); else an execution is found by its name,
for as long as it holds the lease of a copy.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mailroomctl.deliveries.table import Record
from mailroomctl.stack import Stack
from mailroomctl.web.graph.way import Way, read_way

_PAGES = 2  # of each of the two questions
_SHOWN = 3  # executions, the last ones
_LONGEST = timedelta(seconds=330)  # of an execution, with what the log is late


def log_group(stack: Stack) -> str:
    """Return the name of the log group of the workflow, as template.yaml has it."""
    return f"/aws/vendedlogs/states/{stack.name}/DeliverMail"


def ways_of(stack: Stack, message_id: str, records: Sequence[Record]) -> list[Way]:
    """Return the last executions of a message, the newest first; nothing when the log knows none.

    Raises botocore's errors, as when the log group may not be read.
    """
    since, until = _period(records)
    found = _events(stack, f'{{ $.type = "ExecutionStarted" && $.details.input = "*{message_id}*" }}', since, until)
    starts = [one for one in found if one["type"] == "ExecutionStarted" and message_id in str(one.get("details"))]
    began = {one["execution_arn"]: int(one["event_timestamp"]) for one in starts}
    owners = {str(record["lease_owner"]) for record in records if record.get("lease_owner")}
    if began:
        newest = sorted(began, key=began.__getitem__)[-_SHOWN:]
        since = datetime.fromtimestamp(min(began[arn] for arn in newest) / 1000, UTC) - timedelta(seconds=1)
        until = datetime.fromtimestamp(max(began[arn] for arn in newest) / 1000, UTC) + _LONGEST
        terms = [f'$.execution_arn = "{arn}"' for arn in newest]
    elif owners:
        terms = [f'$.execution_arn = "*{name}*"' for name in sorted(owners)[:_SHOWN]]
    else:
        return []
    events = _events(stack, f"{{ {' || '.join(terms)} }}", since, until)
    by_execution: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        arn = event["execution_arn"]
        if arn in began or any(name in arn for name in owners):
            by_execution.setdefault(arn, []).append(event)
    ways = [read_way(one) for one in by_execution.values()]
    ways = [way for way in ways if way.began]
    return sorted(ways, key=lambda way: way.began or since, reverse=True)[:_SHOWN]


def _period(records: Sequence[Record]) -> tuple[datetime, datetime]:
    """The time from the message's arrival to the end of the last execution that the records know of."""
    times: list[datetime] = []
    for record in records:
        times += [
            datetime.fromisoformat(record[name])
            for name in ("received_at", "failed_at", "delivered_at")
            if record.get(name)
        ]
        times += [
            datetime.fromtimestamp(int(record[name]), UTC)
            for name in ("first_claimed_at", "lease_until")
            if record.get(name)
        ]
    now = datetime.now(UTC)
    # A message that comes late, by a replay or after an outage, has times of its own; a rejection has only its arrival.
    latest = max(times, default=now)
    return min(times, default=now) - timedelta(minutes=1), latest + timedelta(minutes=15)


def _events(stack: Stack, pattern: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
    request: dict[str, Any] = {
        "logGroupName": log_group(stack),
        "filterPattern": pattern,
        "startTime": int(since.timestamp() * 1000),
        "endTime": int(until.timestamp() * 1000),
    }
    found: list[dict[str, Any]] = []
    for _ in range(_PAGES):
        answer = stack.logs.filter_log_events(**request)
        found += _read(event["message"] for event in answer.get("events", []))
        if not answer.get("nextToken"):
            break
        request["nextToken"] = answer["nextToken"]
    return found


def _read(messages: Iterable[str]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    for text in messages:
        try:
            event = json.loads(text)
        except ValueError:
            continue
        if isinstance(event, dict) and {"id", "type", "execution_arn", "event_timestamp"} <= event.keys():
            events.append(event)
    return events
