"""The running application as a test sees it: mail in, events in, and what became of them."""

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mailroomctl.local import outcomes
from mailroomctl.local.outcomes import Outcome
from mailroomctl.local.send import Sent, send
from mailroomctl.local.settings import Settings
from mailroomctl.queues.depth import depth

#: Generous: the machine may be busy with other tests.
PATIENCE = 180.0


def until[T](what: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Wait until ``what`` gives something true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)
    return found


class World:
    """The embedded AWS with the deployed application; every test makes mailboxes of its own in it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.outputs = settings.stack().outputs
        self.mail_root = settings.mail_root
        self._numbers = itertools.count(1)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A boto3 client, made once."""
        if service not in self._clients:
            self._clients[service] = self.settings.client(service)
        return self._clients[service]

    # --- the directory -------------------------------------------------------------------------------------------

    def mailbox(self, name: str = "box") -> str:
        """Add a mailbox with an address that no other test has; returns the address."""
        address = f"{name}{next(self._numbers)}@example.com"
        item = {"address": {"S": address}, "type": {"S": "mailbox"}, "enabled": {"BOOL": True}}
        self.client("dynamodb").put_item(TableName=self.outputs["DirectoryTableName"], Item=item)
        return address

    def put(self, *entries: dict[str, Any]) -> None:
        """Put entries into the directory."""
        from boto3.dynamodb.types import TypeSerializer

        serialize = TypeSerializer().serialize
        for entry in entries:
            item = {name: serialize(value) for name, value in entry.items()}
            self.client("dynamodb").put_item(TableName=self.outputs["DirectoryTableName"], Item=item)

    def copies(self, address: str) -> list[Path]:
        """The messages in an address's INBOX that Dovecot has not seen yet."""
        local_part, _, domain = address.partition("@")
        return self.new_in(f"{domain}/{local_part}/Maildir")

    def new_in(self, path: str) -> list[Path]:
        """The messages in the INBOX at a path that Dovecot has not seen yet."""
        return sorted((self.mail_root / path / "new").glob("*"))

    # --- mail in -------------------------------------------------------------------------------------------------

    def deliver(self, content: bytes, *recipients: str, **found: str) -> tuple[Sent, list[Outcome]]:
        """Send a message through the SMTP server and wait for its outcomes."""
        sent = send(self.settings, "sender@example.org", list(recipients), content, found)
        return sent, outcomes.wait(self.settings, sent, PATIENCE)

    def stored(self, message_id: str, content: bytes) -> dict[str, Any]:
        """Put an object in the bucket as SES does; returns the notification of it, still without recipients."""
        bucket, key = self.outputs["MailBucketName"], f"mail/{message_id}"
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        action = {"type": "S3", "bucketName": bucket, "objectKeyPrefix": "mail/", "objectKey": key}
        mail = {"timestamp": "2026-11-24T02:47:00.123Z", "source": "sender@example.org", "messageId": message_id}
        return {"notificationType": "Received", "mail": mail, "receipt": {"recipients": [], "action": action}}

    def raw_mail(self, message_id: str, prefix: str = "mail/") -> bytes:
        """The object in the mail bucket."""
        answer = self.client("s3").get_object(Bucket=self.outputs["MailBucketName"], Key=f"{prefix}{message_id}")
        return bytes(answer["Body"].read())

    def publish(self, message: dict[str, Any] | str) -> None:
        """Publish to the notification topic, as SES does."""
        text = message if isinstance(message, str) else json.dumps(message)
        self.client("sns").publish(TopicArn=self.outputs["NotificationTopicArn"], Message=text)

    def execute(self, event: Any) -> dict[str, Any]:
        """Start the workflow synchronously with an event of any form."""
        answer = self.client("stepfunctions").start_sync_execution(
            stateMachineArn=self.outputs["DeliverMailArn"], input=json.dumps(event)
        )
        return dict(answer)

    def physical_id(self, logical_id: str) -> str:
        """What a resource of the template is called in the stack."""
        answer = self.client("cloudformation").describe_stack_resource(
            StackName=self.settings.stack_name, LogicalResourceId=logical_id
        )
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])

    # --- what became of it ---------------------------------------------------------------------------------------

    def records(self, message_id: str) -> list[dict[str, Any]]:
        """The message's records in the deliveries table, as plain text values."""
        items = self.client("dynamodb").query(
            TableName=self.outputs["DeliveriesTableName"],
            KeyConditionExpression="message_id = :id",
            ExpressionAttributeValues={":id": {"S": message_id}},
            ConsistentRead=True,
        )["Items"]
        return [{name: next(iter(value.values())) for name, value in item.items()} for item in items]

    def let_leases_run_out(self) -> int:
        """Take every claim's lease back by the hour that nobody waits for; returns how many there are.

        For when nothing is being delivered: what is still claimed then was left behind.
        """
        table = self.outputs["DeliveriesTableName"]
        dynamodb = self.client("dynamodb")
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        left = [item for page in pages for item in page["Items"] if "lease_until" in item]
        for item in left:
            dynamodb.update_item(
                TableName=table,
                Key={name: item[name] for name in ("message_id", "mailbox")},
                UpdateExpression="ADD lease_until :hour",
                ConditionExpression="attribute_exists(lease_until)",
                ExpressionAttributeValues={":hour": {"N": "-3600"}},
            )
        return len(left)

    def depth(self, queue: str) -> tuple[int, int]:
        """Messages of a queue that wait, and that are being worked on."""
        return depth(self.settings.client("sqs"), self.outputs[f"{queue}QueueUrl"])

    def idle(self) -> None:
        """Wait until the inbound queue is empty and nothing of it is being worked on."""
        until(lambda: self.depth("Inbound") == (0, 0))

    def take(self, queue: str) -> list[str]:
        """Take every message out of a queue, as its body."""
        taken: list[str] = []
        url = self.outputs[f"{queue}QueueUrl"]
        while messages := self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                taken.append(message["Body"])
                self.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    # --- the pipe ------------------------------------------------------------------------------------------------

    def stop_pipe(self) -> None:
        """Stop the pipe, and wait until nothing more is taken out of the queue and nothing is being worked on."""
        self.client("pipes").stop_pipe(Name=self.outputs["PipeName"])
        self.pipe_rests()

    def start_pipe(self) -> None:
        """Start the pipe; what waits in the queue is delivered soon."""
        self.client("pipes").start_pipe(Name=self.outputs["PipeName"])

    def pipe_rests(self) -> None:
        """Wait until what runs the pipe has noticed that it is stopped, and nothing is being worked on."""
        log, name = self.settings.log_folder / "pipe.log", self.outputs["PipeName"]
        until(lambda: re.findall(rf"pipe {re.escape(name)}: ([A-Z]+)$", log.read_text(), re.MULTILINE)[-1] == "STOPPED")
        until(lambda: self.depth("Inbound")[1] == 0)

    # --- faults --------------------------------------------------------------------------------------------------

    @contextmanager
    def without_mail_root(self) -> Iterator[None]:
        """Take the mail root away, as a file system that is not mounted."""
        aside = self.mail_root.with_name("mail-unmounted")
        self.mail_root.rename(aside)
        try:
            yield
        finally:
            aside.rename(self.mail_root)

    def errors_logged(self, function: str, error: str) -> int:
        """How many invocations of a function have ended with ``error`` so far, as its log tells."""
        group = f"/aws/lambda/{self.settings.stack_name}/{function}"
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return sum(
            event["message"].startswith(f"mailroom.errors.{error}") for page in pages for event in page["events"]
        )
