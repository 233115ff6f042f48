"""``mailroomctl replay``: run the workflow again for messages, from their records and their raw mail."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from mailroom.statuses import SAFE, Status

from mailroomctl.command import INTERRUPTED, fail
from mailroomctl.commands.replay_many import replay_chosen
from mailroomctl.console import Console
from mailroomctl.deliveries.held import Choice
from mailroomctl.deliveries.ids import full_id
from mailroomctl.deliveries.indexes import Period
from mailroomctl.deliveries.replay import deliver_again, notification_for
from mailroomctl.deliveries.table import BOUNCE, DeliveriesTable, Record, outcome_row
from mailroomctl.errors import CommandError
from mailroomctl.options.period import Since, Until
from mailroomctl.stack import Stack

_COLUMNS = ("message_id", "mailbox", "recipients", "outcome", "file", "reason")
_MANY = "Held and rejected mail"


def replay(
    stack: Stack,
    console: Console,
    message_ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MESSAGE-ID", help="SES message ids as trace shows, or their beginnings.", show_default=False
        ),
    ] = None,
    recipient: Annotated[
        list[str] | None,
        typer.Option(
            help="Only for this envelope recipient; repeatable. Needed when nothing is on record.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be replayed.")] = False,
    held: Annotated[
        bool, typer.Option("--held", help="What is held, after its cause was mended.", rich_help_panel=_MANY)
    ] = False,
    rejected: Annotated[
        bool,
        typer.Option("--rejected", help="What was rejected, after the directory was corrected.", rich_help_panel=_MANY),
    ] = False,
    entry: Annotated[
        str | None,
        typer.Option(help="With --held: only for this entry, as held list shows.", rich_help_panel=_MANY),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option(help="Only where the recipient or the entry is in this domain.", rich_help_panel=_MANY),
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="With --rejected: only to this recipient.", rich_help_panel=_MANY)
    ] = None,
    code: Annotated[
        str | None,
        typer.Option(help="With --rejected: only with this status code, such as 5.1.1.", rich_help_panel=_MANY),
    ] = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Deliver messages again, from what is on record of them and their raw mail. Copies already made stay as they are.

    Give MESSAGE-IDs; or --held; or --rejected with --since. Of held and rejected messages only the recipients that are
    held or rejected are replayed, and no sender gets a bounce.

    Exit code 1 when a message could not be replayed or a copy is still not safe, 130 when interrupted.
    """
    ids = list(dict.fromkeys(message_ids or ()))
    if (bool(ids) + held + rejected) != 1:
        raise typer.BadParameter("give MESSAGE-IDs, --held or --rejected.")
    _refuse(
        (recipient and not ids, "--recipient needs MESSAGE-IDs."),
        (entry and not held, "--entry needs --held."),
        ((to or code) and not rejected, "--to and --code need --rejected."),
        ((domain or since or until) and ids, "--domain, --since and --until need --held or --rejected."),
        (rejected and not since, "--rejected needs --since."),
    )
    if ids:
        _replay_ids(stack, console, ids, recipient or [], dry_run=dry_run)
        return
    period = Period(since, until)
    period.check()
    choice = Choice(Status.HELD if held else Status.REJECTED, period, entry, domain, to, code)
    replay_chosen(stack, console, choice, dry_run=dry_run)


def _refuse(*mistakes: tuple[object, str]) -> None:
    for wrong, text in mistakes:
        if wrong:
            raise typer.BadParameter(text)


def _replay_ids(
    stack: Stack, console: Console, ids: Sequence[str], recipients: Sequence[str], *, dry_run: bool
) -> None:
    rows: list[dict[str, Any]] = []
    wrong = interrupted = False
    try:
        with console.progress("replaying", len(ids)) as progress:
            for message_id in ids:
                try:
                    more, failed = _replay(stack, message_id, recipients, dry_run=dry_run)
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
    found = table.of_message(message_id)
    if not found and (whole := full_id(stack, message_id)) != message_id:
        message_id, found = whole, table.of_message(whole)
    before = {record["mailbox"]: record for record in found if record["mailbox"] != BOUNCE}
    notification = notification_for(stack, message_id, list(before.values()), recipients)
    named = ", ".join(notification["receipt"]["recipients"])
    if dry_run:
        return [_row(message_id, "would be replayed", f"for {named}")], False
    run = deliver_again(stack, table, list(before.values()), notification)
    records = [record for record in table.of_message(message_id) if record["mailbox"] != BOUNCE]
    rows = [_outcome(record, before.get(record["mailbox"])) for record in records]
    if not run.settled or not records:
        rows.append(_row(message_id, run.end.upper(), run.text))
    return rows, not run.settled


def _outcome(record: Record, before: Record | None) -> dict[str, Any]:
    row = outcome_row(record)
    if before and before["status"] == record["status"] and record["status"] in SAFE:
        row["outcome"] = f"{record['status']} before, left as it is"
    return row


def _row(message_id: str, outcome: str, reason: str) -> dict[str, Any]:
    return {"message_id": message_id, "mailbox": None, "recipients": [], "outcome": outcome, "reason": reason}
