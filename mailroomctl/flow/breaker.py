"""When the storage breaker, which has stopped the pipe, tries the storage again."""

import json
from datetime import datetime, timedelta
from typing import Any

from mailroomctl.queues.pipe import BREAKER, Pipe
from mailroomctl.stack import Stack

_WAIT, _PROBE = "WaitForStorage", "ProbeStorage"
_LOOKED_AT = 20  # events, the newest; a probe and what follows it are fewer


def next_probe(stack: Stack, pipe: Pipe) -> datetime | None:
    """Return when the breaker's execution probes; a time that is over means that it does so now.

    None when it cannot be said: the breaker is no part of the stack, or its execution has ended.
    """
    _, _, execution = pipe.tags.get(BREAKER, "").partition(" ")
    machine = _state_machine(stack) if execution else None
    if not machine:
        return None
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{execution}"
    for event in _newest_events(stack, arn):
        entered = event.get("stateEnteredEventDetails") or {}
        if entered.get("name") == _PROBE:
            return event["timestamp"]  # type: ignore[no-any-return]
        if entered.get("name") == _WAIT:
            seconds = _waits(str(entered.get("input") or ""))
            return None if seconds is None else event["timestamp"] + timedelta(seconds=seconds)
    return None


def _state_machine(stack: Stack) -> str | None:
    """The ARN of the breaker, which is no output of the stack."""
    from botocore.exceptions import ClientError

    try:
        found = stack.client("cloudformation").describe_stack_resource(
            StackName=stack.name, LogicalResourceId="StorageBreaker"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return None
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def _newest_events(stack: Stack, arn: str) -> list[Any]:
    from botocore.exceptions import ClientError

    try:
        answer = stack.stepfunctions.get_execution_history(
            executionArn=arn, reverseOrder=True, maxResults=_LOOKED_AT, includeExecutionData=True
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ExecutionDoesNotExist", "InvalidArn"):
            raise
        return []
    events: list[Any] = list(answer["events"])
    ended = events and str(events[0].get("type", "")).startswith("Execution")
    return [] if ended else events


def _waits(text: str) -> float | None:
    try:
        return float(json.loads(text)["next"]["wait"])
    except (ValueError, KeyError, TypeError):
        return None
