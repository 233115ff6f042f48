"""The deliveries table: what became of each message for each mailbox."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any

from mailroom.folder_names import folder_directory
from mailroom.statuses import Status

from mailroomctl.deliveries.cause import plain_cause
from mailroomctl.stack import Stack

type Record = dict[str, Any]
"""One delivery as plain values."""

BOUNCE = "(bounce)"
"""In place of a mailbox: the item that says that a bounce was sent."""

_ENDED_BY_OPERATOR = frozenset({Status.DISCARDED, Status.REPLAYED, Status.REJECTED})
_MOST_KEYS = 100  # of a BatchGetItem
#: An attempt fails within 5 minutes, and SQS brings its message back 400 seconds after it was received.
_REDELIVERED_WITHIN = timedelta(minutes=15)

_REMEDIES = {
    "MessageMissing": "put the object back, then replay; or discard it",
    "MessageUnreadable": "make the object readable, then replay; or discard it",
    "MailboxPathRejected": "mend the path on the file system or with mailroomctl mailbox set {mailbox} --path PATH",
}


class DeliveriesTable:
    """Reads records; changes them only on the condition of their status."""

    def __init__(self, stack: Stack) -> None:
        """Find the table of ``stack``."""
        self.client = stack.dynamodb
        self.name = stack.output("DeliveriesTableName")

    def of_message(self, message_id: str) -> list[Record]:
        """Return all records of one message, by mailbox, as they are now."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression="message_id = :message_id",
            ExpressionAttributeValues={":message_id": {"S": message_id}},
            ConsistentRead=True,
        )
        return [plain(item) for page in pages for item in page["Items"]]

    def of_mailbox(self, mailbox: str, since: str, until: str) -> Iterator[Record]:
        """Return the records of one mailbox, or of one rejected recipient, the newest first.

        ``since`` and ``until`` are receive times as in the records. What was written a second ago may be missing.
        """
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            IndexName="by_mailbox",
            KeyConditionExpression="mailbox = :mailbox AND received_at BETWEEN :since AND :until",
            ExpressionAttributeValues={":mailbox": {"S": mailbox}, ":since": {"S": since}, ":until": {"S": until}},
            ScanIndexForward=False,
        )
        return (plain(item) for page in pages for item in page["Items"])

    def of_rfc_message_id(self, rfc_message_id: str, since: str, until: str) -> Iterator[Record]:
        """Return the records of every message with this Message-ID header; reads the whole table."""
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.name,
            FilterExpression="rfc_message_id = :id AND received_at BETWEEN :since AND :until",
            ExpressionAttributeValues={":id": {"S": rfc_message_id}, ":since": {"S": since}, ":until": {"S": until}},
        )
        return (plain(item) for page in pages for item in page["Items"])

    def in_full(self, rows: Iterable[Record]) -> Iterator[Record]:
        """Return the records of an index's rows as they are now, in this order; what is gone is left out."""
        for some in batched(rows, _MOST_KEYS, strict=False):
            # Each once: BatchGetItem refuses what an index that changes meanwhile has shown twice.
            keys = dict.fromkeys((row["message_id"], row["mailbox"]) for row in some)
            found = {(one["message_id"], one["mailbox"]): one for one in self._get(keys)}
            yield from (found[key] for key in keys if key in found)

    def _get(self, keys: Iterable[tuple[str, str]]) -> Iterator[Record]:
        """BatchGetItem answers less than it was asked for when it is throttled."""
        named = [{"message_id": {"S": message_id}, "mailbox": {"S": mailbox}} for message_id, mailbox in keys]
        left: Any = {self.name: {"Keys": named, "ConsistentRead": True}}
        wait = 0.05
        while left:
            answer = self.client.batch_get_item(RequestItems=left)
            yield from map(plain, answer["Responses"].get(self.name, []))
            left = answer.get("UnprocessedKeys")
            if left:
                time.sleep(wait)
                wait = min(wait * 2, 5)

    def change_status(self, record: Record, status: Status, **fields: str) -> bool:
        """Set the status and other texts of a record that still has the status that was read; say whether it had.

        What an operator has ended needs no attention any more.
        """
        from botocore.exceptions import ClientError

        values = {"status": status, **fields}
        # Of a claim, its owner too: another execution may have taken it over.
        names = ("status", "entry", "delivered_at", *(["lease_owner"] if record["status"] == Status.CLAIMED else []))
        seen = {name: record[name] for name in names if record.get(name)}
        try:
            self.client.update_item(
                TableName=self.name,
                Key={"message_id": {"S": record["message_id"]}, "mailbox": {"S": record["mailbox"]}},
                ConditionExpression=" AND ".join(f"#{name} = :seen_{name}" for name in seen),
                UpdateExpression="SET "
                + ", ".join(f"#{name} = :{name}" for name in values)
                + (" REMOVE attention" if status in _ENDED_BY_OPERATOR else ""),
                ExpressionAttributeNames={f"#{name}": name for name in (*seen, *values)},
                ExpressionAttributeValues={
                    **{f":seen_{name}": {"S": value} for name, value in seen.items()},
                    **{f":{name}": {"S": value} for name, value in values.items()},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def outcome_row(record: Record) -> Record:
    """Return what operators want to know of a record: the outcome, where the copy is, and why."""
    return {
        "received_at": record.get("received_at"),
        "message_id": record["message_id"],
        "source": record.get("source"),
        "mailbox": record["mailbox"],
        "recipients": record.get("recipients", []),
        "outcome": record["status"],
        "entry": record.get("entry") or None,
        "folder": record.get("folder"),
        "file": _file(record),
        "size": record.get("size"),
        "attempts": record.get("attempts"),
        "failed_at": record.get("failed_at"),
        "delivered_at": record.get("delivered_at"),
        "reason": reason(record),
    }


def _file(record: Record) -> str | None:
    """The file below the mail root; Dovecot moves it from new/ to cur/ and adds flags to its name."""
    if not record.get("file_name"):
        return None
    subfolder = folder_directory(record.get("folder") or "INBOX")
    return "/".join(filter(None, (record.get("path"), subfolder, "new", record["file_name"])))


def reason(record: Record) -> str:
    """Return why there is no copy, with the entry at fault and the remedy of what is held."""
    parts = [record.get("code"), record.get("error"), plain_cause(record.get("reason") or ""), record.get("verdict")]
    if record["status"] == Status.CLAIMED and record.get("lease_until"):
        until = datetime.fromtimestamp(int(record["lease_until"]), UTC)
        parts.append(f"an execution holds the lease until {until:%Y-%m-%dT%H:%M:%SZ}")
    if record["status"] == Status.FAILED:
        parts.append(_no_attempt_since(record))
    text = " ".join(filter(None, parts))
    if record["status"] != Status.HELD:
        return text
    # ResolveMailboxes writes the remedy into the reason; of a copy that was refused there is an error's name only.
    remedy = _REMEDIES.get(record.get("error") or "", "").format(mailbox=record["mailbox"])
    return f"{record.get('entry') or record['mailbox']}: {text}{'; ' if remedy else ''}{remedy}"


def _no_attempt_since(record: Record) -> str:
    """Say when a failure is older than the next attempt can be; earlier versions kept no time."""
    failed_at = record.get("failed_at")
    if not failed_at or datetime.now(UTC) - datetime.fromisoformat(failed_at) < _REDELIVERED_WITHIN:
        return ""
    return (
        f"(no attempt since {failed_at}: the pipe is stopped or behind, or the message has left the queue; "
        f"then mailroomctl replay {record['message_id']})"
    )


def plain(item: Any) -> Record:
    """Return an item as plain values, sets sorted."""
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    record: Record = {name: deserialize(value) for name, value in item.items()}
    return {name: sorted(value) if isinstance(value, set) else value for name, value in record.items()}
