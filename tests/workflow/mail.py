"""The mail of the workflow tests: notifications, and what the three functions answer when no plan says otherwise."""

import json
from collections.abc import Callable
from typing import Any

from mailroom import notification
from mailroom.resolve.resolution import mailbox_number

BUCKET = "mail-bucket"
NOW = 1_796_000_000
METRICS = ("StorageFailures", "EntriesHeld", "DeliveryFailures")


def address(name: str) -> str:
    """Give the address of one of the people in these tests."""
    return f"{name}@example.com"


def ses_notification(*names: str, **mail: Any) -> dict[str, Any]:
    """Give SES's notification of a mail to ``names``, from a sender who may get a bounce."""
    return {
        "notificationType": "Received",
        "mail": {
            "messageId": "m1",
            "timestamp": "2026-11-24T02:47:00.123Z",
            "source": "alice@sender.test",
            "headersTruncated": False,
            "headers": [{"name": "Subject", "value": "hello"}],
            "commonHeaders": {"messageId": "<one@sender.test>"},
            **mail,
        },
        "receipt": {
            "recipients": [address(name) for name in names],
            "spfVerdict": {"status": "PASS"},
            "dkimVerdict": {"status": "PASS"},
            "dmarcVerdict": {"status": "PASS"},
            "action": {"type": "S3", "bucketName": BUCKET, "objectKey": "mail/m1"},
        },
    }


def first_version_event(*names: str, as_text: bool = False, **action: Any) -> dict[str, Any]:
    """Give the event of the single function that Mailroom replaces: no type anywhere, no time, no verdicts."""
    message = {
        "mail": {
            "messageId": "m1",
            "source": "alice@sender.test",
            "headers": [{"name": "Message-ID", "value": "<one@sender.test>"}],
        },
        "receipt": {
            "recipients": [address(name) for name in names],
            "action": {"bucketName": BUCKET, "objectKey": "mail/m1", **action},
        },
    }
    return {"Records": [{"Sns": {"Message": json.dumps(message) if as_text else message}}]}


def queued(content: object) -> list[dict[str, str]]:
    """Wrap a notification as the pipe hands it over."""
    body = content if isinstance(content, str) else json.dumps(content)
    return [{"messageId": "sqs-1", "body": body}]


def without_copy(recipient: str, **fields: Any) -> dict[str, Any]:
    """Give what ResolveMailboxes says of a recipient that is rejected, or held where its name says so."""
    said = {"status": "REJECTED", "entry": "", "code": "5.1.1", "reason": "no such address", "findings": []}
    if recipient.startswith("loop"):
        said |= {"status": "HELD", "entry": recipient, "code": "5.4.6", "reason": "it goes round in a loop"}
    return {"recipient": recipient, **said, **fields}


def functions(*, now: int, bounces: bool) -> dict[str, Callable[[Any], Any]]:
    """Stand-ins for the functions: the real reading of events, a directory in which ``nobody…`` is unknown.

    ``loop…`` is an alias of itself, which is our own fault.
    """

    def validate(event: Any) -> dict[str, Any]:
        received = notification.parse(event)
        if isinstance(received, notification.Ignored):
            return received.to_state()
        return received.to_state(now=now, lease_seconds=370, retention_days=400, concurrency=4, bounces=bounces)

    def resolve(state: dict[str, Any]) -> dict[str, Any]:
        known = [name for name in state["recipients"] if not name.startswith(("nobody", "loop"))]
        undelivered = [without_copy(name) for name in state["recipients"] if name not in known]
        return {**state, "deliveries": [delivery(name, state) for name in known], "undelivered": undelivered}

    def delivery(name: str, state: dict[str, Any]) -> dict[str, Any]:
        held = name.startswith("virus") and name not in state["released"]
        return {
            "mailbox": name,
            "address": name,
            "path": f"{name}/Maildir",
            "folder": "INBOX",
            "recipients": [name],
            "action": "quarantine" if held else "deliver",
            "verdict": "virus=FAIL; policy=quarantine" if held else "",
            "findings": [{"S": "virus=FAIL"}] if held else [],
            "optional_folder": False,
            "mailbox_number": mailbox_number(name),
        }

    def write(item: dict[str, Any]) -> dict[str, Any]:
        recovering = item["attempts"] > 1 or item["retry_count"] > 0
        return {
            "file_name": "1.x.mailroom,S=8",
            "size": 8,
            "folder": item["delivery"]["folder"],
            "already_delivered": recovering,
        }

    return {
        "ValidateEvent": validate,
        "ResolveMailboxes": resolve,
        "WriteMailbox": write,
        "SendBounce": lambda _: {},
        **dict.fromkeys(METRICS, lambda _: {}),
    }
