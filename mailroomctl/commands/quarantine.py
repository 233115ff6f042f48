"""``mailroomctl quarantine``: mail that a verdict policy holds back.

The raw mail is at ``quarantine/<message id>`` in the mail bucket, a record for each mailbox is in the deliveries table.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from mailroom.statuses import Status

from mailroomctl.command import INTERRUPTED, command, fail
from mailroomctl.console import Console
from mailroomctl.counting import how_many
from mailroomctl.deliveries.cause import plain_cause
from mailroomctl.deliveries.choice import Chosen, choosing, held_back, quarantine_row, whole_id
from mailroomctl.deliveries.indexes import Period
from mailroomctl.deliveries.limit import Limit, say_what_is_left
from mailroomctl.deliveries.quarantine import (
    delete_mail,
    quarantined_records,
    read_headers,
    release_mail,
    save_mail,
)
from mailroomctl.deliveries.quarantined import newest_quarantined
from mailroomctl.deliveries.search import ROWS
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.errors import CommandError
from mailroomctl.options.confirm import Yes, confirm
from mailroomctl.options.period import Since, Until
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Quarantine: mail that a verdict policy holds back.")

MessageId = Annotated[
    str, typer.Argument(metavar="MESSAGE-ID", help="As in the list, or its beginning.", show_default=False)
]


@app.command("list")
@command
def list_all(
    stack: Stack,
    console: Console,
    since: Since = None,
    until: Until = None,
    limit: Limit = ROWS,
) -> None:
    """List what is held back, one row for each mailbox, the newest first."""
    period = Period(since, until)
    period.check()
    found = newest_quarantined(stack, DeliveriesTable(stack), period, limit)
    say_what_is_left(console, found, limit)
    columns = ("message_id", "mailbox", "source", "received_at", "verdict", "status")
    nothing = "the quarantine is empty" if not (since or until) else "nothing in quarantine was received then"
    nothing = f"nothing that was received after {found.older} is in quarantine" if found.older else nothing
    console.table(columns, [quarantine_row(record) for record in found.records], empty=nothing)


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
    table = DeliveriesTable(stack)
    message_id = whole_id(stack, table, message_id)
    records = held_back(stack, table, message_id, None)
    headers = read_headers(stack, records[0])
    rows = [quarantine_row(record) for record in records]
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
@choosing("would be released")
def release(stack: Stack, console: Console, chosen: Chosen, yes: Yes = False) -> None:
    """Deliver messages after all, into the INBOX.

    Give MESSAGE-IDs, filters, or --all. Asks first where they are chosen by filters. Exit code 1 when any is left.
    """
    table = DeliveriesTable(stack)
    text = f"Release {how_many(len(chosen.messages), 'messages')} from quarantine?"
    confirm(text, yes=yes or chosen.named, otherwise="nothing was released.")
    _each(console, table, chosen.messages, "released", lambda records: _release(stack, table, records))


@app.command("delete")
@command
@choosing("would be deleted")
def delete(stack: Stack, console: Console, chosen: Chosen, yes: Yes = False) -> None:
    """Give messages up: they stay undelivered, and their copies in quarantine are deleted. Asks first."""
    table, messages = DeliveriesTable(stack), chosen.messages
    what = f"{len(messages)} messages" if len(messages) > 1 else messages[0][0]["message_id"]
    confirm(f"Delete {what} from quarantine for good?", yes=yes, otherwise="nothing was deleted.")
    _each(console, table, messages, "deleted", lambda records: _delete(stack, table, records))


def _release(stack: Stack, table: DeliveriesTable, records: list[Record]) -> str:
    """Release the records of one message; raises ``CommandError`` with what is left."""
    message_id, names = records[0]["message_id"], [record["mailbox"] for record in records]
    ended = release_mail(stack, table, records)
    after = [one for one in table.of_message(message_id) if one["mailbox"] in names]
    if left := [one for one in after if one["status"] != Status.DELIVERED]:
        states = ", ".join(
            f"{one['mailbox']} is {one['status']} {plain_cause(one.get('reason') or '')}".strip() for one in left
        )
        why = states if ended.settled else f"{states}; the workflow ended {ended.end}: {ended.text}"
        raise CommandError(f"not everything was delivered: {why}. mailroomctl explain shows where mail to it goes.")
    if not quarantined_records(table, message_id):
        delete_mail(stack, message_id)
    return f"released {message_id} to {', '.join(names)}"


def _delete(stack: Stack, table: DeliveriesTable, records: list[Record]) -> str:
    message_id, names = records[0]["message_id"], [record["mailbox"] for record in records]
    for record in records:
        reason = "deleted from quarantine by an operator"
        if not table.change_status(record, Status.REJECTED, code="5.7.1", reason=reason):
            raise CommandError(
                f"{record['mailbox']}: somebody else changed the record just now; look at it and try again."
            )
    if not quarantined_records(table, message_id):
        delete_mail(stack, message_id)
    return f"deleted {message_id} from the quarantine of {', '.join(names)}"


def _each(
    console: Console, table: DeliveriesTable, chosen: list[list[Record]], done: str, do: Callable[[list[Record]], str]
) -> None:
    """Do something with each message, and say what; one that fails does not stop the others."""
    said: list[str] = []
    rows: list[dict[str, Any]] = []
    wrong: list[str] = []
    interrupted = False
    try:
        with console.progress(done, len(chosen)) as progress:
            for records in chosen:
                message_id, names = records[0]["message_id"], {record["mailbox"] for record in records}
                try:
                    said.append(do(records))
                except CommandError as error:
                    wrong.append(str(error) if len(chosen) == 1 else f"{message_id}: {error}")
                else:
                    rows += [quarantine_row(one) for one in table.of_message(message_id) if one["mailbox"] in names]
                progress.advance()
    except KeyboardInterrupt:
        interrupted = True
    if said:
        console.done("\n".join(said), rows)
    if interrupted:
        fail(f"interrupted: {len(said)} of {len(chosen)} {done}; the command may be repeated", INTERRUPTED)
    for text in wrong[:-1]:
        console.note(text)
    if wrong:
        raise CommandError(wrong[-1])
