"""What an audit finds: objects and records side by side, by message."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from heapq import merge
from itertools import groupby
from operator import itemgetter

from mailroom.audit.notes import Finding, Notes, RecordNote, StoredObject
from mailroom.audit.reading import Period
from mailroom.settings import QUARANTINE_PREFIX
from mailroom.statuses import Status


class Kind(StrEnum):
    """Kinds of findings, the worst first."""

    LOST = "lost"
    """Raw mail of which nothing is on record: its notification was lost, or waits in a queue."""
    UNANSWERED = "unanswered"
    """An envelope recipient of whom nothing is on record, though something is of the message."""
    EXPIRED = "expired"
    """Not delivered, and its raw mail is gone."""
    OPEN = "open"
    """A claim, a release or a restore that has not come to its end."""
    FAILED = "failed"
    """The last attempt failed, and none has come since."""
    HELD = "held"
    """A fault of our own keeps it back."""
    DEAD_LETTER = "dead letter"
    """In the dead-letter queue."""
    PARKED = "parked"
    """In the parked queue."""
    UNREADABLE = "unreadable"
    """A mailbox that could not be looked into."""
    ABSENT = "absent"
    """Delivered, and nowhere in its mailbox: deleted by its reader, or lost."""


HARMLESS = frozenset({Kind.ABSENT})
"""What does not keep an audit from being clean."""

_OPEN: dict[str, Kind] = {
    Status.CLAIMED: Kind.OPEN,
    Status.RELEASED: Kind.OPEN,
    Status.RESTORING: Kind.OPEN,
    Status.FAILED: Kind.FAILED,
    Status.HELD: Kind.HELD,
}
_WITHOUT_RECORDS = "nothing is on record: SES's notification was lost, or waits in a queue"

type Confirm = Callable[[str], Sequence[RecordNote]]
"""Reads the records of a message as they are now."""


def compare(notes: Notes, period: Period, now: datetime, confirm: Confirm) -> Iterator[Finding]:
    """Return everything that is not as it must be, message by message.

    What may have changed since it was read, or lies outside the time that was read, is asked for again (``confirm``).
    """
    objects = ((one.message_id, one) for one in notes.objects())
    records = ((one.message_id, one) for one in notes.records())
    both: Iterator[tuple[str, StoredObject | RecordNote]] = merge(objects, records, key=itemgetter(0))
    for message_id, together in groupby(both, key=itemgetter(0)):
        rows = [row for _, row in together]
        stored = [row for row in rows if isinstance(row, StoredObject)]
        found = [row for row in rows if isinstance(row, RecordNote)]
        if any(True for _ in _of_message(stored, found, period, now)):
            found = list(confirm(message_id)) if _may_be_outdated(stored, found, period, now) else found
            yield from _of_message(stored, found, period, now)


def clean(kinds: Iterable[str]) -> bool:
    """Whether findings of these kinds leave nothing to do."""
    return all(kind in HARMLESS for kind in kinds)


def without_outcome(records: Sequence[RecordNote]) -> tuple[str, ...]:
    """Return the envelope recipients that no record of a message names."""
    envelope = {one for record in records for one in record.envelope}
    return tuple(sorted(envelope - {one for record in records for one in record.recipients}))


def _may_be_outdated(
    stored: Sequence[StoredObject], found: Sequence[RecordNote], period: Period, now: datetime
) -> bool:
    """Held and failed mail is as it was a minute ago; what is missing may have come since."""
    kinds = {one.kind for one in _of_message(stored, found, period, now)}
    return not kinds <= {Kind.HELD, Kind.FAILED}


def _of_message(
    stored: Sequence[StoredObject], found: Sequence[RecordNote], period: Period, now: datetime
) -> Iterator[Finding]:
    if not found:
        first = min(stored, key=lambda one: one.stored_at)
        if period.has(first.stored_at):
            at = datetime.fromtimestamp(first.stored_at, UTC)
            received_at = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            yield Finding(Kind.LOST, first.message_id, received_at, (), "", _WITHOUT_RECORDS, first.key)
        return
    begun = min(one.received_at for one in found)
    if not period.earliest <= begun <= period.latest:
        return
    key = next((one.key for one in found if one.key), "") or ""
    if missing := without_outcome(found):
        reason = "nothing is on record of these recipients"
        yield Finding(Kind.UNANSWERED, found[0].message_id, begun, missing, "", reason, key)
    for record in found:
        if kind := _OPEN.get(record.status):
            gone = not stored and not in_quarantine(record)
            yield Finding(
                Kind.EXPIRED if gone else kind,
                record.message_id,
                record.received_at,
                record.recipients,
                record.mailbox,
                f"{record.status}, and its raw mail is gone" if gone else _reason(record, now),
                record.key or "",
            )


def in_quarantine(record: RecordNote) -> bool:
    """Whether a record's raw mail may be the copy in quarantine."""
    return record.status == Status.RELEASED or (record.key or "").startswith(QUARANTINE_PREFIX)


def _reason(record: RecordNote, now: datetime) -> str:
    if record.status != Status.CLAIMED:
        return " ".join(filter(None, (record.status, record.error, record.entry)))
    if record.lease_until and record.lease_until >= now.timestamp():
        return f"CLAIMED, and an execution works on it until {datetime.fromtimestamp(record.lease_until, UTC):%H:%M:%S}"
    return "CLAIMED, and no execution works on it any more"
