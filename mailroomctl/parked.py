"""``mailroomctl parked``: events that can never work, kept by the workflow for an operator."""

import json
from typing import Annotated, Any

import typer

from mailroomctl import workflow
from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.deliveries_table import DeliveriesTable, outcome_row
from mailroomctl.errors import CommandError
from mailroomctl.held_messages import HeldMessages
from mailroomctl.interrupts import finishing
from mailroomctl.queue_work import Done, choice, show, work
from mailroomctl.selection import HELP_ID, Selection, selecting
from mailroomctl.stack import Stack
from mailroomctl.waiting_mail import Waiting, read_parked

app = typer.Typer(no_args_is_help=True, help="Parked events: what the workflow gave to an operator, with the reason.")

_QUEUE = "parked queue"
_COLUMNS = ("id", "age", "error", "message_id", "recipients", "cause")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@app.command("list")
@command
@selecting(all_of_it=False)
def list_all(stack: Stack, console: Console, selection: Selection) -> None:
    """List what is parked and why, the oldest first."""
    with _held(stack) as held:
        chosen = selection.choose(_waiting(console, held))
        show(console, _COLUMNS, [one.row() for one in chosen], empty=f"the {_QUEUE} is empty, or nothing in it matches")


@app.command("show")
@command
def show_one(
    stack: Stack,
    console: Console,
    which: Annotated[str, typer.Argument(metavar="ID", help=HELP_ID, show_default=False)],
    event: Annotated[bool, typer.Option("--event", help="Print only the event, as an execution's input.")] = False,
) -> None:
    """Show parked events in full: the reason, the execution, the event, and the outcomes on record."""
    with _held(stack) as held:
        chosen = Selection(ids=(which,)).choose(_waiting(console, held))
    table = DeliveriesTable(stack)
    for one in chosen:
        if event:
            print(json.dumps(one.event, ensure_ascii=False))
            continue
        records = [outcome_row(record) for record in table.of_message(one.message_id)] if one.message_id else []
        data = {**one.row(), "cause": one.cause, **one.details}
        if console.as_json:
            console.record({**data, "event": one.event, "body": one.message.body, "records": records})
            continue
        where = f"s3://{one.mail.bucket}/{one.mail.key}" if one.mail else None
        console.record({**data, "raw_mail": where})
        if records:
            console.table(("mailbox", "outcome", "attempts", "reason"), records, empty="")
        if not one.mail:
            print(one.message.body)


@app.command("replay")
@command
@selecting(all_of_it=True)
def replay(stack: Stack, console: Console, selection: Selection, dry_run: DryRun = False) -> None:
    """Run the workflow again with the original events.

    An event leaves the queue only when its run has ended well. One that parks itself again is in the queue once, with
    the new reason. Exit code 1 when anything is left in the queue.
    """

    def replay_one(one: Waiting) -> Done:
        if one.event is None:
            return Done("not replayed: there is no event in it; show it, then delete it", left=True)
        run = workflow.run(stack, one.event)
        if run.end == workflow.FAILED:
            return Done(f"not done, stays parked: {run.text}", left=True)
        with finishing():
            # What the run has parked again has taken this message's place.
            held.delete(one.message)
        if run.end == workflow.PARKED:
            return Done(f"parked again: {run.text}", left=True)
        return Done(f"{run.end.lower()}: {run.text}".removesuffix(": "))

    with _held(stack) as held:
        chosen = _chosen(console, held, selection)
        if dry_run:
            _show_plan(console, chosen, "would be replayed")
        else:
            work(console, held, chosen, "replaying", replay_one, queue=_QUEUE)


@app.command("delete")
@command
@selecting(all_of_it=True)
def delete(
    stack: Stack,
    console: Console,
    selection: Selection,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Give parked events up. The raw mail stays in the bucket until it expires, and what is on record stays too."""

    def delete_one(one: Waiting) -> Done:
        with finishing():
            held.delete(one.message)
        return Done("deleted")

    with _held(stack) as held:
        chosen = _chosen(console, held, selection)
        if dry_run:
            _show_plan(console, chosen, "would be deleted")
            return
        if not yes and not selection.ids:
            _confirm(console, chosen)
        work(console, held, chosen, "deleting", delete_one, queue=_QUEUE)


def _held(stack: Stack) -> HeldMessages:
    return HeldMessages(stack.sqs, stack.output("ParkedQueueUrl"))


def _waiting(console: Console, held: HeldMessages) -> list[Waiting]:
    return choice(console, held, read_parked, _QUEUE)


def _chosen(console: Console, held: HeldMessages, selection: Selection) -> list[Waiting]:
    chosen = selection.choose(_waiting(console, held))
    if not chosen and selection.filtered:
        raise CommandError(f"nothing in the {_QUEUE} matches; mailroomctl parked list shows what is there.")
    return chosen


def _show_plan(console: Console, chosen: list[Waiting], what: str) -> None:
    rows: list[dict[str, Any]] = [{**one.row(), "result": what} for one in chosen]
    show(console, (*_COLUMNS, "result"), rows, empty=f"the {_QUEUE} is empty")


def _confirm(console: Console, chosen: list[Waiting]) -> None:
    import sys

    if not sys.stdin.isatty():
        raise CommandError(f"{len(chosen)} events match: add --yes to delete them without being asked.")
    if not typer.confirm(f"Delete {len(chosen)} parked events for good?", err=True):
        raise CommandError("nothing was deleted.")
