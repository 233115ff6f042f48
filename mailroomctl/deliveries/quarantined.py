"""Everything that is in quarantine, or the newest of it: from the index of what needs attention, and the objects.

The index names the records, the bucket says which messages are still there. What the index does not know, because
version 0.1 put it there or because it came a moment ago, costs a call each.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from math import ceil
from typing import Any

from mailroom.settings import QUARANTINE_PREFIX
from mailroom.statuses import Status

from mailroomctl.deliveries.indexes import EVER, NoIndexError, Period, needing_attention, whole_index
from mailroomctl.deliveries.newest import cut, of_index
from mailroomctl.deliveries.quarantine import IN_QUARANTINE, is_held_back, quarantined_records
from mailroomctl.deliveries.search import ROWS, Found, as_found
from mailroomctl.deliveries.side_by_side import side_by_side
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.stack import Stack
from mailroomctl.times import iso

_READS_AT_ONCE = 8
_LATE = timedelta(days=15)
"""How long after it was received a message may come into quarantine: it can wait for all of its days in the queue."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """When messages came into quarantine, by id. Ids after ``last`` were not looked at; empty when all were."""

    moments: dict[str, datetime]
    last: str = ""

    def has(self, row: Record) -> bool:
        """Whether the message of a row is there, or may be."""
        message_id = row["message_id"]
        return message_id in self.moments or bool(self.last and message_id > self.last)


def all_quarantined(stack: Stack, table: DeliveriesTable) -> Iterator[Record]:
    """Return the records of everything that is in quarantine, in no order."""
    stored = _stored(stack, whole=True)
    rows = [row for row in _rows(table) if row["status"] in IN_QUARANTINE and stored.has(row)]
    yield from filter(is_held_back, table.in_full(rows))
    known = {row["message_id"] for row in rows}
    yield from _unknown(table, (one for one in stored.moments if one not in known))


def newest_quarantined(stack: Stack, table: DeliveriesTable, period: Period, limit: int) -> Found:
    """Return the newest records, at most ``limit``, with four calls for fifty.

    Where the index is more than one answer holds, what it does not know is left out.
    """
    rows = _whole_index(table)
    if rows is None:
        return _from_a_large_index(stack, table, period, limit)
    stored = _stored(stack)
    meant = [row for row in rows if row["status"] in IN_QUARANTINE and stored.has(row)]
    shown = cut((row for row in meant if _within(row, period)), "", limit)
    records = list(filter(is_held_back, table.in_full(shown.rows)))
    known = {row["message_id"] for row in meant}
    unknown = {one: moment for one, moment in stored.moments.items() if one not in known}
    if not unknown:
        return as_found(records, shown)
    chosen = nlargest(limit, unknown, key=unknown.__getitem__)
    records += (one for one in _unknown(table, chosen) if _within(one, period))
    both = cut(records, "", limit)
    # What the index knows was looked at as far back as this; the next page begins there for both.
    older = max(both.older, shown.older)
    rows = [row for row in both.rows if row["received_at"] > older]
    return Found(rows, bool(older) or len(unknown) > limit, older, both.partial or shown.partial)


def _from_a_large_index(stack: Stack, table: DeliveriesTable, period: Period, limit: int) -> Found:
    """What has expired is not looked for in the bucket: its time says so."""
    kept = timedelta(days=int(stack.parameter("QuarantineRetentionDays", "90"))) + _LATE
    lately = Period(period.since or datetime.now(UTC) - kept, period.latest)
    calls = ceil(limit / ROWS)
    found = of_index(table, "needs_attention", lately, limit, calls=calls, status=Status.QUARANTINED)
    return as_found(filter(is_held_back, table.in_full(found.rows)), found)


def _whole_index(table: DeliveriesTable) -> list[Record] | None:
    """The rows of the index; None when they are more than one answer holds. A table of version 0.1 has no index."""
    try:
        return whole_index(table, "needs_attention", "", EVER)
    except NoIndexError:
        return []


def _rows(table: DeliveriesTable) -> Iterator[Record]:
    try:
        yield from needing_attention(table, None, EVER)
    except NoIndexError:
        return


def _stored(stack: Stack, *, whole: bool = False) -> _Stored:
    """List the objects in quarantine, a thousand of them unless ``whole``."""
    request: dict[str, Any] = {"Bucket": stack.output("MailBucketName"), "Prefix": QUARANTINE_PREFIX}
    moments: dict[str, datetime] = {}
    while True:
        answer = stack.s3.list_objects_v2(**request)
        for one in answer.get("Contents", []):
            moments[one["Key"].removeprefix(QUARANTINE_PREFIX)] = one["LastModified"]
        if not answer.get("IsTruncated"):
            return _Stored(moments)
        if not whole:
            return _Stored(moments, max(moments))
        request["ContinuationToken"] = answer["NextContinuationToken"]


def _unknown(table: DeliveriesTable, message_ids: Iterable[str]) -> Iterator[Record]:
    for records in side_by_side(lambda one: quarantined_records(table, one), message_ids, _READS_AT_ONCE):
        yield from records


def _within(record: Record, period: Period) -> bool:
    received_at: str = record["received_at"]
    return (not period.since or received_at >= iso(period.since)) and received_at <= iso(period.latest)
