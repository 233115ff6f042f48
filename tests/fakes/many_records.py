"""A deliveries table of 100,000 records that are made when they are asked for, and a count of the calls."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from mailroom.months import month_of

RECORDS = 100_000
APART = timedelta(seconds=78)
"""Between two messages: 46 an hour, 90 days in all."""
MAILBOXES = 100
PAGE = 1_000_000  # octets of one answer
NEEDED_BY = {7: "HELD", 17: "REJECTED", 27: "FAILED", 37: "QUARANTINED"}
"""Of a hundred records those that need attention."""
PROJECTED = {
    "by_time": ("message_id", "mailbox", "received_at", "month", "source"),
    "needs_attention": (
        *("message_id", "mailbox", "received_at", "attention", "status", "entry", "code", "error", "source"),
    ),
}
RARE = "rare@example.net"
"""The sender of the record with the number ``RARE_AT``."""
RARE_AT = 12_000


NEWEST = datetime.now(UTC)


@lru_cache
def _times(newest: datetime, apart: timedelta) -> list[str]:
    """When the records were received, the oldest first."""
    moments = (newest - number * apart for number in reversed(range(RECORDS)))
    return [one.isoformat(timespec="milliseconds").replace("+00:00", "Z") for one in moments]


class ManyRecords:
    """The client of DynamoDB, of S3 and of CloudFormation in one; every page is a call."""

    def __init__(
        self, apart: timedelta = APART, statuses: dict[int, str] | None = None, newest: datetime = NEWEST
    ) -> None:
        self.calls: list[str] = []
        self.newest = newest
        self.apart = apart
        self.statuses = NEEDED_BY if statuses is None else statuses

    def received_at(self, number: int) -> str:
        """When the record with this number was received."""
        return _times(self.newest, self.apart)[RECORDS - 1 - number]

    def record(self, number: int) -> dict[str, Any]:
        """The record with this number, the newest first, as DynamoDB answers it."""
        received_at = self.received_at(number)
        message_id = f"{number:06}{'x' * 34}"
        month = month_of(datetime.fromisoformat(received_at), message_id)
        status = self.statuses.get(number % 100, "DELIVERED")
        fields = {
            "message_id": message_id,
            "mailbox": f"{number % MAILBOXES}@example.com",
            "status": status,
            "received_at": received_at,
            "month": month,
            "source": RARE if number == RARE_AT else "sender@example.org",
            "bucket": "mail",
            "key": f"mail/{message_id}",
            "entry": "" if status != "HELD" else f"{number % MAILBOXES}@example.com",
        }
        fields |= {} if status == "DELIVERED" else {"attention": month}
        fields |= {"quarantine_key": f"quarantine/{message_id}"} if status == "QUARANTINED" else {}
        return {name: {"S": value} for name, value in fields.items()} | {
            "recipients": {"SS": [f"{number % MAILBOXES}@example.com"]}
        }

    def get_paginator(self, operation: str) -> "_Pages":
        return _Pages(self, operation)

    def query(self, **request: Any) -> dict[str, Any]:
        return self.page("query", request)

    def scan(self, **request: Any) -> dict[str, Any]:
        return self.page("scan", request)

    def page(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One answer: filters come after the megabyte, and after ``Limit``."""
        self.calls.append(operation)
        numbers = self._numbers(request)
        begin = request.get("ExclusiveStartKey")
        at = numbers.index(int(begin["message_id"]["S"][:6])) + 1 if begin else 0
        fields = PROJECTED.get(request.get("IndexName", ""))
        read: list[dict[str, Any]] = []
        octets = 0
        for number in numbers[at : at + request.get("Limit", RECORDS)]:
            item = self.record(number)
            item = {name: value for name, value in item.items() if not fields or name in fields}
            octets += sum(len(name) + len(str(value)) for name, value in item.items())
            if octets > PAGE:
                break
            read.append(item)
        wanted = request.get("ExpressionAttributeValues", {}).get(":status")
        items = [one for one in read if wanted is None or one["status"] == wanted]
        more = {"LastEvaluatedKey": read[-1]} if at + len(read) < len(numbers) else {}
        return {"Items": items, "ScannedCount": len(read), **more}

    def _numbers(self, request: dict[str, Any]) -> Sequence[int]:
        values = {name: value["S"] for name, value in request.get("ExpressionAttributeValues", {}).items()}
        if ":message_id" in values:
            number = values[":message_id"]
            return [int(number[:6])] if len(number) == 40 else []
        index, key = request.get("IndexName"), values.get(":key", "")
        numbers = self._between(values.get(":since", ""), values.get(":until", "9"))
        if index == "by_mailbox":
            return [one for one in numbers if f"{one % MAILBOXES}@example.com" == key]
        if key:
            of_month = self._between(key[:7], f"{key[:7]}~")
            numbers = range(max(numbers.start, of_month.start), min(numbers.stop, of_month.stop))
        if index == "needs_attention":
            return [one for one in numbers if one % 100 in self.statuses]
        return numbers

    def _between(self, since: str, until: str) -> range:
        """The numbers of a time."""
        times = _times(self.newest, self.apart)
        first, last = bisect_left(times, since), bisect_right(times, until)
        return range(RECORDS - last, RECORDS - first)

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

    def get_item(self, **_: Any) -> dict[str, Any]:
        self.calls.append("GetItem")
        return {}

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
        if not beginning:
            held = [one for one in range(RECORDS) if self.statuses.get(one % 100) == "QUARANTINED"]
            contents = [
                {"Key": f"{folder}/{one:06}{'x' * 34}", "LastModified": self.newest - one * self.apart}
                for one in held[:1000]
            ]
            return {"Contents": contents, "IsTruncated": len(held) > 1000}
        number = int(beginning[:6])
        return {"Contents": [{"Key": f"{folder}{slash}{number:06}{'x' * 34}", "LastModified": self.newest}]}


class _Pages:
    def __init__(self, table: ManyRecords, operation: str) -> None:
        self._table = table
        self._operation = operation

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        page = request.pop("PaginationConfig", {}).get("PageSize")
        request |= {"Limit": page} if page else {}
        while True:
            answer = self._table.page(self._operation, request)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
