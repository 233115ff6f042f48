"""The indexes of the deliveries table: every outcome of a period, and what needs attention.

Their keys are hours with a shard (``mailroom.hours``). Both show a change after a moment, and hold only what their
rows name; ``DeliveriesTable.in_full`` reads the records. Memory does not grow with what they hold.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from mailroom.hours import SHARDS
from mailroom.statuses import Status

from mailroomctl.deliveries.side_by_side import side_by_side
from mailroomctl.deliveries.table import DeliveriesTable, Record, plain
from mailroomctl.errors import CommandError
from mailroomctl.times import iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ATTENTION = frozenset({Status.FAILED, Status.REJECTED, Status.HELD})
"""Statuses whose records are in the index ``needs_attention``."""

QUERIES_AT_ONCE = 8
_PAGE = 500  # rows read at once from each shard of an hour
_LONGEST = timedelta(days=7)
_REFUSED = frozenset({"ValidationException", "ResourceNotFoundException"})
_SKEW = timedelta(hours=1)  # a clock of SES's may be ahead of ours


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which messages were received; without ``since`` from the first, without ``until`` to the last."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def latest(self) -> datetime:
        """The end that was given, or a little more than now."""
        return self.until or datetime.now(UTC) + _SKEW

    def check(self) -> None:
        """Raise ``CommandError`` when it ends before it begins."""
        if self.since and self.since > self.latest:
            raise CommandError("--since is later than --until, or in the future.")


EVER = Period()


def outcomes(table: DeliveriesTable, since: datetime, until: datetime) -> Iterator[Record]:
    """Return keys and sender of every record of a period, the newest first."""
    first = next(_scanned(table, "by_time", None, Period(since, until)))
    if first.last:
        yield from _newest_first(first.rows)
    else:
        yield from _of_period(table, "by_time", "hour", since, until, None)


def needing_attention(table: DeliveriesTable, status: Status | None, period: Period) -> Iterator[Record]:
    """Return keys, status, entry, code, error and sender of the records with one of the statuses in ``ATTENTION``.

    The newest first for a week at most, and where the whole index is one page; else in no order. The records of one
    message come together. ``status`` None stands for all three.
    """
    pages = _scanned(table, "needs_attention", status, period)
    first = next(pages)
    if first.last:
        yield from _newest_first(first.rows)
    elif period.since and period.latest - period.since <= _LONGEST:
        yield from _of_period(table, "needs_attention", "attention", period.since, period.latest, status)
    else:
        yield from first.rows
        for page in pages:
            yield from page.rows


def by_message(rows: Iterator[Record]) -> Iterator[list[Record]]:
    """Put the rows of one message together."""
    for _, together in groupby(rows, key=itemgetter("received_at")):
        messages: dict[str, list[Record]] = {}
        for row in together:
            messages.setdefault(row["message_id"], []).append(row)
        yield from messages.values()


def _of_period(
    table: DeliveriesTable, index: str, key: str, since: datetime, until: datetime, status: Status | None
) -> Iterator[Record]:
    """Ask hour by hour, backwards: the shards of an hour together, and those of the next ones meanwhile."""
    request: dict[str, Any] = {
        "TableName": table.name,
        "IndexName": index,
        "KeyConditionExpression": "#key = :key AND received_at BETWEEN :since AND :until",
        "ExpressionAttributeNames": {"#key": key},
        "ExpressionAttributeValues": {":since": {"S": iso(since)}, ":until": {"S": iso(until)}},
        "ScanIndexForward": False,
    }
    if status:
        request["FilterExpression"] = "#status = :status"
        request["ExpressionAttributeNames"]["#status"] = "status"
        request["ExpressionAttributeValues"][":status"] = {"S": status}

    def begin(shard: str) -> Iterator[Record]:
        values = {**request["ExpressionAttributeValues"], ":key": {"S": shard}}
        rows = _pages(table.client, "query", {**request, "ExpressionAttributeValues": values})
        return chain(list(islice(rows, 1)), rows)

    shards = (f"{hour}#{shard}" for hour in _hours(since, until) for shard in SHARDS)
    begun = side_by_side(begin, shards, QUERIES_AT_ONCE)
    while of_hour := list(islice(begun, len(SHARDS))):
        yield from merge(*of_hour, key=itemgetter("received_at"), reverse=True)


@dataclass(frozen=True, slots=True)
class _Page:
    """What one call has read; ``last`` when there is no more."""

    rows: list[Record]
    last: bool


def _newest_first(rows: list[Record]) -> list[Record]:
    return sorted(rows, key=itemgetter("received_at", "message_id"), reverse=True)


def _scanned(table: DeliveriesTable, index: str, status: Status | None, period: Period) -> Iterator[_Page]:
    """Read an index as a whole, a megabyte with each call.

    Mostly that of what needs attention is one page, and on a small site the other one, too: one call answers what would
    take one for each shard of each hour.
    """
    request: dict[str, Any] = {"TableName": table.name, "IndexName": index}
    filters: list[str] = []
    values: dict[str, Any] = {}
    if status:
        filters.append("#status = :status")
        request["ExpressionAttributeNames"] = {"#status": "status"}
        values[":status"] = {"S": status}
    if period.since or period.until:
        filters.append("received_at BETWEEN :since AND :until")
        since = iso(period.since) if period.since else "0"
        values |= {":since": {"S": since}, ":until": {"S": iso(period.latest)}}
    if filters:
        request |= {"FilterExpression": " AND ".join(filters), "ExpressionAttributeValues": values}
    with _index_is_there(request["IndexName"]):
        for page in table.client.get_paginator("scan").paginate(**request):
            yield _Page(list(map(plain, page["Items"])), "LastEvaluatedKey" not in page)


def _pages(client: "DynamoDBClient", operation: Any, request: dict[str, Any]) -> Iterator[Record]:
    pages = client.get_paginator(operation).paginate(**request, PaginationConfig={"PageSize": _PAGE})
    with _index_is_there(request["IndexName"]):
        for page in pages:
            yield from map(plain, page["Items"])


@contextmanager
def _index_is_there(name: str) -> Iterator[None]:
    """Say what to do when the index is not there yet: a stack that is being upgraded makes one after the other."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        detail = error.response["Error"]
        if detail["Code"] not in _REFUSED or " index" not in detail["Message"]:
            raise
        raise NoIndexError(
            f"the table of deliveries has no index {name} to ask, or not yet: deploy this version, see its upgrade; "
            "for a table that an earlier stack has left, see docs/operations.md, A stack is made again."
        ) from None


class NoIndexError(CommandError):
    """The stack is of an earlier version, or its index is still being made."""


def _hours(since: datetime, until: datetime) -> Iterator[str]:
    hour = until.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour + timedelta(hours=1) > since:
        yield f"{hour:%Y-%m-%dT%H}"
        hour -= timedelta(hours=1)
