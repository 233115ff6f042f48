"""Find messages: at most four calls for a page of fifty rows, however many records there are.

The index of all messages is spread over sixteen keys an hour, so asking key by key would take hundreds of calls for a
day. While all of the index fits into one answer, that is asked for. Else PartiQL asks for three hours at once, the most
that one statement may name. What a page does not show is a question of its own: ``Page.older`` says from where.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from mailroom.hours import SHARDS

from mailroomctl.addresses import normalised
from mailroomctl.deliveries.indexes import ATTENTION
from mailroomctl.deliveries.table import DeliveriesTable, Record, plain
from mailroomctl.directory.records_names import name_of
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.times import iso
from mailroomctl.web.context import Context

ROWS = 50
_ASKED = 3  # calls; the fourth reads the records
HOURS = 3  # a statement may name 50 keys
_FULL = 100  # records of one BatchGetItem
_EVER = "0000"


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
    """More came in so short a time than one answer holds: some rows are missing."""


def find(context: Context, question: Question, start: dict[str, Any] | None = None) -> Page:
    """Answer a question. ``start`` is the ``key`` of the page before, of a search through all records."""
    table = DeliveriesTable(context.stack)
    if question.message_id:
        return Page(table.of_message(question.message_id.strip()))
    if question.mailbox:
        return _of_mailbox(context, table, question)
    if question.rfc_message_id:
        return _by_header(table, question, start)
    return _of_all(context, table, question)


def _of_mailbox(context: Context, table: DeliveriesTable, question: Question) -> Page:
    """Of a renamed mailbox also what is on record under its own address: what it was refused."""
    name = name_of(DirectoryTable(context.stack), question.mailbox)
    own = normalised(question.mailbox)
    if name == own:
        page = _of_name(table, question, name, _ASKED)
    else:
        pages = [_of_name(table, question, name, _ASKED - 1), _of_name(table, question, own, 1)]
        # Before the later of the two ends not all is known.
        end = max(one.looked_back_to for one in pages)
        known = [record for one in pages for record in one.records if record["received_at"] >= end]
        page = Page(sorted(known, key=itemgetter("received_at"), reverse=True), end)
    return _cut(page, question, more=bool(page.looked_back_to))


def _of_name(table: DeliveriesTable, question: Question, name: str, calls: int) -> Page:
    """The index holds whole records; ``looked_back_to`` is empty when these are all."""
    values = {
        ":mailbox": name,
        ":since": iso(question.since) if question.since else _EVER,
        ":until": iso(question.until or _soon()),
    }
    request: dict[str, Any] = {
        "TableName": table.name,
        "IndexName": "by_mailbox",
        "KeyConditionExpression": "mailbox = :mailbox AND received_at BETWEEN :since AND :until",
        "ScanIndexForward": False,
        **_filter(question, values),
    }
    if values[":since"] > values[":until"]:
        return Page()
    page = Page()
    for _ in range(calls):
        answer = table.client.query(**request)
        page.records += map(plain, answer["Items"])
        if "LastEvaluatedKey" not in answer:
            page.looked_back_to = ""
            break
        page.looked_back_to = str(plain(answer["LastEvaluatedKey"])["received_at"])
        if len(page.records) > ROWS:
            break
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    return page


def _by_header(table: DeliveriesTable, question: Question, start: dict[str, Any] | None) -> Page:
    """No index has the Message-ID: read on, some pages at a time."""
    values = {":since": iso(question.since) if question.since else _EVER, ":until": iso(question.until or _soon())}
    request: dict[str, Any] = {"TableName": table.name, **_filter(question, values, period=True)}
    page = Page()
    for _ in range(_ASKED):
        if start:
            request["ExclusiveStartKey"] = start
        answer = table.client.scan(**request)
        page.records += map(plain, answer["Items"])
        page.read += answer.get("ScannedCount", 0)
        page.key = start = answer.get("LastEvaluatedKey")
        if not start:
            break
    page.records.sort(key=itemgetter("received_at"), reverse=True)
    return page


def _of_all(context: Context, table: DeliveriesTable, question: Question) -> Page:
    attention = question.status in ATTENTION
    index, key = ("needs_attention", "attention") if attention else ("by_time", "hour")
    known = index in context.large_indexes
    rows = None if known else _whole_index(table, index, question)
    if rows is None:
        calls = _ASKED if known else _ASKED - 1
        context.large_indexes.add(index)
        page = _by_hours(table, index, key, question, calls)
    else:
        page = _cut(Page(sorted(rows, key=itemgetter("received_at"), reverse=True)), question)
    if question.status and not attention:
        # Only the records know: the page looks at as many as one call reads, and goes on from there.
        chosen = page.records[:_FULL]
        page.records = [one for one in table.in_full(chosen) if one["status"] == question.status]
        return page
    page.records = list(table.in_full(page.records[:ROWS]))
    return page


def _whole_index(table: DeliveriesTable, index: str, question: Question) -> list[Record] | None:
    """Return the rows that match, or None when one answer does not hold the index."""
    values = {":since": iso(question.since) if question.since else _EVER, ":until": iso(question.until or _soon())}
    indexed = replace(question, status=question.status if question.status in ATTENTION else "")
    answer = table.client.scan(TableName=table.name, IndexName=index, **_filter(indexed, values, period=True))
    return None if "LastEvaluatedKey" in answer else [plain(item) for item in answer["Items"]]


def _by_hours(table: DeliveriesTable, index: str, key: str, question: Question, calls: int) -> Page:
    """Ask backwards, three hours at a time; for less where that is more than one answer holds."""
    page = Page()
    until = question.until or _soon()
    first = question.since or datetime(2000, 1, 1, tzinfo=UTC)
    span, newest = timedelta(hours=HOURS), until
    for left in reversed(range(calls)):
        if first > until:
            break
        since = max(first, _earliest(until, newest - span))
        rows, whole = _statement(table, index, key, question, since, until)
        page.partial = not whole
        if not whole and left:
            shards = len({row[key] for row in rows}) or 1
            asked = len(_keys(since, until))
            # The rows of the keys that were answered stand for those of all.
            span = (until - since) * min(0.5, ROWS * 2 * shards / (asked * max(len(rows), 1)))
            newest = datetime.fromisoformat(max(row["received_at"] for row in rows))
            continue
        page.records += sorted(rows, key=itemgetter("received_at"), reverse=True)
        page.looked_back_to = iso(since)
        newest = until = since - timedelta(milliseconds=1)
        if len(page.records) >= ROWS or since <= first:
            break
    return _cut(page, question, more=until > first, until=until)


def _statement(
    table: DeliveriesTable, index: str, key: str, question: Question, since: datetime, until: datetime
) -> tuple[list[Record], bool]:
    """Return rows, and whether these are all."""
    keys = _keys(since, until)
    text = f'SELECT * FROM "{table.name}"."{index}" WHERE "{key}" IN [{", ".join("?" * len(keys))}]'  # noqa: S608
    parameters = [*keys, iso(since), iso(until)]
    text += ' AND "received_at" BETWEEN ? AND ?'
    for name, value in (("source", question.sender), ("status", question.status if index == "needs_attention" else "")):
        if value:
            text += f' AND "{name}" = ?'
            parameters.append(value)
    answer = table.client.execute_statement(Statement=text, Parameters=[{"S": one} for one in parameters])
    return [plain(item) for item in answer["Items"]], not answer.get("NextToken")


def _keys(since: datetime, until: datetime) -> list[str]:
    hours: list[datetime] = []
    hour = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour <= until:
        hours.append(hour)
        hour += timedelta(hours=1)
    return [f"{one:%Y-%m-%dT%H}#{shard}" for one in reversed(hours[-HOURS:]) for shard in SHARDS]


def _earliest(until: datetime, wanted: datetime) -> datetime:
    """A statement names whole hours, of which the last has begun."""
    return max(wanted, until.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1))


def _filter(question: Question, values: dict[str, str], *, period: bool = False) -> dict[str, Any]:
    """Add what is no key to a Query or Scan."""
    terms = ["received_at BETWEEN :since AND :until"] if period else []
    names: dict[str, str] = {}
    wanted = {
        "source": question.sender,
        "status": question.status,
        "rfc_message_id": bracketed(question.rfc_message_id),
    }
    for name, value in wanted.items():
        if value:
            terms.append(f"#{name} = :{name}")
            names[f"#{name}"], values[f":{name}"] = name, value
    found: dict[str, Any] = {"ExpressionAttributeValues": {name: {"S": value} for name, value in values.items()}}
    if names:
        found["ExpressionAttributeNames"] = names
    if terms:
        found["FilterExpression"] = " AND ".join(terms)
    return found


def bracketed(rfc_message_id: str) -> str:
    """Notifications hold the header as it is, with its angle brackets, which people leave out."""
    text = rfc_message_id.strip()
    return text if not text or text.startswith("<") else f"<{text}>"


def _cut(page: Page, question: Question, *, more: bool = False, until: datetime | None = None) -> Page:
    """Leave the rows that a page shows, and whole messages: their records have the same time."""
    if len(page.records) > ROWS:
        last = page.records[ROWS - 1]["received_at"]
        page.records = [one for one in page.records if one["received_at"] >= last][:_FULL]
        page.looked_back_to = last
        page.older = replace(question, until=_before(last))
    elif more:
        page.older = replace(question, until=until or _before(page.looked_back_to))
    return page


def _before(received_at: str) -> datetime:
    return datetime.fromisoformat(received_at) - timedelta(milliseconds=1)


def _soon() -> datetime:
    """A clock of SES's may be ahead of ours."""
    return datetime.now(UTC) + timedelta(minutes=5)


def by_message(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Put the records of one message together, in the order of the first."""
    together: dict[str, list[Record]] = {}
    for record in records:
        together.setdefault(record["message_id"], []).append(record)
    yield from together.values()
