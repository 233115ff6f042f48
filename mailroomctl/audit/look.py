"""Read, compare, and look into the queues: what an audit has found is in its notes then."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import chain

from mailroom.audit.copies import WrongRootError, absent
from mailroom.audit.findings import Kind, compare
from mailroom.audit.notes import Finding, Notes, RecordNote
from mailroom.audit.reading import objects, read, record_notes, records

from mailroomctl.audit.work import Work
from mailroomctl.console import Console
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.errors import CommandError
from mailroomctl.queues.depth import depth
from mailroomctl.queues.in_flight import MessagesInFlight
from mailroomctl.queues.messages import Waiting, read_dead_letter, read_parked
from mailroomctl.queues.process import read_all
from mailroomctl.stack import Stack
from mailroomctl.times import iso

_QUEUES = {"DeadLetter": Kind.DEAD_LETTER, "Parked": Kind.PARKED}


def look(stack: Stack, console: Console, work: Work) -> None:
    """Find everything that is not as it must be."""
    table = DeliveriesTable(stack)
    read_everything(stack, console, work)
    notes = work.notes
    notes.forget_findings()
    notes.find(compare(notes, work.period, datetime.now(UTC), partial(record_notes, stack.dynamodb, table.name)))
    for queue, kind in _QUEUES.items():
        if sum(depth(stack.sqs, stack.output(f"{queue}QueueUrl"))):
            _note_waiting(notes, kind, in_queue(stack, console, queue))
    if work.mail_root:
        with console.progress("looking into mailboxes") as progress, right_root():
            notes.find(_absent(notes, work, progress.advance))


def read_everything(stack: Stack, console: Console, work: Work) -> None:
    """Read the bucket and the table; what an interrupted audit has read is not read again."""
    bucket, prefix = stack.output("MailBucketName"), stack.parameter("MailKeyPrefix", "mail/")
    with console.progress("reading") as progress:
        streams = chain(
            [objects(stack.s3, bucket, prefix)],
            records(stack.dynamodb, stack.output("DeliveriesTableName"), work.period),
        )
        read(work.notes, streams, progress.advance)


@contextmanager
def right_root() -> Iterator[None]:
    """Say in one line that a folder is not the mail root."""
    try:
        yield
    except WrongRootError as error:
        raise CommandError(f"{error}: is it mounted, and is this the mail root?") from None


def in_queue(stack: Stack, console: Console, queue: str) -> list[Waiting]:
    """Return what waits for an operator in a queue; it stays there."""
    with MessagesInFlight(stack.sqs, stack.output(f"{queue}QueueUrl")) as in_flight:
        return read_waiting(stack, console, in_flight, queue)


def read_waiting(stack: Stack, console: Console, in_flight: MessagesInFlight, queue: str) -> list[Waiting]:
    """Return what is held in flight, read as far as it can be; the records of dead letters are not asked for."""
    if queue == "Parked":
        return read_all(console, in_flight, read_parked, "parked queue")
    return read_all(console, in_flight, lambda message: read_dead_letter(message, []), "dead-letter queue")


def _note_waiting(notes: Notes, kind: Kind, waiting: list[Waiting]) -> None:
    """What is in a queue is not lost, whatever is or is not on record of it."""
    found = [
        Finding(
            kind,
            one.message_id or one.message.id,
            iso((one.mail and one.mail.received_at) or datetime.fromtimestamp(one.message.sent_at, UTC)),
            tuple(one.mail.recipients) if one.mail else (),
            "",
            ", ".join(one.errors) if kind == Kind.PARKED else "given up after all attempts",
        )
        for one in waiting
    ]
    notes.find(found)
    with notes.at_once() as database:
        database.executemany(
            "DELETE FROM findings WHERE message_id = ? AND kind IN (?, ?)",
            ((one.message_id, Kind.LOST, Kind.UNANSWERED) for one in found),
        )


def _absent(notes: Notes, work: Work, progress: Callable[[int], None]) -> Iterator[Finding]:
    assert work.mail_root
    period = work.period

    def in_period(record: RecordNote) -> bool:
        return period.earliest <= record.received_at <= period.latest

    for one in absent(notes, work.mail_root, in_period, progress):
        record = one.record
        kind, reason = (Kind.UNREADABLE, one.unreadable) if one.unreadable else (Kind.ABSENT, f"was {record.file_name}")
        yield Finding(
            kind, record.message_id, record.received_at, record.recipients, record.mailbox, reason, record.key or ""
        )
