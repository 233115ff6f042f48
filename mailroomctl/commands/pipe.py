"""``mailroomctl pipe``: stop and start what takes mail from the queue to the workflow."""

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.queues.pipe import RUNNING, STOPPED, change_state
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="The pipe: while it is stopped, mail waits in the queue, up to 14 days.")


@app.command("stop")
@command
def stop(stack: Stack, console: Console) -> None:
    """Stop the pipe and wait until it has stopped; executions that have begun come to their end."""
    changed = change_state(stack, STOPPED)
    console.done("the pipe has stopped; mail waits in the inbound queue until you start it again", changed)


@app.command("start")
@command
def start(stack: Stack, console: Console) -> None:
    """Start the pipe and wait until it runs."""
    console.done("the pipe runs", change_state(stack, RUNNING))
