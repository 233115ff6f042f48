"""``mailroomctl quarantine``: mail that a verdict policy holds back.

The raw mail is at ``quarantine/<message id>`` in the mail bucket, a record for each mailbox is in the deliveries table.
Listing starts from the objects: there are few of them, and the table has the records of a whole year.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from mailroom.statuses import Status

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.deliveries.quarantine import (
    delete_mail,
    list_message_ids,
    quarantined_records,
    read_headers,
    release_mail,
    save_mail,
)
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.directory.models import checked_address
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Quarantine: mail that a verdict policy holds back.")

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
    records = _held(DeliveriesTable(stack), message_id, None)
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
    records = _held(table, message_id, mailbox)
    names = [record["mailbox"] for record in records]
    ended = release_mail(stack, table, records)
    rows = [_row(record) for record in table.of_message(message_id) if record["mailbox"] in names]
    if left := [row for row in rows if row["status"] != Status.DELIVERED]:
        states = ", ".join(f"{row['mailbox']} is {row['status']} {row['reason'] or ''}".strip() for row in left)
        why = states if ended.settled else f"{states}; the workflow ended {ended.end}: {ended.text}"
        raise CommandError(f"not everything was delivered: {why}. mailroomctl explain shows where mail to it goes.")
    if not quarantined_records(table, message_id):
        delete_mail(stack, message_id)
    console.done(f"released {message_id} to {', '.join(names)}", rows)


@app.command("delete")
@command
def delete(stack: Stack, console: Console, message_id: MessageId, mailbox: Mailboxes = None) -> None:
    """Give a message up: it stays undelivered, and its copy in quarantine is deleted."""
    table = DeliveriesTable(stack)
    records = _held(table, message_id, mailbox)
    for record in records:
        reason = "deleted from quarantine by an operator"
        if not table.change_status(record, Status.REJECTED, code="5.7.1", reason=reason):
            raise CommandError(
                f"{record['mailbox']}: somebody else changed the record just now; look at it and try again."
            )
    if not quarantined_records(table, message_id):
        delete_mail(stack, message_id)
    names = [record["mailbox"] for record in records]
    rows = [_row(record) for record in table.of_message(message_id) if record["mailbox"] in names]
    console.done(f"deleted {message_id} from the quarantine of {', '.join(names)}", rows)


def _all_held(stack: Stack) -> Iterator[Record]:
    table = DeliveriesTable(stack)
    for message_id in list_message_ids(stack):
        yield from quarantined_records(table, message_id)


def _held(table: DeliveriesTable, message_id: str, mailboxes: list[str] | None) -> list[Record]:
    records = quarantined_records(table, message_id)
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
