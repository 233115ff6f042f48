"""The pipe that takes messages from the inbound queue to the workflow: look at it, stop it, start it."""

import time
from typing import Any

from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

#: Seconds that a pipe gets to stop or start, and between two looks at it.
PATIENCE, POLL = 180.0, 2.0
STOPPED, RUNNING = "STOPPED", "RUNNING"


def pipe_state(stack: Stack) -> tuple[str, str]:
    """Return the state that is wanted and the one that is."""
    answer = stack.pipes.describe_pipe(Name=stack.output("PipeName"))
    return str(answer["DesiredState"]), str(answer["CurrentState"])


def change_state(stack: Stack, wanted: str) -> dict[str, Any]:
    """Bring the pipe to ``wanted`` and wait until it is there. Raises ``CommandError`` when it does not get there."""
    name = stack.output("PipeName")
    pipes: Any = stack.pipes
    if pipe_state(stack)[0] != wanted:
        pipes.stop_pipe(Name=name) if wanted == STOPPED else pipes.start_pipe(Name=name)
    deadline = time.monotonic() + PATIENCE
    while (current := pipe_state(stack)[1]) != wanted:
        if current.endswith("_FAILED") or time.monotonic() > deadline:
            raise CommandError(f"the pipe {name} is {current}, not {wanted}; its log group says why.")
        time.sleep(POLL)
    return {"pipe": name, "state": wanted}
