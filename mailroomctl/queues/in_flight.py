"""The messages of a queue that an operator looks at: each seen once, none lost.

Received messages are invisible to others for ``HOLD`` seconds, renewed for as long as the work takes, and visible again
at once when it is over. A program that dies in between loses nothing: they come back by themselves.
"""

import time
from dataclasses import dataclass, field
from itertools import batched
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mailroomctl.console import Progress
from mailroomctl.queues.depth import depth

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Seconds; longer than one execution, which may stand between two renewals.
HOLD = 420
#: Seconds after which the hold is renewed.
RENEW_AFTER = 100
#: Seconds that an empty queue is asked for more: a long poll asks all of SQS's servers, a short one only some.
WAIT = 1


@dataclass(slots=True)
class Message:
    """One message; ``sent_at`` in epoch seconds, ``receives`` counts this look at it as well."""

    id: str
    body: str
    handle: str
    sent_at: float
    receives: int
    attributes: dict[str, Any] = field(default_factory=dict)


class MessagesInFlight:
    """All messages of one queue, held for as long as the ``with`` block runs.

    A message that somebody else looks at just now is not among them.
    """

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        """Nothing is received before ``receive``."""
        self._sqs = sqs
        self.url = url
        self._held: dict[str, Message] = {}
        self._renewed = 0.0

    def __enter__(self) -> Self:
        """Hold what is received from now on."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Let everybody see again what is left. What cannot be let go comes back after ``HOLD`` seconds."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._change_visibility(0)
        except (BotoCoreError, ClientError):
            if error is None:
                raise

    def receive(self, progress: Progress | None = None, most: int | None = None) -> list[Message]:
        """Return every message, or about as many as ``most``, each once, oldest first."""
        self._renewed = time.monotonic()
        while (most is None or len(self._held) < most) and (batch := self._receive_some()):
            for message in batch:
                new = message.id not in self._held
                # A second time means that it was visible in between: only the newest handle counts.
                self._held[message.id] = message
                if new and progress:
                    progress.advance()
            self.renew()
        return sorted(self._held.values(), key=lambda one: (one.sent_at, one.id))

    def renew(self) -> None:
        """Go on holding; call it between two pieces of work."""
        if time.monotonic() - self._renewed > RENEW_AFTER:
            self._renewed = time.monotonic()
            self._change_visibility(HOLD)

    def delete(self, message: Message) -> None:
        """Take a message out of the queue for good."""
        self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message.handle)
        self._held.pop(message.id, None)

    def left(self) -> tuple[int, int]:
        """Return about how many messages are visible, and how many somebody else, or a reader that has died, holds."""
        visible, held = depth(self._sqs, self.url)
        return visible, max(0, held - len(self._held))

    def _receive_some(self) -> list[Message]:
        answer = self._sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=HOLD,
            WaitTimeSeconds=WAIT,
            MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            MessageAttributeNames=["All"],
        )
        return [_message(one) for one in answer.get("Messages", [])]

    def _change_visibility(self, seconds: int) -> None:
        """Failures of single entries are passed over: such a message is visible, or gone, already."""
        for some in batched(list(self._held.values()), 10, strict=False):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self.url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message.handle, "VisibilityTimeout": seconds}
                    for number, message in enumerate(some)
                ],
            )


def _message(received: Any) -> Message:
    known = received.get("Attributes", {})
    return Message(
        id=received["MessageId"],
        body=received["Body"],
        handle=received["ReceiptHandle"],
        sent_at=int(known.get("SentTimestamp", 0)) / 1000,
        receives=int(known.get("ApproximateReceiveCount", 0)),
        attributes={name: _sendable(value) for name, value in received.get("MessageAttributes", {}).items()},
    )


def _sendable(attribute: dict[str, Any]) -> dict[str, Any]:
    """Leave out the lists that receiving adds and sending refuses."""
    return {name: value for name, value in attribute.items() if name in ("DataType", "StringValue", "BinaryValue")}
