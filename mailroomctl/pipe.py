"""``mailroomctl pipe``: stop and start what takes mail from the queue to the workflow."""

import time
from typing import Any

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="The pipe: while it is stopped, mail waits in the queue, up to 14 days.")

#: Seconds that a pipe gets to stop or start, and between two looks at it.
PATIENCE, POLL = 180.0, 2.0
STOPPED, RUNNING = "STOPPED", "RUNNING"


@app.command("stop")
@command
def stop(stack: Stack, console: Console) -> None:
    """Stop the pipe and wait until it has stopped; runs of the workflow that have begun come to their end."""
    _change(stack, console, STOPPED, "the pipe has stopped; mail waits in the inbound queue until you start it again")


@app.command("start")
@command
def start(stack: Stack, console: Console) -> None:
    """Start the pipe and wait until it runs."""
    _change(stack, console, RUNNING, "the pipe runs")


def pipe_state(stack: Stack) -> tuple[str, str]:
    """Return the state that is wanted and the one that is."""
    answer = stack.pipes.describe_pipe(Name=stack.output("PipeName"))
    return str(answer["DesiredState"]), str(answer["CurrentState"])


def _change(stack: Stack, console: Console, wanted: str, said: str) -> None:
    name = stack.output("PipeName")
    pipes: Any = stack.pipes
    if pipe_state(stack)[0] != wanted:
        pipes.stop_pipe(Name=name) if wanted == STOPPED else pipes.start_pipe(Name=name)
    deadline = time.monotonic() + PATIENCE
    while (current := pipe_state(stack)[1]) != wanted:
        if current.endswith("_FAILED") or time.monotonic() > deadline:
            raise CommandError(f"the pipe {name} is {current}, not {wanted}; its log group says why.")
        time.sleep(POLL)
    console.done(said, {"pipe": name, "state": wanted})
