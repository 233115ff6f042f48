"""What a policy holds back: a record for each mailbox, and one object at ``quarantine/<message id>``."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

from mailroom.settings import QUARANTINE_PREFIX
from mailroom.statuses import Status

from mailroomctl.deliveries import execution
from mailroomctl.deliveries.execution import Execution
from mailroomctl.deliveries.headers import printable
from mailroomctl.deliveries.raw_mail import beginning, stored_at
from mailroomctl.deliveries.rebuild import notification_from_records
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

IN_QUARANTINE = frozenset({Status.QUARANTINED, Status.RELEASED, Status.FAILED, Status.CLAIMED, Status.HELD})
"""Statuses of a record whose mail waits in quarantine; all but the first: a release that did not come to its end."""

_HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "Authentication-Results")


def quarantined_records(table: DeliveriesTable, message_id: str) -> list[Record]:
    """Return the records of the mailboxes for which a message is held back."""
    return [one for one in table.of_message(message_id) if is_held_back(one)]


def is_held_back(record: Record) -> bool:
    """Whether a record's mail waits in quarantine."""
    return bool(record.get("quarantine_key")) and record["status"] in IN_QUARANTINE


def release_mail(stack: Stack, table: DeliveriesTable, records: Sequence[Record]) -> Execution:
    """Run the workflow for quarantined records of one message, into the INBOX of their mailboxes.

    What it does not come to is quarantined again. The copy in quarantine stays.
    """
    mailboxes = [record["mailbox"] for record in records]
    notification = notification_from_records(records, mailboxes, key=find_mail(stack, records[0]))
    with _released(table, records):
        return execution.run(stack, notification)


@contextmanager
def _released(table: DeliveriesTable, records: Sequence[Record]) -> Iterator[None]:
    """Let the workflow claim ``records``: it leaves QUARANTINED alone, as a redelivery must not let mail out."""
    marked: list[Record] = []
    try:
        for record in records:
            if table.change_status(record, Status.RELEASED):
                marked.append({**record, "status": Status.RELEASED})
        yield
    finally:
        for record in marked:
            table.change_status(record, Status.QUARANTINED)  # refused when the workflow has claimed it


def find_mail(stack: Stack, record: Record) -> str:
    """Return the key of the raw mail: the original while it is there, else the copy."""
    keys: list[str] = [record["key"], record["quarantine_key"]]
    for key in keys:
        if stored_at(stack, record["bucket"], key):
            return key
    raise CommandError(
        f"the raw mail of {record['message_id']} is gone: neither {' nor '.join(keys)} is in the bucket."
    )


def read_headers(stack: Stack, record: Record) -> dict[str, str]:
    """Return the headers by which one recognises a mail, decoded and printable."""
    content = beginning(stack, record["bucket"], find_mail(stack, record))
    message = message_from_bytes(content, policy=policy.compat32)
    return {name: printable(message.get(name)) for name in _HEADERS if name in message}


def save_mail(stack: Stack, record: Record, file: Path) -> None:
    """Write the raw mail to ``file``, readable to its owner only."""
    body = stack.s3.get_object(Bucket=record["bucket"], Key=find_mail(stack, record))["Body"]
    try:
        file.touch(mode=0o600, exist_ok=False)
        with file.open("wb") as stream:
            for chunk in body.iter_chunks(1 << 20):
                stream.write(chunk)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}.") from None


def delete_mail(stack: Stack, message_id: str) -> None:
    """Delete the copy in quarantine; deleting what is not there is no error."""
    stack.s3.delete_object(Bucket=stack.output("MailBucketName"), Key=f"{QUARANTINE_PREFIX}{message_id}")
