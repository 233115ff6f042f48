"""A directory table in memory: what ``mailroom.resolve.directory`` asks of DynamoDB, with hooks for its failures."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from mailroom.resolve.directory import Directory

TABLE = "directory"

_to_dynamodb = TypeSerializer().serialize


class FakeDynamoDB:
    """Answers BatchGetItem and Scan from a mapping, with the service's own rules about batches and pages.

    ``calls`` holds the keys of each BatchGetItem, ``consistent`` those of its calls that were consistent, and ``scans``
    counts the pages. What is in ``late`` is seen by consistent reads alone. ``before`` runs in front of every call and
    may raise; it returns how many keys of the call to leave unprocessed, or ``None``.
    """

    def __init__(
        self,
        entries: Iterable[Mapping[str, Any]] = (),
        before: Callable[[int], int | None] = lambda _call: None,
        table: str = TABLE,
    ) -> None:
        self.entries = {entry["address"]: dict(entry) for entry in entries}
        self.late: dict[str, dict[str, Any]] = {}
        self.calls: list[list[str]] = []
        self.consistent: list[list[str]] = []
        self.scans = 0
        self.page_size = 1000
        self._before = before
        self._table = table

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        [(table, query)] = request["RequestItems"].items()
        assert table == self._table
        keys = [key["address"]["S"] for key in query["Keys"]]
        assert 1 <= len(keys) <= 100
        assert len(set(keys)) == len(keys), "DynamoDB refuses duplicate keys"
        assert all(1 <= len(key.encode()) <= 2048 for key in keys)
        self.calls.append(keys)
        entries = self.entries
        if query["ConsistentRead"]:
            self.consistent.append(keys)
            entries = entries | self.late
        left = self._before(len(self.calls)) or 0
        answered, unprocessed = keys[: len(keys) - left], keys[len(keys) - left :]
        items = [
            {name: _to_dynamodb(value) for name, value in entries[key].items()} for key in answered if key in entries
        ]
        answer: dict[str, Any] = {"Responses": {table: items}, "UnprocessedKeys": {}}
        if unprocessed:
            answer["UnprocessedKeys"] = {table: {"Keys": [{"address": {"S": key}} for key in unprocessed]}}
        return answer

    def scan(self, **request: Any) -> dict[str, Any]:
        assert request["TableName"] == self._table
        assert request["ConsistentRead"]
        assert request["FilterExpression"] == "begins_with(address, :at)"
        start = request["ExpressionAttributeValues"][":at"]["S"]
        self.scans += 1
        self._before(len(self.calls) + self.scans)
        keys = [*self.entries, *self.late]
        first = keys.index(request["ExclusiveStartKey"]["address"]["S"]) + 1 if "ExclusiveStartKey" in request else 0
        page = keys[first : first + self.page_size]
        found = [{"address": {"S": key}} for key in page if key.startswith(start)]
        answer: dict[str, Any] = {"Items": found, "Count": len(found), "ScannedCount": len(page)}
        if len(keys) > first + self.page_size:
            answer["LastEvaluatedKey"] = {"address": {"S": page[-1]}}
        return answer


def directory(dynamodb: FakeDynamoDB, **options: Any) -> Directory:
    """Return a Directory on the fake."""
    return Directory(TABLE, dynamodb, **options)  # type: ignore[arg-type]


def mailbox(address: str, **fields: Any) -> dict[str, Any]:
    """A mailbox entry as it is in the table."""
    return {"address": address, "type": "mailbox", "enabled": True, "version": 1, **fields}


def alias(address: str, *targets: str, kind: str = "alias") -> dict[str, Any]:
    """An alias, a group, or (``*@domain``) a catch-all."""
    kind = "catch_all" if address.startswith("*@") else kind
    return {"address": address, "type": kind, "targets": list(targets), "version": 1}


def group(address: str, *targets: str) -> dict[str, Any]:
    """A group."""
    return alias(address, *targets, kind="group")


def domain(name: str, **fields: Any) -> dict[str, Any]:
    """A domain's settings."""
    return {"address": f"@{name}", "type": "domain", "version": 1, **fields}
