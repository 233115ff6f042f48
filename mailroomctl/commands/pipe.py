"""``mailroomctl pipe``: stop and start what takes mail from the queue to the workflow."""

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.queues import pipe
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="The pipe: while it is stopped, mail waits in the queue, up to 14 days.")


@app.command("stop")
@command
def stop(stack: Stack, console: Console) -> None:
    """Stop the pipe and wait until nothing more is delivered, up to 8 minutes while deliveries fail.

    It stays stopped until `pipe start`: the storage breaker does not start it.
    """
    changed = pipe.stop(stack)
    console.done(
        "the pipe has stopped and nothing is in flight; mail waits in the inbound queue until you start it", changed
    )


@app.command("start")
@command
def start(stack: Stack, console: Console) -> None:
    """Start the pipe, whoever has stopped it and whatever has failed, and wait until it runs."""
    console.done("the pipe runs", pipe.start(stack))
