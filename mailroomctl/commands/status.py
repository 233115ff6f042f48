"""``mailroomctl status``: what is deployed, whether mail flows, and what waits where."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import typer
from mailroom.statuses import Status

from mailroomctl.console import Console
from mailroomctl.deliveries.held import Choice, at_fault, group
from mailroomctl.deliveries.indexes import NoIndexError, Period, by_message
from mailroomctl.deliveries.raw_mail import days_left as days_of_raw_mail
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.errors import CommandError
from mailroomctl.queues.depth import QUEUES, depth
from mailroomctl.queues.expiry import days_left
from mailroomctl.queues.pipe import RUNNING, look
from mailroomctl.stack import Stack
from mailroomctl.version import VERSION

_SHOWN = 10  # entries
_MOST_COUNTED = 100_000  # rows: a look must not take minutes, whatever strangers do


def status(stack: Stack, console: Console) -> None:
    """Show the stack's version, the pipe, the queues, and what is held and was rejected.

    Exit code 1 when an operator is needed: no mail flows, or some was given up.
    The numbers of the queues are SQS's own, which are approximate and up to a minute old. Days left are those of the
    oldest message, as far as its age is known; of held mail, those until its raw mail expires.
    """
    pipe = look(stack)
    rows: list[dict[str, Any]] = [
        {"part": "stack", "state": _version(stack)},
        {"part": "pipe", "state": str(pipe)},
    ]
    needed = pipe.current != RUNNING or pipe.runs_marked
    for queue, name in QUEUES.items():
        waiting, in_flight = depth(stack.sqs, stack.output(f"{queue}QueueUrl"))
        row = {"part": name, "waiting": waiting, "in_flight": in_flight}
        if waiting + in_flight and (days := days_left(stack, queue)) is not None:
            row["days_left"] = f"{days:.1f} at most"
        rows.append(row)
        needed |= queue != "Inbound" and waiting + in_flight > 0
    undelivered = _undelivered(stack, DeliveriesTable(stack))
    rows += undelivered
    needed |= any(row["waiting"] for row in undelivered if "waiting" in row)
    console.table(("part", "state", "waiting", "in_flight", "days_left"), rows, empty="")
    if needed:
        raise typer.Exit(1)


def _undelivered(stack: Stack, table: DeliveriesTable) -> list[dict[str, Any]]:
    """What is held and for how long yet, the entries with most of it, and how much was rejected within the hour."""
    lately = Period(datetime.now(UTC) - timedelta(hours=1))
    try:
        groups = group(islice(Choice(Status.HELD).rows(table), _MOST_COUNTED), at_fault)
        rejected = sum(1 for _ in by_message(islice(Choice(Status.REJECTED, lately).rows(table), _MOST_COUNTED)))
    except NoIndexError as error:
        return [{"part": "held mail", "state": str(error)}]
    state = f"{len(groups)} {'entry' if len(groups) == 1 else 'entries'}"
    held: dict[str, Any] = {"part": "held mail", "state": state, "waiting": sum(one.messages for one in groups)}
    if groups:
        held["days_left"] = days_of_raw_mail(stack, min(one.oldest for one in groups))
    shown = [
        {
            "part": f"held: {one.key}",
            "state": f"since {one.oldest}",
            "waiting": one.messages,
            "days_left": days_of_raw_mail(stack, one.oldest),
        }
        for one in groups[:_SHOWN]
    ]
    more = [{"part": f"held: {len(groups) - _SHOWN} more entries"}] if len(groups) > _SHOWN else []
    return [held, *shown, *more, {"part": "rejected mail", "state": f"{rejected} in the last hour"}]


def _version(stack: Stack) -> str:
    """The version that is deployed, and this program's where it is another."""
    try:
        deployed = stack.output("Version")
    except CommandError:
        deployed = "unknown"  # from before the first release; the rest is worth showing all the same
    return deployed if deployed == VERSION else f"{deployed}, mailroomctl {VERSION}"
