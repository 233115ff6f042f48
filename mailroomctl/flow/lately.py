"""What the deliveries table says of the last hour: the last delivery, what fails, is held, and was rejected."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from itertools import batched, islice
from operator import itemgetter
from typing import Any

from mailroom.statuses import Status

from mailroomctl.deliveries.held import Group, at_fault, group
from mailroomctl.deliveries.indexes import EVER, needing_attention, outcomes
from mailroomctl.deliveries.table import DeliveriesTable, Record, reason
from mailroomctl.stack import Stack
from mailroomctl.times import iso

HOUR = timedelta(hours=1)
_LOOKED_AT = 300  # newest records among which the last delivery is looked for, and failures that are read in full
_BATCH = 100
_METRIC_DAYS = 14


@dataclass(frozen=True, slots=True)
class Failing:
    """Copies that are not safe, whose last attempt failed within the last hour."""

    copies: int
    mailboxes: int
    errors: dict[str, int]
    oldest: str
    """When the first of their messages was received."""
    since: str
    """When the first of these last attempts failed."""
    latest: str
    attempts: int
    """The most of any."""
    reason: str
    """Of the newest."""
    message_id: str
    """Of the newest."""


@dataclass(frozen=True, slots=True)
class Attention:
    """What needs attention; ``stale`` counts copies that failed longer ago, and met no attempt since."""

    failing: Failing | None = None
    stale: int = 0
    held: list[Group] = field(default_factory=list)
    held_last_hour: int = 0
    rejected_last_hour: int = 0

    @property
    def held_messages(self) -> int:
        """How many messages are held; one that several entries hold counts for each."""
        return sum(one.messages for one in self.held)


@dataclass(frozen=True, slots=True)
class LastDelivery:
    """When a copy was delivered last; ``about`` when only the hour is known, and this is its end."""

    at: datetime
    about: bool = False


def look_at_attention(table: DeliveriesTable, now: datetime) -> Attention:
    """Read the index ``needs_attention`` once. Raises ``NoIndexError`` where it is missing."""
    hour_ago = iso(now - HOUR)
    failed: list[Record] = []
    held_lately: set[str] = set()
    rejected_lately: set[str] = set()

    def held_rows() -> Iterator[Record]:
        for row in needing_attention(table, None, EVER):
            match row["status"]:
                case Status.HELD:
                    if row["received_at"] >= hour_ago:
                        held_lately.add(row["message_id"])
                    yield row
                case Status.REJECTED if row["received_at"] >= hour_ago:
                    rejected_lately.add(row["message_id"])
                # Claimed again: until that attempt has come to its end, it has failed as before.
                case Status.FAILED | Status.CLAIMED:
                    failed.append(row)

    groups = group(held_rows(), at_fault)
    failing, stale = _failing(table, failed, hour_ago)
    return Attention(failing, stale, groups, len(held_lately), len(rejected_lately))


def _failing(table: DeliveriesTable, rows: list[Record], hour_ago: str) -> tuple[Failing | None, int]:
    newest = nlargest(_LOOKED_AT, rows, key=itemgetter("received_at"))
    records = [one for one in table.in_full(newest) if one["status"] == Status.FAILED or _fails_still(one)]
    lately = [one for one in records if str(one.get("failed_at", "")) >= hour_ago]
    if not lately:
        return None, len(records)
    last = max(lately, key=lambda one: str(one["failed_at"]))
    failing = Failing(
        copies=len(lately),
        mailboxes=len({one["mailbox"] for one in lately}),
        errors=dict(Counter(str(one.get("error") or "unknown") for one in lately)),
        oldest=min(str(one["received_at"]) for one in lately),
        since=min(str(one["failed_at"]) for one in lately),
        latest=str(last["failed_at"]),
        attempts=max(int(one.get("attempts", 1)) for one in lately),
        reason=reason(last),
        message_id=last["message_id"],
    )
    return failing, len(records) - len(lately)


def _fails_still(record: Record) -> bool:
    """What was held or released and is claimed now has no failed attempt."""
    return bool(record["status"] == Status.CLAIMED and record.get("failed_at"))


def find_last_delivery(stack: Stack, table: DeliveriesTable, now: datetime) -> LastDelivery | None:
    """Return the last delivery: from the records of the last hour, else to the hour, from the metric of 14 days."""
    rows = islice(outcomes(table, now - HOUR, now + HOUR), _LOOKED_AT)
    for some in batched(rows, _BATCH, strict=False):
        times = [str(one["delivered_at"]) for one in table.in_full(some) if one.get("delivered_at")]
        if times:
            return LastDelivery(datetime.fromisoformat(max(times)))
    return _from_the_metric(stack, now)


def _from_the_metric(stack: Stack, now: datetime) -> LastDelivery | None:
    points: list[dict[str, Any]] = stack.cloudwatch.get_metric_statistics(
        Namespace="Mailroom",
        MetricName="Copies",
        Dimensions=[{"Name": "Stack", "Value": stack.name}, {"Name": "Outcome", "Value": Status.DELIVERED}],
        StartTime=now - timedelta(days=_METRIC_DAYS),
        EndTime=now,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    begins = [one["Timestamp"] for one in points if one["Sum"] > 0]
    return LastDelivery(min(max(begins).astimezone(UTC) + HOUR, now), about=True) if begins else None
