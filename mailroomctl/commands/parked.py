"""``mailroomctl parked``: events that can never work, kept by the workflow for an operator."""

from functools import partial

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.deliveries.search import ROWS
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.interrupts import finishing
from mailroomctl.options.confirm import Yes, confirm
from mailroomctl.queues.in_flight import MessagesInFlight
from mailroomctl.queues.messages import Waiting, read_parked
from mailroomctl.queues.process import Done, process_each, read_all, receive
from mailroomctl.queues.run_again import run_again
from mailroomctl.queues.selection import Limit, Selection, selecting
from mailroomctl.queues.view import (
    DryRun,
    OnlyEvent,
    Which,
    list_waiting,
    refuse_no_match,
    show_in_full,
    show_plan,
)
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Parked events: what the workflow gave to an operator, with the reason.")

_QUEUE = "parked queue"


@app.command("list")
@command
@selecting(all_of_it=False)
def list_all(stack: Stack, console: Console, selection: Selection, limit: Limit = ROWS) -> None:
    """List what is parked and why, the oldest first."""
    with _receiving(stack) as in_flight:
        messages = receive(console, in_flight, _QUEUE, None if selection.filtered else limit)
        list_waiting(console, selection.choose([read_parked(one) for one in messages]), _QUEUE)


@app.command("show")
@command
def show_one(stack: Stack, console: Console, which: Which, event: OnlyEvent = False) -> None:
    """Show parked events in full: the reason, the execution, the event, and the outcomes on record."""
    with _receiving(stack) as in_flight:
        chosen = Selection(ids=(which,)).choose(_waiting(console, in_flight))
    table = DeliveriesTable(stack)
    for one in chosen:
        records = table.of_message(one.message_id) if one.message_id else []
        show_in_full(console, one, one.details, records, only_event=event)


@app.command("replay")
@command
@selecting(all_of_it=True)
def replay(stack: Stack, console: Console, selection: Selection, dry_run: DryRun = False) -> None:
    """Run the workflow again with the original events.

    An event leaves the queue once its execution has succeeded. Where the execution parks it again, it is in the queue
    once, with the new reason. Exit code 1 when anything is left in the queue.
    """
    with _receiving(stack) as in_flight:
        chosen = _chosen(console, in_flight, selection)
        if dry_run:
            show_plan(console, chosen, "would be replayed", _QUEUE)
        else:
            process_each(console, in_flight, chosen, "replaying", partial(run_again, stack, in_flight), queue=_QUEUE)


@app.command("delete")
@command
@selecting(all_of_it=True)
def delete(
    stack: Stack,
    console: Console,
    selection: Selection,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Give parked events up. The raw mail stays in the bucket until it expires, and what is on record stays too."""

    def delete_one(one: Waiting) -> Done:
        with finishing():
            in_flight.delete(one.message)
        return Done("deleted")

    with _receiving(stack) as in_flight:
        chosen = _chosen(console, in_flight, selection)
        if dry_run:
            show_plan(console, chosen, "would be deleted", _QUEUE)
            return
        text = f"Delete {len(chosen)} parked events for good?"
        confirm(text, yes=yes or bool(selection.ids), otherwise="nothing was deleted.")
        process_each(console, in_flight, chosen, "deleting", delete_one, queue=_QUEUE)


def _receiving(stack: Stack) -> MessagesInFlight:
    return MessagesInFlight(stack.sqs, stack.output("ParkedQueueUrl"))


def _waiting(console: Console, in_flight: MessagesInFlight) -> list[Waiting]:
    return read_all(console, in_flight, read_parked, _QUEUE)


def _chosen(console: Console, in_flight: MessagesInFlight, selection: Selection) -> list[Waiting]:
    chosen = selection.choose(_waiting(console, in_flight))
    refuse_no_match(chosen, selection, _QUEUE, "parked")
    return chosen
