"""``mailroomctl held``: mail that waits for an operator because of a fault of our own, by the entry at fault."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from mailroom.statuses import Status

from mailroomctl.command import INTERRUPTED, command, fail
from mailroomctl.console import Console
from mailroomctl.counting import how_many
from mailroomctl.deliveries.give_up import give_up, not_ended
from mailroomctl.deliveries.held import Choice, at_fault, counted, group, with_reasons
from mailroomctl.deliveries.ids import full_id
from mailroomctl.deliveries.indexes import Period, by_message
from mailroomctl.deliveries.limit import say_what_is_left
from mailroomctl.deliveries.raw_mail import days_left
from mailroomctl.deliveries.search import ROWS
from mailroomctl.deliveries.side_by_side import side_by_side
from mailroomctl.deliveries.table import DeliveriesTable, Record, outcome_row, reason
from mailroomctl.errors import CommandError
from mailroomctl.options.confirm import Yes, confirm
from mailroomctl.options.period import Since, Until
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Held mail: what a fault in the directory or the storage keeps back.")

_WRITES_AT_ONCE = 8
_ROW = ("message_id", "mailbox", "outcome", "reason")
_WOULD_BE = "would be discarded"
_ENTRY = "Directory entry at fault, as in the list: info@example.com, *@example.com, @example.com."


@app.command("list")
@command
def list_all(
    stack: Stack,
    console: Console,
    entry: Annotated[str | None, typer.Option(help=f"Only for this. {_ENTRY}", show_default=False)] = None,
    domain: Annotated[
        str | None, typer.Option(help="Only where the entry or the recipient is in it.", show_default=False)
    ] = None,
    since: Since = None,
    until: Until = None,
    messages: Annotated[bool, typer.Option("--messages", help="List single messages.")] = False,
    limit: Annotated[
        int, typer.Option(help="With --messages, show at most so many; a larger number also looks further.", min=1)
    ] = ROWS,
    everything: Annotated[bool, typer.Option("--all", help="Count all of it, however long that takes.")] = False,
) -> None:
    """List the entries that hold mail, by number of messages, with the reason and the remedy.

    Of very much held mail the newest is counted, about five thousand messages; --all counts the rest, too.

    Days left are those of the oldest message: then its raw mail expires, and it cannot be delivered any more.

    Correct the entry, then mailroomctl replay --held --entry ENTRY.
    """
    choice = _choice(entry, domain, Period(since, until))
    table = DeliveriesTable(stack)
    nothing = "no mail is held" if not (entry or domain or since or until) else "no held mail matches"
    if messages:
        found = choice.newest(table, limit)
        say_what_is_left(console, found, limit)
        nothing = f"nothing that was received after {found.older} is held" if found.older else nothing
        rows = [outcome_row(record) for record in found.records]
        console.table(("received_at", "message_id", "recipients", "entry", "reason"), rows, empty=nothing)
        return
    with console.progress("reading"):
        groups, older = counted(table, choice, at_fault, whole=everything)
    if older:
        console.warn(
            f"counted is what was received after {older}: --until {older} goes on from there, --all counts the rest"
        )
        nothing = f"nothing that was received after {older} is held"
    shown = [
        {
            "entry": one.key,
            "messages": one.messages,
            "oldest": one.oldest,
            "newest": one.newest,
            "days_left": days_left(stack, one.oldest),
            "reason": why,
        }
        for one, why in with_reasons(table, groups)
    ]
    console.table(("messages", "entry", "oldest", "newest", "days_left", "reason"), shown, empty=nothing)


@app.command("discard")
@command
def discard(
    stack: Stack,
    console: Console,
    message_ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MESSAGE-ID",
            help="What is held of these messages, or is not delivered while its raw mail is gone.",
            show_default=False,
        ),
    ] = None,
    entry: Annotated[str | None, typer.Option(help=_ENTRY, show_default=False)] = None,
    since: Since = None,
    until: Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be discarded.")] = False,
    yes: Yes = False,
) -> None:
    """Give up what an entry holds, or single messages: nothing delivers it by itself, and no list names it any more.

    A mailbox's own record stays discarded. What an alias, a group, a catch-all or a domain held is delivered all the
    same when the entry is mended and the same message comes again: by replay MESSAGE-ID, a dead letter, or a second
    receipt rule. The raw mail stays in the bucket until it expires.

    By MESSAGE-ID also what has failed or was interrupted, once its raw mail is gone: as long as that is there, it can
    be delivered, and stays.
    """
    if bool(message_ids) == bool(entry) or ((since or until) and not entry):
        raise typer.BadParameter("give MESSAGE-IDs, or --entry, which --since and --until narrow.")
    if message_ids:
        _discard_messages(stack, console, message_ids, dry_run=dry_run, yes=yes)
        return
    choice = _choice(entry, None, Period(since, until))
    table = DeliveriesTable(stack)
    with console.progress("counting"):
        groups = group(choice.rows(table), at_fault)
    if not groups:
        raise CommandError(f"no mail is held for {entry}; mailroomctl held list shows what is.")
    [found] = groups
    about = {"entry": found.key, "messages": found.messages, "oldest": found.oldest, "newest": found.newest}
    if dry_run:
        text = (
            f"{how_many(found.messages, 'messages')} for {found.key} would be discarded, the oldest of {found.oldest}"
        )
        console.done(text, {**about, "dry_run": True})
        return
    confirm(
        f"Discard {how_many(found.messages, 'messages')} for {found.key}?", yes=yes, otherwise="nothing was discarded."
    )
    _discard(console, table, choice, about)


def _discard(console: Console, table: DeliveriesTable, choice: Choice, about: dict[str, Any]) -> None:
    """Discard record by record: what is not held any more, or for another entry, stays as it is."""
    from botocore.exceptions import BotoCoreError, ClientError

    failures: list[str] = []

    def discard_message(rows: list[Record]) -> bool:
        try:
            changed = [table.change_status(row, Status.DISCARDED) for row in rows]
        except (ClientError, BotoCoreError) as error:
            failures.append(f"{rows[0]['message_id']}: {error}")
            return False
        return any(changed)

    discarded = 0
    interrupted = False
    try:
        with console.progress("discarding", about["messages"]) as progress:
            for done in side_by_side(discard_message, by_message(choice.rows(table)), _WRITES_AT_ONCE):
                discarded += done
                progress.advance()
    except KeyboardInterrupt:
        interrupted = True
    text = f"discarded {discarded} of {how_many(about['messages'], 'messages')} for {about['entry']}"
    console.done(text, {**about, "discarded": discarded, "failed": len(failures)})
    if interrupted:
        fail("interrupted; the command may be repeated", INTERRUPTED)
    if failures:
        fail(f"{how_many(len(failures), 'messages')} could not be changed; the first: {failures[0]}")


def _discard_messages(stack: Stack, console: Console, message_ids: Sequence[str], *, dry_run: bool, yes: bool) -> None:
    table = DeliveriesTable(stack)
    rows: list[dict[str, Any]] = []
    chosen: list[tuple[Record, dict[str, Any]]] = []
    for message_id in dict.fromkeys(message_ids):
        records = table.of_message(message_id) or table.of_message(full_id(stack, message_id))
        found = [(record, _row(record, why), why) for record, why in not_ended(stack, records)]
        rows += [row for _, row, _ in found] or [_nothing(message_id, records)]
        chosen += [(record, row) for record, row, why in found if not why]
    if chosen and not dry_run:
        whom = ", ".join(dict.fromkeys(record["mailbox"] for record, _ in chosen))
        confirm(f"Give up {len(chosen)} deliveries, for {whom}?", yes=yes, otherwise="nothing was given up.")
        for record, row in chosen:
            row["outcome"] = "discarded" if give_up(table, record) else "changed meanwhile, left as it is"
    console.table(_ROW, rows, empty="")
    if any(row["outcome"] not in ("discarded", _WOULD_BE) for row in rows):
        raise typer.Exit(1)


def _row(record: Record, why: str) -> dict[str, Any]:
    return {
        "message_id": record["message_id"],
        "mailbox": record["mailbox"],
        "outcome": f"{record['status']}, left as it is" if why else _WOULD_BE,
        "reason": why or reason(record),
    }


def _nothing(message_id: str, records: Sequence[Record]) -> dict[str, Any]:
    said = ", ".join(sorted({one["status"] for one in records}))
    why = f"it has come to its end: {said}" if records else "nothing is on record of it"
    return {"message_id": message_id, "mailbox": None, "outcome": "left as it is", "reason": why}


def _choice(entry: str | None, domain: str | None, period: Period) -> Choice:
    period.check()
    return Choice(Status.HELD, period, entry, domain)
