"""Find records: of a mailbox, by the Message-ID header, or of all mail, by outcome, sender and time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import batched, islice
from math import ceil

from mailroom.addresses import parse
from mailroom.errors import InvalidAddress
from mailroom.statuses import Status

from mailroomctl.addresses import normalised
from mailroomctl.deliveries import newest
from mailroomctl.deliveries.indexes import ATTENTION, EVER, Period
from mailroomctl.deliveries.newest import Slice
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.errors import CommandError
from mailroomctl.times import iso

ROWS = 50
"""Rows of a list that take at most four calls; one finds the stack, and one reads the records of the others' rows."""

CALLS = 2
"""Of these, those for the rows."""
_EVER = "0000"
_BATCH = 100  # records of one call
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Search:
    """Which records; everything that is given must hold.

    ``sender`` is an address or a domain. Of a mailbox the last week is looked at, of all mail the last day, unless
    ``since`` or, of a mailbox, a Message-ID says what is meant; of what needs attention all is.
    """

    mailbox: str | None = None
    records_under: str | None = None
    """The name of the mailbox's records, where that is not its address."""
    rfc_message_id: str | None = None
    status: Status | None = None
    sender: str | None = None
    period: Period = EVER

    def check(self) -> None:
        """Raise ``CommandError`` for a period that ends before it begins."""
        self.period.check()


@dataclass(frozen=True, slots=True)
class Found:
    """Records, the newest first but for the Message-ID alone, and whether there are or may be ``more``.

    ``older`` is the receive time with which the search goes on, empty when it has seen all, or does not go on; with
    ``partial`` more of the last message than is shown was received; with ``unseen`` nobody has looked further back.
    """

    records: list[Record] = field(default_factory=list)
    more: bool = False
    older: str = ""
    partial: bool = False
    unseen: bool = False


def as_found(records: Iterable[Record], shown: Slice) -> Found:
    """Return the records of the rows that are shown."""
    return Found(list(records), bool(shown.older), shown.older, shown.partial, shown.unseen)


def find(table: DeliveriesTable, search: Search, limit: int) -> Found:
    """Return at most ``limit`` records, with few calls: what is rare may lie further back than they reach.

    A larger ``limit`` reaches further. Raises ``CommandError`` when the mailbox is no address and nothing is on record
    under it.
    """
    search.check()
    calls = CALLS * ceil(limit / ROWS)
    if search.mailbox:
        return _of_mailbox(table, search, limit, calls)
    if search.rfc_message_id:
        return _by_header(table, search, limit)
    if search.status in ATTENTION:
        return _needing_attention(table, search, limit, calls)
    return _of_all(table, search, limit, calls)


def bracketed(rfc_message_id: str) -> str:
    """Notifications hold the header as it is, with its angle brackets, which shells and people leave out."""
    text = rfc_message_id.strip()
    return text if text.startswith("<") else f"<{text}>"


def _of_mailbox(table: DeliveriesTable, search: Search, limit: int, calls: int) -> Found:
    """The index has whole records."""
    assert search.mailbox
    since = search.period.since
    if not since and not search.rfc_message_id:
        since = _latest(search) - _WEEK
    # Under a renamed mailbox's own address stands what it was refused.
    names = list(dict.fromkeys((normalised(search.mailbox), search.records_under or normalised(search.mailbox))))
    found = newest.of_mailbox(
        table, names, Period(since, _latest(search)), limit, calls=max(calls, len(names)), holds=_test(search)
    )
    if not found.rows:
        _refuse_no_address(search.mailbox)
    return as_found(found.rows, found)


def _by_header(table: DeliveriesTable, search: Search, limit: int) -> Found:
    """No index has the Message-ID: every record is read, until there are enough."""
    assert search.rfc_message_id
    since = iso(search.period.since) if search.period.since else _EVER
    records = table.of_rfc_message_id(bracketed(search.rfc_message_id), since, iso(_latest(search)))
    rows = list(islice(filter(_test(search), records), limit + 1))
    return Found(rows[:limit], len(rows) > limit)


def _needing_attention(table: DeliveriesTable, search: Search, limit: int, calls: int) -> Found:
    sent_by = from_sender(search.sender) if search.sender else None
    found = newest.of_index(
        table, "needs_attention", search.period, limit, calls=calls, status=search.status or "", holds=sent_by
    )
    return as_found(table.in_full(found.rows), found)


def _of_all(table: DeliveriesTable, search: Search, limit: int, calls: int) -> Found:
    """The index by time has the sender, and no outcome: of it only the records know."""
    period = Period(search.period.since or search.period.latest - _DAY, search.period.latest)
    sent_by = from_sender(search.sender) if search.sender else None
    if not search.status:
        found = newest.of_index(table, "by_time", period, limit, calls=calls, holds=sent_by)
        return as_found(table.in_full(found.rows), found)
    looked_at = max(limit, _BATCH) * (calls // CALLS)
    found = newest.of_index(table, "by_time", period, looked_at, calls=calls, holds=sent_by)
    records: list[Record] = []
    for some in batched(found.rows, _BATCH, strict=False):
        records += [one for one in table.in_full(some) if one["status"] == search.status]
    shown = newest.cut(records, "", limit)
    if not shown.older:
        shown = replace(found, rows=records, unseen=bool(found.older))
    return as_found(shown.rows, shown)


def _test(search: Search) -> Callable[[Record], bool] | None:
    """Return a function that tells whether a record is meant; None when all are."""
    if not (search.status or search.sender or search.rfc_message_id):
        return None
    sent_by = from_sender(search.sender)
    header = bracketed(search.rfc_message_id) if search.rfc_message_id else None

    def holds(record: Record) -> bool:
        return (
            (not search.status or record["status"] == search.status)
            and (not header or record.get("rfc_message_id") == header)
            and sent_by(record)
        )

    return holds


def from_sender(sender: str | None) -> Callable[[Record], bool]:
    """Return a function that tells whether a record is of mail from an address or a domain."""
    text = (sender or "").strip().lower()
    domain = text.removeprefix("@") if "@" not in text.removeprefix("@") else ""
    address = normalised(text) if text and not domain else ""

    def holds(record: Record) -> bool:
        source = str(record.get("source") or "").lower()
        if domain:
            return source.rpartition("@")[2] == domain
        return not address or normalised(source) == address

    return holds


def _latest(search: Search) -> datetime:
    """The end of the period; a clock of SES's may be ahead of ours."""
    return search.period.until or datetime.now(UTC) + _DAY


def _refuse_no_address(mailbox: str) -> None:
    """A recipient that is no address may be on record; where nothing is, it was most likely a mistake."""
    try:
        parse(mailbox)
    except InvalidAddress as error:
        raise CommandError(f"{mailbox!r} is not an address, and nothing is on record under it: {error}.") from None
