"""``mailroomctl status``: what is deployed, whether mail flows, and what waits where."""

from typing import Any

import typer

from mailroomctl.console import Console
from mailroomctl.errors import CommandError
from mailroomctl.queues.depth import QUEUES, depth
from mailroomctl.queues.pipe import RUNNING, pipe_state
from mailroomctl.stack import Stack
from mailroomctl.version import VERSION


def status(stack: Stack, console: Console) -> None:
    """Show the stack's version, the pipe and the queues.

    Exit code 1 when an operator is needed: no mail flows, or some was given up.
    The numbers are SQS's own, which are approximate and up to a minute old.
    """
    wanted, current = pipe_state(stack)
    rows: list[dict[str, Any]] = [
        {"part": "stack", "state": _version(stack)},
        {"part": "pipe", "state": current if wanted == current else f"{current}, to be {wanted}"},
    ]
    needed = current != RUNNING
    for queue, name in QUEUES.items():
        waiting, in_flight = depth(stack.sqs, stack.output(f"{queue}QueueUrl"))
        rows.append({"part": name, "waiting": waiting, "in_flight": in_flight})
        needed |= queue != "Inbound" and waiting + in_flight > 0
    console.table(("part", "state", "waiting", "in_flight"), rows, empty="")
    if needed:
        raise typer.Exit(1)


def _version(stack: Stack) -> str:
    """The version that is deployed, and this program's where it is another."""
    try:
        deployed = stack.output("Version")
    except CommandError:
        deployed = "unknown"  # from before the first release; the rest is worth showing all the same
    return deployed if deployed == VERSION else f"{deployed}, mailroomctl {VERSION}"
