"""``mailroomctl status``: whether mail flows, and what waits where."""

from typing import Any

import typer

from mailroomctl.console import Console
from mailroomctl.pipe import RUNNING, pipe_state
from mailroomctl.stack import Stack

_OUTPUTS = {"inbound": "InboundQueueUrl", "dead-letter": "DeadLetterQueueUrl", "parked": "ParkedQueueUrl"}
QUEUES = {f"{name} queue": output for name, output in _OUTPUTS.items()}


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


def depth(stack: Stack, url: str) -> tuple[int, int]:
    """Return about how many messages of a queue are visible, and how many somebody works on."""
    answer = stack.sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return int(answer["ApproximateNumberOfMessages"]), int(answer["ApproximateNumberOfMessagesNotVisible"])
