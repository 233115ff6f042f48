"""Find messages: at most four calls for a page of fifty rows, however many records there are.

The search is the commands' own. What a page does not show is a question of its own: ``Page.older`` says from where.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from mailroom.statuses import Status

from mailroomctl.deliveries import search
from mailroomctl.deliveries.indexes import Period
from mailroomctl.deliveries.search import ROWS, Search, bracketed
from mailroomctl.deliveries.table import DeliveriesTable, Record, plain
from mailroomctl.directory.records_names import name_of
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.times import iso
from mailroomctl.web.context import Context

_PAGES = 3  # of the table, for a Message-ID
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """Which messages; everything that is given must hold. Addresses are as operators write them."""

    message_id: str = ""
    mailbox: str = ""
    sender: str = ""
    rfc_message_id: str = ""
    status: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(slots=True)
class Page:
    """Rows, the newest first. ``looked_back_to`` is where the search ended, ``older`` asks for what is before."""

    records: list[Record] = field(default_factory=list)
    looked_back_to: str = ""
    older: Question | None = None
    key: dict[str, Any] | None = None
    """Where a search through all records goes on."""
    read: int = 0
    partial: bool = False
    """More came at the time of the last row than the page shows."""


def find(context: Context, question: Question, start: dict[str, Any] | None = None) -> Page:
    """Answer a question. ``start`` is the ``key`` of the page before, of a search through all records."""
    table = DeliveriesTable(context.stack)
    period = Period(question.since or _FIRST, question.until or _soon())
    if question.message_id:
        return Page(table.of_message(question.message_id.strip()))
    if question.since and question.since > period.latest:
        return Page()
    if question.rfc_message_id and not question.mailbox:
        return _by_header(table, question, period, start)
    name = name_of(DirectoryTable(context.stack), question.mailbox) if question.mailbox else None
    asked = Search(
        mailbox=question.mailbox or None,
        records_under=name,
        rfc_message_id=question.rfc_message_id or None,
        status=Status(question.status) if question.status else None,
        sender=question.sender or None,
        period=period,
    )
    found = search.find(table, asked, ROWS)
    older = replace(question, until=datetime.fromisoformat(found.older)) if found.older else None
    return Page(found.records, found.older, older, partial=found.partial)


def _by_header(table: DeliveriesTable, question: Question, period: Period, start: dict[str, Any] | None) -> Page:
    """No index has the Message-ID: read on, some pages at a time."""
    wanted = {"rfc_message_id": bracketed(question.rfc_message_id), "status": question.status}
    given = {name: value for name, value in wanted.items() if value}
    request: dict[str, Any] = {
        "TableName": table.name,
        "FilterExpression": " AND ".join(
            ["received_at BETWEEN :since AND :until", *(f"#{name} = :{name}" for name in given)]
        ),
        "ExpressionAttributeNames": {f"#{name}": name for name in given},
        "ExpressionAttributeValues": {
            ":since": {"S": iso(period.since or _FIRST)},
            ":until": {"S": iso(period.latest)},
            **{f":{name}": {"S": value} for name, value in given.items()},
        },
    }
    sent_by = search.from_sender(question.sender)
    page = Page()
    for _ in range(_PAGES):
        if start:
            request["ExclusiveStartKey"] = start
        answer = table.client.scan(**request)
        page.records += filter(sent_by, map(plain, answer["Items"]))
        page.read += answer.get("ScannedCount", 0)
        page.key = start = answer.get("LastEvaluatedKey")
        if not start:
            break
    page.records.sort(key=itemgetter("received_at"), reverse=True)
    return page


def _soon() -> datetime:
    """A clock of SES's may be ahead of ours."""
    return datetime.now(UTC) + timedelta(minutes=5)


def by_message(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Put the records of one message together, in the order of the first."""
    together: dict[str, list[Record]] = {}
    for record in records:
        together.setdefault(record["message_id"], []).append(record)
    yield from together.values()
