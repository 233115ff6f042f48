"""What a message in the dead-letter queue or the parked queue is about."""

import json
import time
from dataclasses import dataclass
from typing import Any

from mailroom import notification
from mailroom.errors import InvalidEvent
from mailroom.notification import Notification
from mailroom.statuses import FINAL

from mailroomctl.addresses import normalised
from mailroomctl.deliveries.cause import plain_cause
from mailroomctl.queues.in_flight import Message
from mailroomctl.times import age

_LONGEST_CAUSE = 300  # characters, in tables


@dataclass(frozen=True, slots=True)
class Waiting:
    """One message of a queue, read as far as it can be.

    ``event`` is what starts the workflow again, or None where there is none to be found. ``mail`` is the notification
    in it, or None where it is none. ``errors`` are names of errors.
    """

    message: Message
    event: Any
    mail: Notification | None
    errors: tuple[str, ...]
    cause: str
    details: dict[str, Any]

    @property
    def message_id(self) -> str | None:
        """The SES message id."""
        return self.mail.message_id if self.mail else None

    @property
    def addresses(self) -> set[str]:
        """The envelope recipients and the mailboxes on record, normalised."""
        return {normalised(one) for one in (*(self.mail.recipients if self.mail else ()), *self._mailboxes)}

    @property
    def _mailboxes(self) -> list[str]:
        return [record["mailbox"] for record in self.details.get("records", [])]

    def row(self) -> dict[str, Any]:
        """Return what lists show."""
        return {
            "id": self.message.id,
            "message_id": self.message_id,
            "recipients": list(self.mail.recipients) if self.mail else [],
            "error": ", ".join(self.errors),
            "cause": self.cause[:_LONGEST_CAUSE],
            "age": age(time.time() - self.message.sent_at),
            "age_seconds": round(time.time() - self.message.sent_at, 1),
            "receives": self.message.receives,
        }


def read_parked(message: Message) -> Waiting:
    """Read what the workflow's ParkEvent has written: ``{"error", "cause", "execution", "parked_at", "event"}``."""
    try:
        content = json.loads(message.body)
    except ValueError:
        content = None
    if not isinstance(content, dict) or "event" not in content:
        return Waiting(message, None, None, (), "Mailroom did not write this message.", {})
    return Waiting(
        message,
        content["event"],
        _mail(content["event"]),
        (str(content.get("error") or ""),),
        plain_cause(str(content.get("cause") or "")),
        {name: content.get(name) for name in ("execution", "parked_at")},
    )


def read_dead_letter(message: Message, records: list[dict[str, Any]]) -> Waiting:
    """Read what the inbound queue gave up; ``records`` are the message's, which say why."""
    event = [{"messageId": message.id, "body": message.body}]
    failed = [record for record in records if record.get("status") not in FINAL]
    errors = sorted({record.get("error") or record["status"] for record in failed})
    parts = [f"{record['mailbox']}: {_why(record)}" for record in failed]
    if not records:
        parts = ["nothing is on record: no execution came as far as its mailboxes"]
    elif not failed:
        parts = ["every outcome on record is final"]
    return Waiting(message, event, _mail(event), tuple(errors), "; ".join(parts), {"records": records})


def _why(record: dict[str, Any]) -> str:
    """What the error's name does not say; records of earlier versions have no more than the name."""
    return plain_cause(str(record.get("reason") or "")) or str(record.get("error") or record["status"])


def message_id_of(message: Message) -> str | None:
    """Return the SES message id in a message of the inbound or the dead-letter queue."""
    mail = _mail([{"body": message.body}])
    return mail.message_id if mail else None


def _mail(event: Any) -> Notification | None:
    try:
        found = notification.parse(event)
    except InvalidEvent:
        return None
    return found if isinstance(found, Notification) else None
