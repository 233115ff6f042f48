"""Mail that waits in queues, and a workflow that ends as a test says."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from mailroom.months import month_of

from mailroomctl.deliveries.indexes import ATTENTION
from tests.integration.command_line import REGION, Operator


def url(queue: str) -> str:
    """The URL of one of the stack's queues."""
    return f"https://sqs.{REGION}.amazonaws.com/123456789012/{queue}"


def notification(message_id: str, *recipients: str) -> dict[str, Any]:
    """What SES sends."""
    return {
        "notificationType": "Received",
        "mail": {"timestamp": "2026-11-24T02:47:00.123Z", "source": "sender@example.org", "messageId": message_id},
        "receipt": {
            "recipients": list(recipients),
            "action": {"type": "S3", "bucketName": "mail", "objectKey": f"mail/{message_id}"},
        },
    }


def event(message_id: str, *recipients: str) -> list[dict[str, Any]]:
    """What the pipe hands to the workflow."""
    return [{"messageId": "sqs", "body": json.dumps(notification(message_id, *recipients))}]


def put(at: Operator, queue: str, body: str) -> str:
    """Put a message into a queue; returns its id."""
    return str(at.sqs.send_message(QueueUrl=url(queue), MessageBody=body)["MessageId"])


def park(at: Operator, message_id: str, *recipients: str, error: str = "MessageMissing", cause: str = "gone") -> str:
    """Put into the parked queue what the workflow puts there."""
    parked = {
        "error": error,
        "cause": json.dumps({"errorType": error, "errorMessage": cause}),
        "execution": "arn:aws:states:execution",
        "parked_at": "2026-11-24T02:48:00.000Z",
        "event": event(message_id, *recipients),
    }
    return put(at, "Parked", json.dumps(parked))


def give_up(at: Operator, message_id: str, *recipients: str) -> str:
    """Put into the dead-letter queue what the inbound queue gave up."""
    return put(at, "DeadLetter", json.dumps(notification(message_id, *recipients)))


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count every call to AWS by its name."""
    from botocore.client import BaseClient

    calls: Counter[str] = Counter()
    real = BaseClient._make_api_call

    def call(self: Any, name: str, arguments: Any) -> Any:
        calls[name] += 1
        return real(self, name, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return calls


def record(at: Operator, message_id: str, mailbox: str, status: str, **fields: Any) -> None:
    """Put an outcome on record, as the workflow does; ``month=None`` as earlier versions did, without the indexes."""
    item = {
        "message_id": message_id,
        "mailbox": mailbox,
        "status": status,
        "recipients": {mailbox},
        "received_at": "2026-11-24T02:47:00.123Z",
        "bucket": "mail",
        "key": f"mail/{message_id}",
        "source": "sender@example.org",
        "rfc_message_id": f"<{message_id}@example.org>",
    }
    item |= fields
    item.setdefault("month", month_of(datetime.fromisoformat(item["received_at"]), message_id))
    if status in ATTENTION and item["month"]:
        item.setdefault("attention", item["month"])
    at.dynamodb.Table("deliveries").put_item(Item={name: value for name, value in item.items() if value is not None})


def hold(at: Operator, message_id: str, recipient: str, entry: str, **fields: Any) -> None:
    """Put on record what ResolveMailboxes could not deliver because of an entry, and its raw mail into the bucket."""
    reason = "there is no such address; correct the entry, or add what it leads to"
    record(at, message_id, recipient, "HELD", **{"entry": entry, "code": "5.1.1", "reason": reason} | fields)
    at.s3.put_object(Bucket="mail", Key=f"mail/{message_id}", Body=b"X-SES-Spam-Verdict: PASS\r\n\r\nbody\r\n")


def records(at: Operator) -> dict[tuple[str, str], dict[str, Any]]:
    """Every record by message and mailbox."""
    table = at.dynamodb.Table("deliveries")
    found: list[dict[str, Any]] = []
    start: dict[str, Any] = {}
    while True:
        answer = table.scan(**start)
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return {(one["message_id"], one["mailbox"]): one for one in found}
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def bodies(at: Operator, queue: str) -> list[str]:
    """What is visible in a queue, without hiding it."""
    found: dict[str, str] = {}
    while messages := at.sqs.receive_message(QueueUrl=url(queue), MaxNumberOfMessages=10).get("Messages"):
        found |= {one["ReceiptHandle"]: one["Body"] for one in messages}
    for handle in found:
        at.sqs.change_message_visibility(QueueUrl=url(queue), ReceiptHandle=handle, VisibilityTimeout=0)
    return sorted(found.values())


def depth(at: Operator, queue: str) -> tuple[int, int]:
    """Messages that are visible, and that are in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = at.sqs.get_queue_attributes(QueueUrl=url(queue), AttributeNames=["All"])["Attributes"]
    return int(answer[names[0]]), int(answer[names[1]])


