"""``mailroomctl dead-letters``: mail that the inbound queue gave up after all its attempts."""

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.deliveries.open_records import open_records
from mailroomctl.deliveries.search import ROWS
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.interrupts import finishing
from mailroomctl.queues import move_task
from mailroomctl.queues.in_flight import Message, MessagesInFlight
from mailroomctl.queues.messages import Waiting, message_id_of, read_dead_letter
from mailroomctl.queues.process import Done, process_each, read_all, receive
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

app = typer.Typer(no_args_is_help=True, help="Dead letters: mail that could not be delivered after all attempts.")

_QUEUE = "dead-letter queue"


@app.command("list")
@command
@selecting(all_of_it=False)
def list_all(stack: Stack, console: Console, selection: Selection, limit: Limit = ROWS) -> None:
    """List what was given up, with the errors on record, the oldest first."""
    with _receiving(stack) as in_flight:
        if selection.filtered:
            waiting = selection.choose(_waiting(stack, console, in_flight))
        else:
            messages = receive(console, in_flight, _QUEUE, limit)
            ids = {message.id: message_id_of(message) or "" for message in messages}
            records = open_records(DeliveriesTable(stack), ids.values())
            waiting = [read_dead_letter(one, records.get(ids[one.id], [])) for one in messages]
        list_waiting(console, waiting, _QUEUE)


@app.command("show")
@command
def show_one(stack: Stack, console: Console, which: Which, event: OnlyEvent = False) -> None:
    """Show dead letters in full: where the raw mail is, and the outcomes on record."""
    with _receiving(stack) as in_flight:
        chosen = Selection(ids=(which,)).choose(_waiting(stack, console, in_flight))
    for one in chosen:
        show_in_full(console, one, {}, one.details["records"], only_event=event)


@app.command("redrive")
@command
@selecting(all_of_it=True)
def redrive(stack: Stack, console: Console, selection: Selection, dry_run: DryRun = False) -> None:
    """Move dead letters back into the inbound queue, for as many attempts as new mail gets.

    --all lets SQS move them (StartMessageMoveTask) where it can; Ctrl-C stops that. Exit code 1 when anything is left.
    """
    inbound = stack.output("InboundQueueUrl")
    if selection.everything and not dry_run and move_task.move_all(stack, console, _url(stack), inbound):
        return

    def move_one(one: Waiting) -> Done:
        with finishing():
            _send(stack, inbound, one.message)
            in_flight.delete(one.message)
        return Done("moved to the inbound queue")

    with _receiving(stack) as in_flight:
        chosen = selection.choose(_waiting(stack, console, in_flight))
        refuse_no_match(chosen, selection, _QUEUE, "dead-letters")
        if dry_run:
            show_plan(console, chosen, "would be moved", _QUEUE)
        else:
            process_each(console, in_flight, chosen, "moving", move_one, queue=_QUEUE)


def _send(stack: Stack, url: str, message: Message) -> None:
    """Put a message into another queue as it is, with its attributes."""
    stack.sqs.send_message(QueueUrl=url, MessageBody=message.body, MessageAttributes=message.attributes)


def _receiving(stack: Stack) -> MessagesInFlight:
    return MessagesInFlight(stack.sqs, _url(stack))


def _url(stack: Stack) -> str:
    return stack.output("DeadLetterQueueUrl")


def _waiting(stack: Stack, console: Console, in_flight: MessagesInFlight) -> list[Waiting]:
    table = DeliveriesTable(stack)

    def read(message: Message) -> Waiting:
        message_id = message_id_of(message)
        return read_dead_letter(message, table.of_message(message_id) if message_id else [])

    return read_all(console, in_flight, read, _QUEUE)
