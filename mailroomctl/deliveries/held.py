"""Undelivered mail as operators choose and count it: what is held, by the entry at fault; what was rejected."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import ceil

from mailroom.domain_names import normalise_domain
from mailroom.errors import InvalidAddress
from mailroom.statuses import Status

from mailroomctl.addresses import normalised
from mailroomctl.deliveries.indexes import EVER, Period, by_message, needing_attention, whole_index
from mailroomctl.deliveries.newest import of_index
from mailroomctl.deliveries.search import CALLS, ROWS, Found, as_found
from mailroomctl.deliveries.table import DeliveriesTable, Record, reason

_A_PAGE = 1_000_000  # rows: as many as a call gives


@dataclass(frozen=True, slots=True)
class Choice:
    """Which records a command is about; everything that is given must hold.

    ``entry`` is a key of the directory or a mailbox, ``domain`` that of the entry or the recipient, ``to`` the
    recipient. All as operators write them.
    """

    status: Status
    period: Period = EVER
    entry: str | None = None
    domain: str | None = None
    to: str | None = None
    code: str | None = None

    def rows(self, table: DeliveriesTable) -> Iterator[Record]:
        """Return the rows of the index ``needs_attention`` that are meant."""
        return filter(self.test(), needing_attention(table, self.status, self.period))

    def newest(self, table: DeliveriesTable, limit: int) -> Found:
        """Return the newest records that are meant, with few calls."""
        calls = CALLS * ceil(limit / ROWS)
        holds = self.test() if self.entry or self.domain or self.to or self.code else None
        found = of_index(table, "needs_attention", self.period, limit, calls=calls, status=self.status, holds=holds)
        return as_found(table.in_full(found.rows), found)

    def test(self) -> Callable[[Record], bool]:
        """Return a function that tells whether a row or record is meant."""
        entry = _entry_key(self.entry) if self.entry else None
        domain = _domain(self.domain) if self.domain else None
        to = normalised(self.to) if self.to else None

        def holds(record: Record) -> bool:
            return (
                record["status"] == self.status
                and (entry is None or at_fault(record) == entry)
                and (domain is None or domain in (_domain_of(at_fault(record)), _domain_of(record["mailbox"])))
                and (to is None or normalised(record["mailbox"]) == to)
                and (self.code is None or record.get("code") == self.code)
            )

        return holds


@dataclass(slots=True)
class Group:
    """Messages that are undelivered for the same reason: the key they are grouped by, how many, and a sample row."""

    key: str
    sample: Record
    messages: int = 0
    oldest: str = ""
    newest: str = ""
    codes: set[str] = field(default_factory=set)


def at_fault(record: Record) -> str:
    """Return the entry that a record is held for; a mailbox's own record may not name it."""
    return str(record.get("entry") or record["mailbox"])


def group(rows: Iterator[Record], key: Callable[[Record], str]) -> list[Group]:
    """Count messages, the largest group first. Memory grows with the groups only."""
    groups: dict[str, Group] = {}
    for message in by_message(rows):
        for name, row in {key(row): row for row in message}.items():
            received_at = row["received_at"]
            one = groups.setdefault(name, Group(name, row, 0, received_at, received_at))
            one.messages += 1
            one.oldest = min(one.oldest, received_at)
            if received_at >= one.newest:
                one.newest, one.sample = received_at, row
            if row.get("code"):
                one.codes.add(row["code"])
    return sorted(groups.values(), key=lambda one: (-one.messages, one.key))


def counted(
    table: DeliveriesTable, choice: Choice, key: Callable[[Record], str], *, whole: bool = False
) -> tuple[list[Group], str]:
    """Count messages with two calls, and say with which time the count goes on; with ``whole`` with all it takes."""
    if whole:
        return group(choice.rows(table), key), ""
    rows = whole_index(table, "needs_attention", choice.status, choice.period)
    if rows is not None:
        return group(filter(choice.test(), rows), key), ""
    found = of_index(
        table, "needs_attention", choice.period, _A_PAGE, calls=1, status=choice.status, holds=choice.test()
    )
    return group(iter(found.rows), key), found.older


def with_reasons(table: DeliveriesTable, groups: Iterable[Group]) -> Iterator[tuple[Group, str]]:
    """Return each group with why its newest message is undelivered, and the remedy."""
    groups = list(groups)
    found = {(one["message_id"], one["mailbox"]): one for one in table.in_full(one.sample for one in groups)}
    for one in groups:
        record = found.get((one.sample["message_id"], one.sample["mailbox"]))
        yield one, reason(record).removeprefix(f"{one.key}: ") if record else ""


def _entry_key(text: str) -> str:
    """A domain may be written without the @ that it has in the directory."""
    prefix, _, rest = text.strip().rpartition("@")
    if prefix in ("", "*"):
        return f"{prefix}@{_domain(rest)}"
    return normalised(text)


def _domain(text: str) -> str:
    try:
        return normalise_domain(text.strip().removeprefix("@"))
    except InvalidAddress:
        return text


def _domain_of(address: str) -> str:
    return _domain(address.rpartition("@")[2])
