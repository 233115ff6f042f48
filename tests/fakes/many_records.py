"""A deliveries table of 100,000 records that are made when they are asked for, and a count of the calls."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from mailroom.hours import hour_of

RECORDS = 100_000
APART = timedelta(seconds=78)
"""Between two messages: 46 an hour, 90 days in all."""
MAILBOXES = 100
PAGE = 1_000_000  # octets of one answer
_STATUSES = {7: "HELD", 17: "REJECTED", 27: "FAILED"}  # of a hundred records


class ManyRecords:
    """The client of DynamoDB, of S3 and of CloudFormation in one; every page is a call."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.newest = datetime.now(UTC)

    def record(self, number: int) -> dict[str, Any]:
        """The record with this number, the newest first, as DynamoDB answers it."""
        received_at = (self.newest - number * APART).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message_id = f"{number:06}{'x' * 34}"
        hour = hour_of(datetime.fromisoformat(received_at), message_id)
        status = _STATUSES.get(number % 100, "DELIVERED")
        fields = {
            "message_id": message_id,
            "mailbox": f"{number % MAILBOXES}@example.com",
            "status": status,
            "received_at": received_at,
            "hour": hour,
            "source": "sender@example.org",
            "bucket": "mail",
            "key": f"mail/{message_id}",
            "entry": "" if status != "HELD" else f"{number % MAILBOXES}@example.com",
        }
        fields |= {} if status == "DELIVERED" else {"attention": hour}
        return {name: {"S": value} for name, value in fields.items()} | {
            "recipients": {"SS": [f"{number % MAILBOXES}@example.com"]}
        }

    def get_paginator(self, operation: str) -> "_Pages":
        return _Pages(self, operation)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        self.calls.append("BatchGetItem")
        found = {}
        for table, asked in request["RequestItems"].items():
            assert len(asked["Keys"]) <= 100
            if table == "deliveries":
                found[table] = [self.record(int(one["message_id"]["S"][:6])) for one in asked["Keys"]]
            else:
                keys = [one["address"]["S"] for one in asked["Keys"]]
                found[table] = [
                    {"address": {"S": key}, "type": {"S": "domain" if key.startswith("@") else "mailbox"}}
                    for key in keys
                    if not key.startswith("*")
                ]
        return {"Responses": found}

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        self.calls.append("DescribeStacks")
        outputs = {
            "DeliveriesTableName": "deliveries",
            "DirectoryTableName": "directory",
            "MailBucketName": "mail",
            "InboundQueueUrl": "https://sqs/Inbound",
        }
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]}]}

    def head_object(self, **_: Any) -> dict[str, Any]:
        self.calls.append("HeadObject")
        return {"LastModified": self.newest}

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        self.calls.append("ListObjectsV2")
        folder, slash, beginning = request["Prefix"].rpartition("/")
        number = int(beginning[:6])
        return {"Contents": [{"Key": f"{folder}{slash}{number:06}{'x' * 34}", "LastModified": self.newest}]}


class _Pages:
    def __init__(self, table: ManyRecords, operation: str) -> None:
        self._table = table
        self._operation = operation

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        size = request.get("PaginationConfig", {}).get("PageSize", RECORDS)
        items: list[dict[str, Any]] = []
        octets = 0
        for number in self._numbers(request):
            item = self._table.record(number)
            octets += sum(len(name) + len(str(value)) for name, value in item.items())
            if octets > PAGE or len(items) == size:
                yield self._answer(items, {"LastEvaluatedKey": {}})
                items, octets = [], 0
            items.append(item)
        yield self._answer(items, {})

    def _answer(self, items: list[dict[str, Any]], more: dict[str, Any]) -> dict[str, Any]:
        self._table.calls.append(self._operation)
        return {"Items": items, **more}

    def _numbers(self, request: dict[str, Any]) -> Iterable[int]:
        values = {name: value["S"] for name, value in request.get("ExpressionAttributeValues", {}).items()}
        everything = range(RECORDS)
        if ":message_id" in values:
            number = values[":message_id"]
            return [int(number[:6])] if len(number) == 40 else []
        if ":mailbox" in values:
            return range(int(values[":mailbox"].partition("@")[0]), RECORDS, MAILBOXES)
        if ":key" in values:
            hour = datetime.fromisoformat(values[":key"].partition("#")[0]).replace(tzinfo=UTC)
            first = max(0, int((self._table.newest - hour - timedelta(hours=1)) / APART))
            last = min(RECORDS, int((self._table.newest - hour) / APART) + 2)
            numbers = range(first, last)
            return [one for one in numbers if self._table.record(one)["hour"]["S"] == values[":key"]]
        if request.get("IndexName") == "needs_attention":
            wanted = values.get(":status")
            numbers = sorted(one for start in _STATUSES for one in range(start, RECORDS, 100))
            return [one for one in numbers if wanted in (None, _STATUSES[one % 100])]
        return everything
