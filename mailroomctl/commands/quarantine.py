"""``mailroomctl quarantine``: mail that a verdict policy holds back.

The raw mail is at ``quarantine/<message id>`` in the mail bucket, a record for each mailbox is in the deliveries table.
Listing starts from the objects: there are few of them, and the table has the records of a whole year.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.deliveries import execution
from mailroomctl.deliveries.quarantine import delete_mail, find_mail, list_message_ids, read_headers, save_mail
from mailroomctl.deliveries.rebuild import notification_from_records
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.directory.models import checked_address
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Quarantine: mail that a verdict policy holds back.")

_HELD = ("QUARANTINED", "RELEASED", "FAILED", "CLAIMED")
"""Statuses of a record whose mail waits in quarantine; all but the first: a release that did not come to its end."""

MessageId = Annotated[str, typer.Argument(metavar="MESSAGE-ID", help="As in the list.", show_default=False)]
Mailboxes = Annotated[
    list[str] | None,
    typer.Option("--mailbox", help="Only for this mailbox; repeatable. Else for all.", show_default=False),
]


@app.command("list")
@command
def list_all(stack: Stack, console: Console) -> None:
    """List what is held back, one row for each mailbox."""
    rows = [_row(record) for record in _all_held(stack)]
    rows.sort(key=lambda row: (row["received_at"], row["message_id"], row["mailbox"]))
    columns = ("message_id", "mailbox", "source", "received_at", "verdict", "status")
    console.table(columns, rows, empty="the quarantine is empty")


@app.command("show")
@command
def show(
    stack: Stack,
    console: Console,
    message_id: MessageId,
    save: Annotated[
        Path | None, typer.Option(help="Write the raw mail to this file. It may hold a virus.", show_default=False)
    ] = None,
) -> None:
    """Show one message: its records, and the headers one decides by."""
    records = _held(stack, message_id, None)
    headers = read_headers(stack, records[0])
    rows = [_row(record) for record in records]
    if console.as_json:
        console.record({"message_id": message_id, "headers": headers, "deliveries": rows})
    else:
        console.record({"message_id": message_id, "source": records[0].get("source"), **headers})
        console.table(("mailbox", "recipients", "received_at", "verdict", "status"), rows, empty="")
    if save:
        save_mail(stack, records[0], save)
        console.note(f"wrote the raw mail to {save}")


@app.command("release")
@command
def release(stack: Stack, console: Console, message_id: MessageId, mailbox: Mailboxes = None) -> None:
    """Deliver a message after all, into the INBOX."""
    table = DeliveriesTable(stack)
    records = _held(stack, message_id, mailbox)
    names = [record["mailbox"] for record in records]
    notification = notification_from_records(records, names, key=find_mail(stack, records[0]))
    # The workflow leaves QUARANTINED records alone: a redelivery must not let mail out. RELEASED ones it may claim.
    marked = [record for record in records if table.change_status(record, "RELEASED")]
    try:
        ended = execution.run(stack, notification)
    except BaseException:
        for record in marked:
            table.change_status({**record, "status": "RELEASED"}, "QUARANTINED")
        raise
    finally_there = [record for record in table.of_message(message_id) if record["mailbox"] in names]
    for record in finally_there:
        if record["status"] == "RELEASED" and table.change_status(record, "QUARANTINED"):
            record["status"] = "QUARANTINED"  # the workflow did not come to it
    rows = [_row(record) for record in finally_there]
    if left := [row for row in rows if row["status"] != "DELIVERED"]:
        states = ", ".join(f"{row['mailbox']} is {row['status']} {row['reason'] or ''}".strip() for row in left)
        why = states if ended.settled else f"{states}; the workflow ended {ended.end}: {ended.text}"
        raise CommandError(f"not everything was delivered: {why}. mailroomctl explain shows where mail to it goes.")
    if not _still_held(table, message_id):
        delete_mail(stack, message_id)
    console.done(f"released {message_id} to {', '.join(names)}", rows)


@app.command("delete")
@command
def delete(stack: Stack, console: Console, message_id: MessageId, mailbox: Mailboxes = None) -> None:
    """Give a message up: it stays undelivered, and its copy in quarantine is deleted."""
    table = DeliveriesTable(stack)
    records = _held(stack, message_id, mailbox)
    for record in records:
        if not table.change_status(record, "REJECTED", code="5.7.1", reason="deleted from quarantine by an operator"):
            raise CommandError(
                f"{record['mailbox']}: somebody else changed the record just now; look at it and try again."
            )
    if not _still_held(table, message_id):
        delete_mail(stack, message_id)
    names = [record["mailbox"] for record in records]
    rows = [_row(record) for record in table.of_message(message_id) if record["mailbox"] in names]
    console.done(f"deleted {message_id} from the quarantine of {', '.join(names)}", rows)


def _all_held(stack: Stack) -> Iterator[Record]:
    table = DeliveriesTable(stack)
    for message_id in list_message_ids(stack):
        yield from _still_held(table, message_id)


def _still_held(table: DeliveriesTable, message_id: str) -> list[Record]:
    return [one for one in table.of_message(message_id) if one.get("quarantine_key") and one["status"] in _HELD]


def _held(stack: Stack, message_id: str, mailboxes: list[str] | None) -> list[Record]:
    records = _still_held(DeliveriesTable(stack), message_id)
    if not records:
        raise CommandError(f"{message_id} is not in quarantine; mailroomctl quarantine list shows what is.")
    if not mailboxes:
        return records
    wanted = {checked_address(mailbox) for mailbox in mailboxes}
    if absent := wanted - {record["mailbox"] for record in records}:
        raise CommandError(f"{message_id} is not in quarantine for {', '.join(sorted(absent))}.")
    return [record for record in records if record["mailbox"] in wanted]


def _row(record: Record) -> dict[str, Any]:
    names = ("message_id", "mailbox", "source", "received_at", "recipients", "verdict", "status", "reason")
    return {name: record.get(name) for name in names}
