"""How the messages of the parked queue and of the dead-letter queue are listed and shown: the same for both."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from mailroomctl.console import Console
from mailroomctl.deliveries.table import outcome_row
from mailroomctl.errors import CommandError
from mailroomctl.queues.messages import Waiting
from mailroomctl.queues.process import show
from mailroomctl.queues.selection import HELP_ID, Selection

COLUMNS = ("id", "age", "error", "message_id", "recipients", "cause")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Which = Annotated[str, typer.Argument(metavar="ID", help=HELP_ID, show_default=False)]
OnlyEvent = Annotated[bool, typer.Option("--event", help="Print only the event, as an execution's input.")]


def list_waiting(console: Console, chosen: Sequence[Waiting], queue: str) -> None:
    """Show messages as a table."""
    show(console, COLUMNS, [one.row() for one in chosen], empty=f"the {queue} is empty, or nothing in it matches")


def show_plan(console: Console, chosen: Sequence[Waiting], what: str, queue: str) -> None:
    """Show what a command would do, for ``--dry-run``."""
    rows: list[dict[str, Any]] = [{**one.row(), "result": what} for one in chosen]
    show(console, (*COLUMNS, "result"), rows, empty=f"the {queue} is empty")


def refuse_no_match(chosen: Sequence[Waiting], selection: Selection, queue: str, command: str) -> None:
    """Raise ``CommandError`` when filters were given and nothing matches them: most likely a mistake in one."""
    if not chosen and selection.filtered:
        raise CommandError(f"nothing in the {queue} matches; mailroomctl {command} list shows what is there.")


def show_in_full(
    console: Console, one: Waiting, details: dict[str, Any], records: Sequence[dict[str, Any]], *, only_event: bool
) -> None:
    """Show one message with its ``details`` and the outcomes on record; with ``only_event`` an execution's input."""
    if only_event:
        print(json.dumps(one.event, ensure_ascii=False))
        return
    outcomes = [outcome_row(record) for record in records]
    data = {**one.row(), "cause": one.cause, **details}
    if console.as_json:
        console.record({**data, "event": one.event, "body": one.message.body, "records": outcomes})
        return
    console.record({**data, "raw_mail": f"s3://{one.mail.bucket}/{one.mail.key}" if one.mail else None})
    if outcomes:
        console.table(("mailbox", "outcome", "attempts", "reason"), outcomes, empty="")
    if not one.mail:
        print(one.message.body)
