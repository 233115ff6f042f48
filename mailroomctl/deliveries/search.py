"""Find records: of a mailbox, by the Message-ID header, or of all mail, by outcome, sender and time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge, nlargest
from itertools import islice
from operator import itemgetter

from mailroom.addresses import parse
from mailroom.errors import InvalidAddress
from mailroom.statuses import Status

from mailroomctl.addresses import normalised
from mailroomctl.deliveries.indexes import ATTENTION, EVER, Period, needing_attention, outcomes
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.errors import CommandError
from mailroomctl.times import iso

_EVER = "0000"
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


def find(table: DeliveriesTable, search: Search, limit: int) -> tuple[list[Record], bool]:
    """Return at most ``limit`` records, and whether there are more; but for the Message-ID alone, the newest first.

    Raises ``CommandError`` when the mailbox is no address and nothing is on record under it.
    """
    search.check()
    found: Iterable[Record]
    if search.mailbox:
        found = _of_mailbox(table, search)
    elif search.rfc_message_id:
        period = search.period
        since = iso(period.since) if period.since else _EVER
        found = table.of_rfc_message_id(bracketed(search.rfc_message_id), since, iso(_latest(search)))
    else:
        found = _of_all(table, search, limit)
    sent_by = from_sender(search.sender)
    wanted = (one for one in found if (not search.status or one["status"] == search.status) and sent_by(one))
    records = list(islice(wanted, limit + 1))
    if search.mailbox and not records:
        _refuse_no_address(search.mailbox)
    return records[:limit], len(records) > limit


def bracketed(rfc_message_id: str) -> str:
    """Notifications hold the header as it is, with its angle brackets, which shells and people leave out."""
    text = rfc_message_id.strip()
    return text if text.startswith("<") else f"<{text}>"


def _of_mailbox(table: DeliveriesTable, search: Search) -> Iterator[Record]:
    assert search.mailbox
    since = search.period.since
    if not since and not search.rfc_message_id:
        since = _latest(search) - _WEEK
    # Under a renamed mailbox's own address stands what it was refused.
    names = dict.fromkeys((normalised(search.mailbox), search.records_under or normalised(search.mailbox)))
    first, last = iso(since) if since else _EVER, iso(_latest(search))
    found = merge(*(table.of_mailbox(name, first, last) for name in names), key=itemgetter("received_at"), reverse=True)
    if not search.rfc_message_id:
        return found
    wanted = bracketed(search.rfc_message_id)
    return (record for record in found if record.get("rfc_message_id") == wanted)


def _of_all(table: DeliveriesTable, search: Search, limit: int) -> Iterable[Record]:
    """Ask the indexes, then for the records of their rows; the newest come first."""
    sent_by = from_sender(search.sender)
    if search.status not in ATTENTION:
        since = search.period.since or search.period.latest - _DAY
        rows = outcomes(table, since, search.period.latest)
        return table.in_full(row for row in rows if sent_by(row))
    rows = (row for row in needing_attention(table, search.status, search.period) if sent_by(row))
    return table.in_full(nlargest(limit + 1, rows, key=itemgetter("received_at")))


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
