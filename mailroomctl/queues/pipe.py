"""The pipe that takes messages from the inbound queue to the workflow: look at it, stop it, start it.

Two tags say who has stopped it and since when. ``OperatorStop`` is set and removed here; while it is there, the storage
breaker never starts the pipe. ``BreakerStop`` is the breaker's own, with the time and the name of its execution.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailroomctl.errors import CommandError
from mailroomctl.queues.depth import depth
from mailroomctl.stack import Stack

#: Seconds that a pipe gets to stop or start, and between two looks at it.
PATIENCE, POLL = 180.0, 2.0
#: Seconds until a call shows in the pipe's state.
GRACE = 10.0
#: Seconds for what is in flight when the pipe has stopped: the queue's visibility timeout, and a margin.
LAST_DELIVERIES = 460.0
#: Seconds that nothing must have been in flight: the longest poll of a queue, which may have begun before the stop.
QUIET = 20.0
STOPPED, RUNNING = "STOPPED", "RUNNING"
OPERATOR, BREAKER = "OperatorStop", "BreakerStop"
TRANSITIONS = ("STARTING", "STOPPING", "CREATING", "UPDATING")
#: Only a deployment leads out of these.
BEYOND_STARTING = ("CREATE_FAILED", "DELETE_FAILED", "CREATE_ROLLBACK_FAILED", "DELETE_ROLLBACK_FAILED", "DELETING")


@dataclass(frozen=True)
class Pipe:
    """What EventBridge says of the pipe."""

    name: str
    arn: str
    desired: str
    current: str
    reason: str
    tags: dict[str, str]

    @property
    def stopped_by(self) -> str:
        """Who has stopped it; empty unless it is stopped, or is to be."""
        if self.desired != STOPPED:
            return ""
        if OPERATOR in self.tags:
            return "an operator"
        return "the storage breaker" if BREAKER in self.tags else "somebody with other tools than mailroomctl"

    @property
    def stopped_since(self) -> str:
        """Since when, in ISO 8601; empty when nobody has noted it."""
        mark = self.tags.get(OPERATOR) or self.tags.get(BREAKER) or ""
        return mark.partition(" ")[0] if self.stopped_by else ""

    @property
    def runs_marked(self) -> bool:
        """Whether it is to run although an operator's mark is there, which keeps the storage breaker off."""
        return self.desired != STOPPED and OPERATOR in self.tags

    def __str__(self) -> str:
        """Its state in words: ``STOPPED by an operator since 2026-11-24T10:00:00Z``."""
        state = self.current if self.current == self.desired else f"{self.current}, to be {self.desired}"
        if self.runs_marked:
            return f"{state}, but is marked as stopped by an operator: mailroomctl pipe start"
        by = f" by {self.stopped_by}" if self.stopped_by else ""
        return f"{state}{by}{f' since {self.stopped_since}' if self.stopped_since else ''}"


def look(stack: Stack) -> Pipe:
    """Read the pipe as it is now."""
    answer = stack.pipes.describe_pipe(Name=stack.output("PipeName"))
    return Pipe(
        name=stack.output("PipeName"),
        arn=str(answer.get("Arn", "")),
        desired=str(answer["DesiredState"]),
        current=str(answer["CurrentState"]),
        reason=str(answer.get("StateReason") or ""),
        tags=dict(answer.get("Tags") or {}),
    )


def stop(stack: Stack) -> dict[str, Any]:
    """Stop the pipe for as long as an operator wants, and wait until nothing more is delivered.

    That is when the pipe is STOPPED and no message has been in flight for ``QUIET`` seconds: an execution that runs
    has its message in flight, and so has one that has failed, until the visibility timeout ends. The number in flight
    is SQS's own, which is approximate.

    Raises ``CommandError`` when it does not get there; the pipe is then still to be stopped.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    stack.pipes.tag_resource(resourceArn=look(stack).arn, tags={OPERATOR: now})
    pipe = _bring(stack, STOPPED, [_stop] * 3)
    deadline = time.monotonic() + LAST_DELIVERIES
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET:
        in_flight = depth(stack.sqs, stack.output("InboundQueueUrl"))[1]
        if look(stack).desired != STOPPED:
            raise CommandError(f"somebody has started the pipe {pipe.name} meanwhile: stop it again.")
        if in_flight:
            quiet_since = time.monotonic()
            if quiet_since > deadline:
                raise CommandError(
                    f"the pipe {pipe.name} has stopped, but {in_flight} messages are still in flight and may yet be "
                    "delivered: stop it again to go on waiting."
                )
        time.sleep(POLL)
    return {"pipe": pipe.name, "state": STOPPED}


def start(stack: Stack) -> dict[str, Any]:
    """Start the pipe from whatever state it is in, and wait until it runs.

    Raises ``CommandError`` when it cannot be started, with EventBridge's reason.
    """
    pipe = look(stack)
    if pipe.current in BEYOND_STARTING:
        raise CommandError(
            f"the pipe {pipe.name} is {pipe.current} and cannot be started{_because(pipe)}: deploy again."
        )
    stack.pipes.untag_resource(resourceArn=pipe.arn, tagKeys=[OPERATOR, BREAKER])
    # Where the start is taken for granted that could not be done, a stop in between makes it a new one.
    _bring(
        stack,
        RUNNING,
        [_start, lambda stack, pipe: (_stop if pipe.desired == RUNNING else _start)(stack, pipe), _start],
    )
    return {"pipe": pipe.name, "state": RUNNING}


type _Call = Callable[[Stack, Pipe], None]


def _bring(stack: Stack, wanted: str, calls: list[_Call]) -> Pipe:
    """Bring the pipe to a state: one call after the other, each where the one before has come to nothing.

    Raises ``CommandError`` when the last has, or patience is at its end.
    """
    deadline = time.monotonic() + PATIENCE
    left, asked_at = list(calls), -GRACE
    while (pipe := look(stack)).current != wanted or pipe.desired != wanted:
        now = time.monotonic()
        under_way = pipe.current in TRANSITIONS or (not pipe.current.endswith("_FAILED") and now < asked_at + GRACE)
        if now > deadline or not (under_way or left):
            raise CommandError(
                f"the pipe {pipe.name} is {pipe.current}, not {wanted}{_because(pipe)}; its log group says why."
            )
        if not under_way:
            left.pop(0)(stack, pipe)
            asked_at = time.monotonic()
        time.sleep(POLL)
    return pipe


def _stop(stack: Stack, pipe: Pipe) -> None:
    _ask(stack.pipes.stop_pipe, pipe)


def _start(stack: Stack, pipe: Pipe) -> None:
    _ask(stack.pipes.start_pipe, pipe)


def _ask(call: Callable[..., Any], pipe: Pipe) -> None:
    """A pipe that refuses because of the state it is in is looked at again."""
    from botocore.exceptions import ClientError

    try:
        call(Name=pipe.name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise


def _because(pipe: Pipe) -> str:
    return f" ({pipe.reason})" if pipe.reason else ""
