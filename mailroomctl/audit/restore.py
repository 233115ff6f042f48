"""Deliver again what is on record and nowhere in its mailbox: after a backup of the file system had to be used.

A record that says DELIVERED is claimed by nobody. So the record is changed to RESTORING first, on the condition that
it is as it was read, and the workflow is started with an event that names the one mailbox. From there on it is a
delivery like any other: claimed, a recovery (which looks for a copy before it writes one), recorded. What dies in
between is RESTORING, CLAIMED or FAILED, which the next restore, a redelivery or a replay takes up.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from mailroom.audit.copies import absent
from mailroom.audit.findings import Kind
from mailroom.audit.notes import Finding, Notes, RecordNote
from mailroom.audit.reading import delivered, read
from mailroom.statuses import Status

from mailroomctl.audit.look import right_root
from mailroomctl.audit.repair import Repair
from mailroomctl.audit.work import Work
from mailroomctl.console import Console, Progress
from mailroomctl.deliveries import execution, raw_mail
from mailroomctl.deliveries.rebuild import notification_from_records
from mailroomctl.deliveries.replay_many import EXECUTIONS_AT_ONCE
from mailroomctl.deliveries.side_by_side import side_by_side
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.directory.overlaps import path_of
from mailroomctl.directory.records_names import renamed
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack
from mailroomctl.times import iso

_ABSENT = "SELECT records.* FROM findings JOIN records USING (message_id, mailbox) WHERE kind = ? ORDER BY mailbox"
_UNFINISHED = """
SELECT records.* FROM records LEFT JOIN findings USING (message_id, mailbox) WHERE status = ? AND kind IS NULL
"""
_BY_MAILBOX = """
SELECT mailbox, count(*), min(received_at), max(received_at) FROM findings WHERE kind = ? GROUP BY mailbox
"""


@dataclass(frozen=True, slots=True)
class Lost:
    """How many copies are absent: those to restore, those restored before and gone again, those nobody could see."""

    absent: int
    before: int
    unreadable: Sequence[tuple[str, str]]


def find_lost(stack: Stack, console: Console, work: Work, mailboxes: Sequence[str], *, again: bool) -> Lost:
    """Note the copies that were written in the period and are nowhere in their mailboxes."""
    assert work.period.since
    assert work.mail_root
    notes, since = work.notes, work.period.since
    table = stack.output("DeliveriesTableName")
    with console.progress("reading") as progress:
        read(notes, delivered(stack.dynamodb, table, since, work.period.until, mailboxes), progress.advance)
    before = 0
    unreadable: dict[str, str] = {}

    def lost() -> Iterator[Finding]:
        nonlocal before
        for one in absent(notes, str(work.mail_root), progress=progress.advance):
            record = one.record
            if one.unreadable:
                unreadable[record.mailbox] = one.unreadable
            elif not again and _restored_since(record, since):
                before += 1
            else:
                about = (record.message_id, record.received_at, record.recipients, record.mailbox)
                yield Finding(Kind.ABSENT, *about)

    with console.progress("looking into mailboxes") as progress, right_root():
        notes.find(lost())
    found = {kind: count for kind, count, *_ in notes.summary()}
    return Lost(found.get(Kind.ABSENT, 0), before, sorted(unreadable.items()))


def by_mailbox(notes: Notes) -> list[dict[str, Any]]:
    """Return what is to be restored, by mailbox."""
    names = ("mailbox", "copies", "oldest", "newest")
    return [dict(zip(names, row, strict=True)) for row in notes.database.execute(_BY_MAILBOX, (Kind.ABSENT,))]


def restore_lost(stack: Stack, notes: Notes, result: Repair, progress: Progress) -> None:
    """Deliver what was noted again, a few at once."""
    from botocore.exceptions import BotoCoreError, ClientError

    table, directory = DeliveriesTable(stack), DirectoryTable(stack)
    template = stack.parameter("MailboxPathTemplate", "{domain}/{local_part}/Maildir")
    called = renamed(directory.scan(consistent=True))
    _ = stack.s3, stack.stepfunctions, stack.outputs  # made here, because a session makes its clients one at a time

    def restore_one(lost: RecordNote) -> None:
        try:
            _check_place(directory, called.get(lost.mailbox, lost.mailbox), template, lost)
            _restore(stack, table, lost, result)
        except CommandError as error:
            result.note(lost.message_id, f"{lost.mailbox}: {error}")
        except (ClientError, BotoCoreError) as error:
            result.note(lost.message_id, f"{lost.mailbox}: {error}", of_execution=True)
        progress.advance()

    rows = notes.database.execute(_ABSENT, (Kind.ABSENT,))
    lost = takewhile(lambda _: not result.stopped, map(RecordNote.of_row, rows))
    for _done in side_by_side(restore_one, lost, EXECUTIONS_AT_ONCE):
        pass


def end_unfinished(stack: Stack, notes: Notes) -> None:
    """Say DELIVERED again of what a restore was about to deliver when it died, and is there all the same."""
    table = DeliveriesTable(stack)
    for row in notes.database.execute(_UNFINISHED, (Status.RESTORING,)).fetchall():
        record = _record(table, RecordNote.of_row(row))
        if record and record["status"] == Status.RESTORING:
            table.change_status(record, Status.DELIVERED)


def _restored_since(record: RecordNote, since: datetime) -> bool:
    """Whether an earlier restore of this loss has delivered it: then its reader has deleted it since."""
    if record.status != Status.DELIVERED or not (record.restored_at and record.delivered_at):
        return False
    return iso(since) <= record.restored_at <= record.delivered_at


def _check_place(directory: DirectoryTable, address: str, template: str, lost: RecordNote) -> None:
    """A mailbox that was moved has its mail elsewhere, where nobody has looked."""
    entry = directory.get(address)
    if not entry or entry["type"] != "mailbox":
        raise CommandError("the directory has no such mailbox any more.")
    if (path := path_of(entry, template)) != lost.path:
        raise CommandError(f"it was delivered to {lost.path}, and the mailbox is at {path} now: look there first.")


def _restore(stack: Stack, table: DeliveriesTable, lost: RecordNote, result: Repair) -> None:
    record = _record(table, lost)
    if not record or (record["status"], record.get("delivered_at")) != (lost.status, lost.delivered_at):
        raise CommandError(f"it has changed meanwhile: {record['status'] if record else 'it is not on record'}.")
    notification = notification_from_records([record], restore=[lost.mailbox], bounce=False)
    raw_mail.check_stored(stack, record["bucket"], record["key"])
    with _restoring(table, record):
        run = execution.run(stack, notification)
    now = _record(table, lost)
    if now and now["status"] == Status.DELIVERED and now.get("delivered_at") != lost.delivered_at:
        result.note(lost.message_id)
    elif run.settled:
        result.note(lost.message_id, f"{lost.mailbox}: the directory leads {', '.join(lost.recipients)} elsewhere now")
    else:
        why = f"{lost.mailbox}: {run.end}: {run.text}"
        result.note(lost.message_id, why, of_execution=run.end == execution.FAILED)


def _record(table: DeliveriesTable, lost: RecordNote) -> Record | None:
    return next((one for one in table.of_message(lost.message_id) if one["mailbox"] == lost.mailbox), None)


@contextmanager
def _restoring(table: DeliveriesTable, record: Record) -> Iterator[None]:
    """Let the workflow claim a record that says DELIVERED; what it does not come to is DELIVERED again."""
    if not table.change_status(record, Status.RESTORING, restored_at=iso(datetime.now(UTC))):
        raise CommandError("somebody else restores it just now.")
    try:
        yield
    finally:
        table.change_status({**record, "status": Status.RESTORING}, Status.DELIVERED)  # refused when it was claimed
