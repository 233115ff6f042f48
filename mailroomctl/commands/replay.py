"""``mailroomctl replay``: run the workflow again for messages, from their records and their raw mail."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from mailroom.statuses import SAFE

from mailroomctl.command import INTERRUPTED, fail
from mailroomctl.console import Console
from mailroomctl.deliveries import execution, raw_mail
from mailroomctl.deliveries.rebuild import notification_from_records
from mailroomctl.deliveries.table import BOUNCE, DeliveriesTable, Record, outcome_row
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack
from mailroomctl.times import iso

_COLUMNS = ("message_id", "mailbox", "recipients", "outcome", "file", "reason")


def replay(
    stack: Stack,
    console: Console,
    message_ids: Annotated[
        list[str], typer.Argument(metavar="MESSAGE-ID", help="SES message ids, as trace shows.", show_default=False)
    ],
    recipient: Annotated[
        list[str] | None,
        typer.Option(
            help="Only for this envelope recipient; repeatable. Needed when nothing is on record.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be replayed.")] = False,
) -> None:
    """Deliver messages again, from what is on record of them and their raw mail. Copies already made stay as they are.

    Exit code 1 when a message could not be replayed or a copy is still not safe, 130 when interrupted.
    """
    rows: list[dict[str, Any]] = []
    wrong = interrupted = False
    ids = list(dict.fromkeys(message_ids))
    try:
        with console.progress("replaying", len(ids)) as progress:
            for message_id in ids:
                try:
                    more, failed = _replay(stack, message_id, recipient or [], dry_run=dry_run)
                except CommandError as error:
                    more, failed = [_row(message_id, "not replayed", str(error))], True
                rows += more
                wrong |= failed
                progress.advance()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        console.table(_COLUMNS, rows, empty="nothing was replayed")
    if interrupted:
        fail("interrupted: an execution that has begun goes on by itself; mailroomctl trace shows its end", INTERRUPTED)
    if wrong:
        raise typer.Exit(1)


def _replay(
    stack: Stack, message_id: str, recipients: Sequence[str], *, dry_run: bool
) -> tuple[list[dict[str, Any]], bool]:
    """Return a row for each outcome, and whether anything is still to be done."""
    table = DeliveriesTable(stack)
    before = {record["mailbox"]: record for record in table.of_message(message_id) if record["mailbox"] != BOUNCE}
    notification = _notification(stack, message_id, list(before.values()), recipients)
    named = ", ".join(notification["receipt"]["recipients"])
    if dry_run:
        return [_row(message_id, "would be replayed", f"for {named}")], False
    run = execution.run(stack, notification)
    records = [record for record in table.of_message(message_id) if record["mailbox"] != BOUNCE]
    rows = [_outcome(record, before.get(record["mailbox"])) for record in records]
    if not run.settled or not records:
        rows.append(_row(message_id, run.end.upper(), run.text))
    return rows, not run.settled


def _notification(
    stack: Stack, message_id: str, records: Sequence[Record], recipients: Sequence[str]
) -> dict[str, Any]:
    if not records and not recipients:
        raise CommandError(_nothing_on_record(stack, message_id))
    if records:
        first = records[0]
        bucket, key = str(first.get("bucket") or ""), str(first.get("key") or "")
    else:
        bucket, key = stack.output("MailBucketName"), raw_mail.usual_key(stack, message_id)
        records = [_made_up(stack, message_id, bucket, key, recipients)]
    notification = notification_from_records(records)
    raw_mail.check_stored(stack, bucket, key)
    if recipients:
        notification["receipt"]["recipients"] = list(dict.fromkeys(recipients))
    # A verdict that sent a copy to Junk or quarantine must do so again; a record's findings know DMARC's policy too.
    notification["receipt"] = raw_mail.verdicts(stack, bucket, key) | notification["receipt"]
    return notification


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


def _outcome(record: Record, before: Record | None) -> dict[str, Any]:
    row = outcome_row(record)
    if before and before["status"] == record["status"] and record["status"] in SAFE:
        row["outcome"] = f"{record['status']} before, left as it is"
    return row


def _row(message_id: str, outcome: str, reason: str) -> dict[str, Any]:
    return {"message_id": message_id, "mailbox": None, "recipients": [], "outcome": outcome, "reason": reason}
