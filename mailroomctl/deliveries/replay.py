"""One message again: its notification from what is on record, an execution, and what that leaves of the records."""

from collections.abc import Sequence
from typing import Any

from mailroom.statuses import Status

from mailroomctl.deliveries import execution, raw_mail
from mailroomctl.deliveries.execution import Execution
from mailroomctl.deliveries.rebuild import notification_from_records
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack
from mailroomctl.times import iso

UNDELIVERED = frozenset({Status.REJECTED, Status.HELD})
_WITHOUT_A_COPY = frozenset({Status.CLAIMED, Status.FAILED, Status.HELD})
_LEFT_BEHIND = UNDELIVERED | {Status.FAILED}


def notification_for(
    stack: Stack, message_id: str, records: Sequence[Record], recipients: Sequence[str], *, bounce: bool = True
) -> dict[str, Any]:
    """Return a notification that delivers a message again, to all recipients on record or to those given.

    Raises ``CommandError`` when the raw mail is gone, or the records do not say enough.
    """
    if not records and not recipients:
        raise CommandError(_nothing_on_record(stack, message_id))
    if records:
        first = records[0]
        bucket, key = str(first.get("bucket") or ""), str(first.get("key") or "")
    else:
        bucket, key = stack.output("MailBucketName"), raw_mail.usual_key(stack, message_id)
        records = [_made_up(stack, message_id, bucket, key, recipients)]
    notification = notification_from_records(records, bounce=bounce)
    try:
        raw_mail.check_stored(stack, bucket, key)
    except CommandError as error:
        if not any(record.get("status") in _WITHOUT_A_COPY for record in records):
            raise
        raise CommandError(f"{error} To end what has no copy: mailroomctl held discard {message_id}.") from None
    if recipients:
        notification["receipt"]["recipients"] = list(dict.fromkeys(recipients))
    # A verdict that sent a copy to Junk or quarantine must do so again; a record's findings know DMARC's policy too.
    notification["receipt"] = raw_mail.verdicts(stack, bucket, key) | notification["receipt"]
    return notification


def deliver_again(
    stack: Stack, table: DeliveriesTable, records: Sequence[Record], notification: dict[str, Any]
) -> Execution:
    """Run the workflow, and note on the rejected, held or failed ``records`` what it has dealt with.

    An alias's record stays behind when its mail reaches a mailbox, and a mailbox's when the alias leads elsewhere since
    it failed: nobody holds a lease on it then. What the execution has decided itself is on record already; so is what
    it has claimed, which the condition of the change excludes.
    """
    run = execution.run(stack, notification)
    if run.end != execution.DELIVERED:
        return run
    recipients = set(notification["receipt"]["recipients"])
    decided = {one.get("mailbox") or one.get("recipient") for one in run.outcomes}
    for record in records:
        dealt_with = record.get("recipients") and recipients.issuperset(record["recipients"])
        if dealt_with and record["status"] in _LEFT_BEHIND and record["mailbox"] not in decided:
            table.change_status(record, Status.REPLAYED)
    return run


def _made_up(stack: Stack, message_id: str, bucket: str, key: str, recipients: Sequence[str]) -> Record:
    """What would be on record if a run had ever come that far: SES stores a mail when it receives it."""
    stored = raw_mail.stored_at(stack, bucket, key)
    raw_mail.check_stored(stack, bucket, key)
    assert stored is not None
    made_up: Record = {"message_id": message_id, "bucket": bucket, "key": key, "received_at": iso(stored)}
    return {**made_up, "recipients": sorted(recipients)}


def _nothing_on_record(stack: Stack, message_id: str) -> str:
    stored = raw_mail.stored_at(stack, stack.output("MailBucketName"), raw_mail.usual_key(stack, message_id))
    if stored is None:
        return f"nothing is on record of {message_id}, and there is no raw mail of it."
    return (
        f"nothing is on record of {message_id}, but its raw mail was stored at {iso(stored)}: "
        "it may wait in a queue; else give --recipient."
    )
