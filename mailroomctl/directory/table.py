"""The directory table as the commands change it: one entry at a time, and never over somebody else's change.

Every entry has a ``version``. A change is written on the condition that the entry still has the version that was read.
"""

from collections.abc import Iterator
from typing import Any

from mailroomctl.errors import AlreadyInDirectoryError, ChangedMeanwhileError, NotInDirectoryError
from mailroomctl.stack import Stack

type Item = dict[str, Any]
"""A table item as plain values, with its ``address`` and ``type``."""


class DirectoryTable:
    """Reads and writes entries; may be shared by threads."""

    def __init__(self, stack: Stack) -> None:
        """Find the table of ``stack``."""
        self._client = stack.dynamodb
        self.name = stack.output("DirectoryTableName")

    def get(self, key: str) -> Item | None:
        """Return the entry as it is now, or ``None``."""
        answer = self._client.get_item(TableName=self.name, Key={"address": {"S": key}}, ConsistentRead=True)
        return _plain_item(answer["Item"]) if "Item" in answer else None

    def require(self, key: str, kind: str) -> Item:
        """Return the entry of that kind, or raise ``NotInDirectoryError``."""
        item = self.get(key)
        if item is None:
            name = key.removeprefix("*@").removeprefix("@")
            raise NotInDirectoryError(f"there is no {kind.replace('_', '-')} {name}.")
        return self.expect(item, kind)

    @staticmethod
    def expect(item: Item, kind: str) -> Item:
        """Return ``item`` when it is of that kind, else raise ``NotInDirectoryError``."""
        if item["type"] != kind:
            raise NotInDirectoryError(f"{item['address']} is {_a(item['type'])}, not {_a(kind)}.")
        return item

    def scan(self) -> Iterator[Item]:
        """Return every entry, in no order; a change made meanwhile may or may not show."""
        pages = self._client.get_paginator("scan").paginate(TableName=self.name)
        for page in pages:
            for item in page["Items"]:
                yield _plain_item(item)

    def create(self, item: Item) -> Item:
        """Write a new entry, or raise ``AlreadyInDirectoryError``."""
        new = {**item, "version": 1}
        if not self._put(new, "attribute_not_exists(address)", {}):
            raise AlreadyInDirectoryError(f"{item['address']} is in the directory already.")
        return new

    def replace(self, item: Item, seen: Item) -> Item:
        """Write an entry in the place of ``seen``, or raise ``ChangedMeanwhileError`` when that is there no more."""
        new = {**item, "version": _version(seen) + 1}
        if not self._put(new, *_unchanged(seen)):
            raise ChangedMeanwhileError(
                f"{item['address']} was changed by somebody else just now; look at it and try again."
            )
        return new

    def delete(self, seen: Item) -> None:
        """Delete ``seen``, or raise ``ChangedMeanwhileError``."""
        from botocore.exceptions import ClientError

        condition, values = _unchanged(seen)
        key = seen["address"]
        try:
            self._client.delete_item(
                TableName=self.name,
                Key={"address": {"S": key}},
                ConditionExpression=condition,
                **_values(values),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise ChangedMeanwhileError(
                f"{key} was changed by somebody else just now; look at it and try again."
            ) from None

    def _put(self, item: Item, condition: str, values: dict[str, Any]) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._client.put_item(
                TableName=self.name,
                Item=_to_dynamodb(item),
                ConditionExpression=condition,
                **_values(values),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _a(kind: str) -> str:
    return f"{'an' if kind.startswith('a') else 'a'} {kind.replace('_', '-')}"


def _unchanged(seen: Item) -> tuple[str, dict[str, Any]]:
    if "version" not in seen:
        # Written by hand or by another tool; at least it must still be there and still have none.
        return "attribute_exists(address) AND attribute_not_exists(version)", {}
    return "version = :seen", {":seen": seen["version"]}


def _values(values: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB refuses an empty map of values."""
    return {"ExpressionAttributeValues": _to_dynamodb(values)} if values else {}


# boto3 takes most of a second to import; only a command that reaches AWS pays for it.


def _to_dynamodb(values: Item) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeSerializer

    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in values.items()}


def _version(item: Item) -> int:
    return int(item.get("version", 0))


def _plain_item(item: Any) -> Item:
    from boto3.dynamodb.types import TypeDeserializer

    deserialize = TypeDeserializer().deserialize
    plain: Item = {name: deserialize(value) for name, value in item.items()}
    if "version" in plain:
        plain["version"] = int(plain["version"])
    return plain