class FakeWorkflow:
    """Stands for Step Functions. ``end`` is called with each event and returns what StartSyncExecution answers."""

    def __init__(self, at: Operator, end: Callable[[Any], dict[str, Any]]) -> None:
        self.events: list[Any] = []
        self._end = end
        self._lock = threading.Lock()
        at.replaced["stepfunctions"] = self

    def start_sync_execution(self, **request: str) -> dict[str, Any]:
        assert request["stateMachineArn"].endswith(":deliver")
        given = json.loads(request["input"])
        with self._lock:  # commands start several at once
            self.events.append(given)
            return self._end(given)


def succeeded(output: dict[str, Any]) -> dict[str, Any]:
    """An execution that ended in a Succeed state."""
    return {"status": "SUCCEEDED", "output": json.dumps(output)}


def delivered(_event: Any = None) -> dict[str, Any]:
    """An execution that ended in Delivered."""
    deliveries = {"outcomes": [{"mailbox": "bob@example.com", "status": "DELIVERED"}]}
    rejected = {"outcomes": [{"recipient": "gone@example.com", "status": "REJECTED"}]}
    return succeeded({"kind": "mail", "deliveries": deliveries, "rejected": rejected})


def resolves(at: Operator, where: dict[str, str], otherwise: str = "HELD") -> Callable[[Any], dict[str, Any]]:
    """A workflow that delivers to the mailbox of each recipient, over its records as the real one does.

    A recipient without one has the outcome ``otherwise`` again, on its record as before.
    """
    table = at.dynamodb.Table("deliveries")

    def end(event: Any) -> dict[str, Any]:
        message_id = event["mail"]["messageId"]
        deliveries, undelivered = [], []
        for recipient in event["receipt"]["recipients"]:
            if mailbox := where.get(recipient):
                record(at, message_id, mailbox, "DELIVERED", recipients={recipient})
                deliveries.append({"mailbox": mailbox, "recipients": [recipient], "status": "DELIVERED"})
            else:
                table.update_item(
                    Key={"message_id": message_id, "mailbox": recipient},
                    UpdateExpression="SET #status = :status",
                    ExpressionAttributeNames={"#status": "status"},
                    ExpressionAttributeValues={":status": otherwise},
                )
                undelivered.append({"recipient": recipient, "status": otherwise, "code": "5.1.1"})
        return succeeded(
            {"kind": "mail", "deliveries": {"outcomes": deliveries}, "undelivered": {"outcomes": undelivered}}
        )

    return end


def failed(_event: Any = None) -> dict[str, Any]:
    """An execution that ended in DeliveryIncomplete."""
    return {"status": "FAILED", "error": "DeliveryIncomplete", "cause": "At least one copy is not safe yet."}


def parks_again(at: Operator, error: str = "MessageMissing") -> Callable[[Any], dict[str, Any]]:
    """A workflow that parks everything, as the real one does: the message is sent before it ends."""

    def end(given: Any) -> dict[str, Any]:
        body = json.dumps({"error": error, "cause": "still gone", "event": given})
        return succeeded({"Error": error, "Cause": "still gone", "parked": {"MessageId": put(at, "Parked", body)}})

    return end
