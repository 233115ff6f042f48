"""The indexes of the deliveries table: every outcome of a period, and what needs attention.

Their keys are months (``mailroom.months``). Both show a change after a moment, and hold only what their rows name;
``DeliveriesTable.in_full`` reads the records. Here they are read to the end, and memory does not grow with what they
hold; a list of the newest is ``deliveries.newest``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from mailroom.months import keys_of, months_back
from mailroom.statuses import Status

from mailroomctl.deliveries.table import DeliveriesTable, Record, plain
from mailroomctl.errors import CommandError
from mailroomctl.times import iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ATTENTION = frozenset({Status.FAILED, Status.REJECTED, Status.HELD, Status.QUARANTINED})
"""Statuses whose records are in the index ``needs_attention``."""

INDEXES = {"by_time": "month", "needs_attention": "attention", "by_mailbox": "mailbox"}
"""The indexes by the time of receipt, and their keys."""

_PAGE = 500  # rows read at once, where a caller may have enough
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
    yield from _of_period(table, "by_time", since, until, page=_PAGE)


def needing_attention(table: DeliveriesTable, status: Status | None, period: Period) -> Iterator[Record]:
    """Return keys, status, entry, code, error and sender of the records with one of the statuses in ``ATTENTION``.

    The newest first when the period has a beginning, or the whole index is one page; else in no order. The records of
    one message come together. ``status`` None stands for all of them.
    """
    if period.since:
        yield from _of_period(table, "needs_attention", period.since, period.latest, status or "")
        return
    pages = _scanned(table, "needs_attention", status or "", period)
    first = next(pages)
    yield from _newest_first(first.rows) if first.last else first.rows
    for page in pages:
        yield from page.rows


def whole_index(table: DeliveriesTable, index: str, status: str, period: Period) -> list[Record] | None:
    """Return the rows of a period, the newest first, or None when one page does not hold the index."""
    with index_is_there(index):
        answer = table.client.scan(**_scan(table, index, status, period))
    return None if "LastEvaluatedKey" in answer else _newest_first(list(map(plain, answer["Items"])))


def condition(
    table: DeliveriesTable, index: str, key: str, since: datetime, until: datetime, status: str = ""
) -> dict[str, Any]:
    """Return a Query for what one key of an index has of a time, the newest first."""
    request: dict[str, Any] = {
        "TableName": table.name,
        "IndexName": index,
        "KeyConditionExpression": "#key = :key AND received_at BETWEEN :since AND :until",
        "ExpressionAttributeNames": {"#key": INDEXES[index]},
        "ExpressionAttributeValues": {":key": {"S": key}, ":since": {"S": iso(since)}, ":until": {"S": iso(until)}},
        "ScanIndexForward": False,
    }
    if status:
        request["FilterExpression"] = "#status = :status"
        request["ExpressionAttributeNames"]["#status"] = "status"
        request["ExpressionAttributeValues"][":status"] = {"S": status}
    return request


def by_message(rows: Iterator[Record]) -> Iterator[list[Record]]:
    """Put the rows of one message together."""
    for _, together in groupby(rows, key=itemgetter("received_at")):
        messages: dict[str, list[Record]] = {}
        for row in together:
            messages.setdefault(row["message_id"], []).append(row)
        yield from messages.values()


def _of_period(
    table: DeliveriesTable, index: str, since: datetime, until: datetime, status: str = "", page: int | None = None
) -> Iterator[Record]:
    """Ask month by month, backwards. ``page`` is for whoever may stop early; with a filter it would cost calls."""
    for month in months_back(until, since):
        requests = [condition(table, index, key, since, until, status) for key in keys_of(month)]
        shards = [_pages(table.client, one, page) for one in requests]
        yield from merge(*shards, key=itemgetter("received_at"), reverse=True)


@dataclass(frozen=True, slots=True)
class _Page:
    """What one call has read; ``last`` when there is no more."""

    rows: list[Record]
    last: bool


def _newest_first(rows: list[Record]) -> list[Record]:
    return sorted(rows, key=itemgetter("received_at", "message_id"), reverse=True)


def _scanned(table: DeliveriesTable, index: str, status: str, period: Period) -> Iterator[_Page]:
    """Read an index as a whole, a megabyte with each call.

    Mostly that of what needs attention is one page, and on a small site the other one, too: one call answers what would
    take one for each month.
    """
    with index_is_there(index):
        for page in table.client.get_paginator("scan").paginate(**_scan(table, index, status, period)):
            yield _Page(list(map(plain, page["Items"])), "LastEvaluatedKey" not in page)


def _scan(table: DeliveriesTable, index: str, status: str, period: Period) -> dict[str, Any]:
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
    return request


def _pages(client: "DynamoDBClient", request: dict[str, Any], page: int | None) -> Iterator[Record]:
    pages = client.get_paginator("query").paginate(**request, PaginationConfig={"PageSize": page} if page else {})
    with index_is_there(request["IndexName"]):
        for answer in pages:
            yield from map(plain, answer["Items"])


@contextmanager
def index_is_there(name: str) -> Iterator[None]:
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
