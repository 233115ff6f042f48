"""``mailroomctl status``: whether mail flows, and what waits where."""

from typing import Any

import typer

from mailroomctl.console import Console
from mailroomctl.queues.depth import QUEUES, depth
from mailroomctl.queues.pipe import RUNNING, pipe_state
from mailroomctl.stack import Stack


def status(stack: Stack, console: Console) -> None:
    """Show the pipe and the queues. Exit code 1 when an operator is needed: no mail flows, or some was given up.

    The numbers are SQS's own, which are approximate and up to a minute old.
    """
    wanted, current = pipe_state(stack)
    rows: list[dict[str, Any]] = [{"part": "pipe", "state": current}]
    if wanted != current:
        rows[0]["state"] += f", to be {wanted}"
    needed = current != RUNNING
    for name, output in QUEUES.items():
        waiting, held = depth(stack, stack.output(output))
        rows.append({"part": name, "waiting": waiting, "in_work": held})
        needed |= name != "inbound queue" and waiting + held > 0
    console.table(("part", "state", "waiting", "in_work"), rows, empty="")
    if needed:
        raise typer.Exit(1)
