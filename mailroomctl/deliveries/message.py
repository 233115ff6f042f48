"""One message in full: every recipient with the rule that leads to its mailbox, attempts, times, file and reason."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mailroom.errors import FanOutLimitExceeded
from mailroom.resolve.entries import Entry, Forward, Mailbox
from mailroom.resolve.expansion import LookUps, expand
from mailroom.resolve.look_up import LookUp

from mailroomctl.addresses import normalised
from mailroomctl.deliveries import raw_mail
from mailroomctl.deliveries.table import BOUNCE, DeliveriesTable, Record, outcome_row
from mailroomctl.directory.overlay import table_with
from mailroomctl.directory.stack_rules import stack_rules
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.stack import Stack
from mailroomctl.times import iso

_READS = 5  # of the directory, one for each level of aliases; a message in full takes eight calls at most


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a copy, and when (ISO 8601)."""

    what: str
    at: str


@dataclass(frozen=True, slots=True)
class Way:
    """How a recipient leads to a mailbox by the directory as it is now; empty ``addresses``: it does not."""

    recipient: str
    addresses: Sequence[str] = ()
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """One record: what became of the message for a mailbox, or for a recipient without one."""

    record: Record
    row: Record
    steps: list[Step]
    ways: list[Way]


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What there is to know of a message. ``stored_at`` is None when the raw mail is gone."""

    message_id: str
    received_at: str
    source: str
    rfc_message_id: str
    bucket: str
    key: str
    stored_at: datetime | None
    copies: list[Copy] = field(default_factory=list)
    bounce: Record | None = None


def message_in_full(stack: Stack, table: DeliveriesTable, records: Sequence[Record]) -> MessageFacts:
    """Return the facts of a message from its records, which are at least one."""
    first = records[0]
    bucket, key = str(first.get("bucket") or ""), str(first.get("key") or "")
    copies = [one for one in records if one["mailbox"] != BOUNCE]
    ways = ways_now(stack, copies)
    return MessageFacts(
        message_id=first["message_id"],
        received_at=str(first.get("received_at") or ""),
        source=str(first.get("source") or ""),
        rfc_message_id=str(first.get("rfc_message_id") or ""),
        bucket=bucket,
        key=key,
        stored_at=raw_mail.stored_at(stack, bucket, key) if bucket and key else None,
        copies=[Copy(one, outcome_row(one), steps_of(one), ways.get(one["mailbox"], [])) for one in copies],
        bounce=next((one for one in records if one["mailbox"] == BOUNCE), None),
    )


def steps_of(record: Record) -> list[Step]:
    """Return what the record says of times, in their order; an attempt is known by the first claim and the last end."""
    claimed = record.get("first_claimed_at")
    times = [
        ("received by SES", record.get("received_at")),
        ("first claimed", iso(datetime.fromtimestamp(int(claimed), UTC)) if claimed else None),
        ("last attempt failed", record.get("failed_at")),
        ("delivered", record.get("delivered_at")),
    ]
    return sorted((Step(what, str(at)) for what, at in times if at), key=lambda one: one.at)


def ways_now(stack: Stack, records: Iterable[Record]) -> dict[str, list[Way]]:
    """Return, by mailbox, how each of its recipients leads there; none where the directory leads too far to say."""
    wanted = {one["mailbox"]: list(one.get("recipients") or ()) for one in records}
    starts = {normalised(recipient) for recipients in wanted.values() for recipient in recipients}
    if not starts:
        return {}
    directory = _Bounded(table_with(stack, DirectoryTable(stack)))
    try:
        found = expand(sorted(starts), directory, stack_rules(stack).fan_out_limit)
    except (FanOutLimitExceeded, _TooDeepError):
        return {}
    return {
        mailbox: [_way(recipient, mailbox, found) for recipient in recipients] for mailbox, recipients in wanted.items()
    }


def _way(recipient: str, mailbox: str, found: Mapping[str, LookUp]) -> Way:
    """The shortest way, breadth first."""
    start = normalised(recipient)
    came_from: dict[str, str | None] = {start: None}
    pending = deque([start])
    while pending:
        text = pending.popleft()
        entry = found[text].entry
        if isinstance(entry, Mailbox) and entry.records_name == mailbox:
            way: list[str] = []
            at: str | None = text
            while at is not None:
                way.append(at)
                at = came_from[at]
            # A tag, a catch-all or another domain leads to a mailbox that is not the address itself.
            way = [*([entry.address] if text != entry.address else []), *way]
            return Way(recipient, way[::-1], found[start].steps[-1] if found[start].steps else "")
        if isinstance(entry, Forward):
            for target in entry.targets:
                if target not in came_from:
                    came_from[target] = text
                    pending.append(target)
    problem = found[start].problem
    return Way(recipient, (), problem.reason if problem else "")


class _TooDeepError(Exception):
    """More levels than a message in full may read."""


class _Bounded:
    """Reads a few times only."""

    def __init__(self, directory: LookUps) -> None:
        self._directory = directory
        self._left = _READS

    def remembered(self, keys: Iterable[str]) -> Mapping[str, Entry | None]:
        return self._directory.remembered(keys)

    def read(self, keys: Iterable[str], *, consistent: bool = False) -> Mapping[str, Entry | None]:
        self._left -= 1
        if self._left < 0:
            raise _TooDeepError
        return self._directory.read(keys, consistent=consistent)
