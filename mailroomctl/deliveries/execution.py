"""Start the workflow and understand how it ended."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mailroomctl.deliveries.cause import plain_cause
from mailroomctl.stack import Stack

DELIVERED, IGNORED, PARKED, FAILED = "Delivered", "Ignored", "Parked", "Failed"

_PARTS = ("deliveries", "undelivered", "rejected")  # the last is what earlier versions call the second

_THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException", "ExecutionLimitExceeded"})
_WAITS = (1, 2, 4, 8, 16)  # seconds; what was throttled has not begun


@dataclass(frozen=True, slots=True)
class Execution:
    """One run: its end, and what there is to say about it.

    ``parked`` is the queue's id of the message in which the run has parked its event.
    """

    end: str
    text: str = ""
    parked: str | None = None
    outcomes: Sequence[dict[str, Any]] = ()

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do for this event."""
        return self.end in (DELIVERED, IGNORED)


def run(stack: Stack, event: Any) -> Execution:
    """Run the workflow to its end with ``event``, which takes up to 5 minutes.

    The deliveries table says more about each mailbox. Raises botocore's errors when it cannot be started.
    """
    answer = _start(stack, json.dumps(event, ensure_ascii=False))
    if answer["status"] != "SUCCEEDED":
        text = " ".join(filter(None, [answer["status"], answer.get("error"), answer.get("cause")]))
        return Execution(FAILED, text)
    output = _object(answer.get("output"))
    if "parked" in output:
        parked = output["parked"]
        text = f"{output.get('Error') or ''}: {plain_cause(str(output.get('Cause') or ''))}"
        return Execution(PARKED, text, parked=parked.get("MessageId") if isinstance(parked, dict) else None)
    if output.get("kind") == "ignored":
        return Execution(IGNORED, str(output.get("reason") or ""))
    outcomes = [one for part in _PARTS for one in _object(output.get(part)).get("outcomes", [])]
    return Execution(DELIVERED, _summary(outcomes), outcomes=outcomes)


def _start(stack: Stack, text: str) -> Any:
    from botocore.exceptions import ClientError

    waits = iter(_WAITS)
    while True:
        try:
            return stack.stepfunctions.start_sync_execution(stateMachineArn=stack.output("DeliverMailArn"), input=text)
        except ClientError as error:
            wait = next(waits, None) if error.response["Error"]["Code"] in _THROTTLED else None
            if wait is None:
                raise
            time.sleep(wait)


def _summary(outcomes: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{one.get('mailbox') or one.get('recipient')} {one.get('status')}" for one in outcomes)


def _object(value: Any) -> dict[str, Any]:
    content = json.loads(value) if isinstance(value, str) else value
    return content if isinstance(content, dict) else {}
