"""What arrives: the notification that SES sends after it has stored a message, in any of its wrappings.

Source of the shape: "Contents of notifications for Amazon SES email receiving" in the SES developer guide, and
captured notifications: every field but the message id, the recipients and the S3 object may be missing. The single
function that Mailroom replaces took notifications without any type; stored ones are still read.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailroom import state
from mailroom.bounces import why_not_bounce
from mailroom.errors import ForbiddenObject, InvalidEvent
from mailroom.months import month_of

RECEIVED = "Received"
SETUP_MESSAGE_ID = "AMAZON_SES_SETUP_NOTIFICATION"
TOPIC_VALIDATION = "Successfully validated SNS topic"
CHECKS = ("spam", "virus", "spf", "dkim", "dmarc")
DMARC_POLICIES = ("none", "quarantine", "reject")
SUBSCRIPTION_TYPES = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})

# The id becomes a table key and part of an object key. SES's own ids are letters and digits.
_MESSAGE_ID = re.compile(r"[A-Za-z0-9._@+=-]{1,200}")
_MOST_WRAPPINGS = 5
_LONGEST_HEADER = 998  # RFC 5322, 2.1.1


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something that is not mail and belongs on the topic all the same; ``reason`` says what it is."""

    reason: str

    def to_state(self) -> state.Ignored:
        """Give ValidateEvent's output for something that is not mail."""
        return {"kind": "ignored", "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Notification:
    """One received mail, as far as later steps need it: no subject, no other headers.

    ``received_at`` is when SES received it (aware, UTC), or ``None`` where the notification does not say.
    ``recipients`` is the envelope, in order, without repetitions. ``unbounceable`` says why a bounce to this message's
    sender would be wrong, and is empty where it would be right. ``released`` lists mailboxes whose quarantine an
    operator has lifted; or, with ``restored``, whose copy was delivered before and is lost.
    """

    message_id: str
    bucket: str
    key: str
    source: str
    received_at: datetime | None
    verdicts: Mapping[str, str | None]
    dmarc_policy: str | None
    rfc_message_id: str
    recipients: tuple[str, ...]
    unbounceable: str
    released: tuple[str, ...] = ()
    restored: bool = False

    def to_state(
        self, *, now: int, lease_seconds: int, retention_days: int, concurrency: int, bounces: bool
    ) -> state.Received:
        """Give ValidateEvent's output: the message, its recipients, and what the workflow's own states need.

        ``now`` is in epoch seconds. A message without a receive time gets ``now``; the claim keeps that of the
        first execution. ``concurrency`` is how many copies are written at the same time, ``bounces`` whether bounces
        are switched on.
        """
        why_not = self.unbounceable if bounces else "Bounces are switched off."
        received_at = self.received_at or datetime.fromtimestamp(now, UTC)
        received: state.Received = {
            "kind": "mail",
            "reason": None,
            "message": {
                "id": self.message_id,
                "bucket": self.bucket,
                "key": self.key,
                "source": self.source,
                "received_at": received_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "month": month_of(received_at, self.message_id),
                "verdicts": dict(self.verdicts),
                "dmarc_policy": self.dmarc_policy,
                "rfc_message_id": self.rfc_message_id,
            },
            "recipients": list(self.recipients),
            "released": list(self.released),
            "lease": {"now": now, "until": now + lease_seconds},
            "expires_at": now + retention_days * 86_400,
            "concurrency": concurrency,
            "bounce": {"allowed": not why_not, "why_not": why_not},
        }
        if self.restored:
            received["restored"] = True
        return received

    def check_object(self, bucket: str, prefixes: tuple[str, ...]) -> None:
        """Make sure that the raw mail lies in ``bucket`` under one of ``prefixes``.

        Raises ``ForbiddenObject`` otherwise: a notification must not make Mailroom read anything else.
        """
        if self.bucket != bucket:
            raise ForbiddenObject(f"The notification names the bucket {self.bucket!r}; the mail bucket is {bucket!r}.")
        if not self.key.startswith(prefixes):
            raise ForbiddenObject(
                f"The notification names the key {self.key!r}, which is under none of the prefixes {prefixes!r}."
            )


def parse(event: object) -> Notification | Ignored:
    """Read one notification from any of its wrappings.

    ``event`` is the pipe's array of one SQS record, an SNS event (``Records[0].Sns.Message`` as JSON text or as an
    object), or a bare notification; the body of an SQS record may itself be an SNS event that somebody has stored.

    Raises ``InvalidEvent`` with the first thing that is wrong.
    """
    return _parse(event, wrappings=_MOST_WRAPPINGS)


def _parse(event: object, *, wrappings: int) -> Notification | Ignored:
    if wrappings == 0:
        raise InvalidEvent(f"The notification is wrapped more than {_MOST_WRAPPINGS} times.")
    content, by_hand = _unwrap(event)
    if isinstance(content, str):
        if content.startswith(TOPIC_VALIDATION):
            return Ignored("SES has validated the topic.")
        content = _decode(content)
    if not isinstance(content, dict):
        raise InvalidEvent(f"The notification is a JSON {_json_type(content)}, not an object.")
    if "Message" in content and isinstance(content.get("Type"), str):
        if content["Type"] in SUBSCRIPTION_TYPES:
            return Ignored(f"SNS has sent a {content['Type']}.")
        return _parse({"Records": [{"Sns": {"Message": content["Message"]}}]}, wrappings=wrappings - 1)
    if "Records" in content:
        return _parse(content, wrappings=wrappings - 1)
    return _read(content, by_hand=by_hand)


def _unwrap(event: object) -> tuple[object, bool]:
    """Take the notification out of its wrapping; the second value tells whether it was bare, so given manually."""
    if isinstance(event, list):
        body = _only(event, "The event").get("body")
        if not isinstance(body, str):
            raise InvalidEvent("The SQS record has no body.")
        return body, False
    if not isinstance(event, dict):
        raise InvalidEvent(
            f"The event is a JSON {_json_type(event)}: expected SQS records, an SNS event or a notification."
        )
    if "Records" in event:
        if not isinstance(event["Records"], list):
            raise InvalidEvent("Records is not a list.")
        record = _only(event["Records"], "Records")
        if "body" in record:
            return _unwrap([record])
        sns = record.get("Sns")
        if not isinstance(sns, dict) or "Message" not in sns:
            raise InvalidEvent("Records[0] has neither Sns.Message nor a body.")
        if sns.get("Type") in SUBSCRIPTION_TYPES:
            return {"Type": sns["Type"], "Message": ""}, False
        return sns["Message"], False
    return event, True


def _only(records: list[Any], what: str) -> dict[str, Any]:
    if len(records) != 1:
        raise InvalidEvent(f"{what} holds {len(records)} records: one execution takes exactly one message.")
    if not isinstance(records[0], dict):
        raise InvalidEvent(f"{what}[0] is a JSON {_json_type(records[0])}, not an object.")
    return records[0]


def _decode(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        # The text itself stays out of the message: it could be anything, mail included.
        raise InvalidEvent(f"The notification is not JSON ({len(text)} characters).") from None


def _read(content: dict[str, Any], *, by_hand: bool) -> Notification | Ignored:
    mail = content.get("mail")
    if isinstance(mail, dict) and mail.get("messageId") == SETUP_MESSAGE_ID:
        return Ignored("SES has tested the receipt rule with its setup notification.")
    kind = _kind(content)
    if kind != RECEIVED:
        return Ignored(f"A {kind[:40]} event, not received mail.")
    if not isinstance(mail, dict):
        raise InvalidEvent("The notification has no mail object.")
    receipt = content.get("receipt")
    if not isinstance(receipt, dict):
        raise InvalidEvent("The notification has no receipt object.")
    bucket, key = _stored_at(receipt)
    return Notification(
        message_id=_message_id(mail),
        bucket=bucket,
        key=key,
        source=_text(mail.get("source")),
        received_at=_timestamp(mail.get("timestamp")) or _timestamp(receipt.get("timestamp")),
        verdicts={name: _verdict(receipt.get(f"{name}Verdict")) for name in CHECKS},
        dmarc_policy=_dmarc_policy(receipt),
        rfc_message_id=_rfc_message_id(mail),
        recipients=_recipients(receipt),
        # Only what a person starts manually can do without a bounce or lift a quarantine, never what comes through the
        # queue.
        unbounceable=(_no_bounce(content) if by_hand else "") or why_not_bounce(mail, receipt),
        released=(_ours(content, "release") or _ours(content, "restore")) if by_hand else (),
        restored=by_hand and not _ours(content, "release") and bool(_ours(content, "restore")),
    )


def _kind(content: dict[str, Any]) -> str:
    """What the notification is about; without a type it counts as received mail, and has to look like it."""
    for name in ("notificationType", "eventType"):
        if name in content:
            kind = content[name]
            if not isinstance(kind, str) or not kind:
                what = "empty" if kind == "" else f"a JSON {_json_type(kind)}"
                raise InvalidEvent(f"{name} is {what}, not a type such as {RECEIVED!r}.")
            return kind
    return RECEIVED


def _stored_at(receipt: dict[str, Any]) -> tuple[str, str]:
    action = receipt.get("action")
    if not isinstance(action, dict) or action.get("type", "S3") != "S3":
        raise InvalidEvent(
            "receipt.action is not an S3 action: the receipt rule must store the mail in the mail bucket."
        )
    bucket, key = _text(action.get("bucketName")), _text(action.get("objectKey"))
    if not bucket or not key:
        raise InvalidEvent("receipt.action has no bucketName or no objectKey.")
    return bucket, key


def _message_id(mail: dict[str, Any]) -> str:
    message_id = mail.get("messageId")
    if not isinstance(message_id, str) or not _MESSAGE_ID.fullmatch(message_id):
        raise InvalidEvent("mail.messageId is missing, or is not an SES message id.")
    return message_id


def _recipients(receipt: dict[str, Any]) -> tuple[str, ...]:
    recipients = receipt.get("recipients")
    if not isinstance(recipients, list) or not recipients:
        raise InvalidEvent("receipt.recipients is missing or empty: nobody to deliver to.")
    if not all(isinstance(recipient, str) for recipient in recipients):
        raise InvalidEvent("receipt.recipients holds something that is not text.")
    return tuple(dict.fromkeys(map(_text, recipients)))


def _verdict(verdict: object) -> str | None:
    status = verdict.get("status") if isinstance(verdict, dict) else None
    return status.upper() if isinstance(status, str) and status else None


def _dmarc_policy(receipt: dict[str, Any]) -> str | None:
    policy = _text(receipt.get("dmarcPolicy")).lower()
    return policy if policy in DMARC_POLICIES else None


def _rfc_message_id(mail: dict[str, Any]) -> str:
    common = mail.get("commonHeaders")
    value = _text(common.get("messageId")) if isinstance(common, dict) else ""
    return (value.strip() or _header(mail, "message-id"))[:_LONGEST_HEADER]


def _header(mail: dict[str, Any], wanted: str) -> str:
    """The first value of a header that has one, for notifications that come without ``commonHeaders``."""
    headers = mail.get("headers")
    for header in headers if isinstance(headers, list) else ():
        if isinstance(header, dict) and _text(header.get("name")).strip().lower() == wanted:
            value = _text(header.get("value")).strip()
            if value:
                return value
    return ""


def _no_bounce(content: dict[str, Any]) -> str:
    ours = content.get("mailroom")
    return "An operator replays it." if isinstance(ours, dict) and ours.get("no_bounce") is True else ""


def _ours(content: dict[str, Any], name: str) -> tuple[str, ...]:
    ours = content.get("mailroom")
    mailboxes = ours.get(name) if isinstance(ours, dict) else None
    return tuple(item for item in mailboxes if isinstance(item, str)) if isinstance(mailboxes, list) else ()


def _timestamp(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _text(value: object) -> str:
    """Give text that can be encoded: JSON can spell half a surrogate pair, which nothing after this could store."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    return {bool: "boolean", int: "number", float: "number", str: "string", list: "array"}.get(type(value), "object")
