"""The directory table as the commands change it: one entry at a time, and never over somebody else's change.

Every entry has a ``version``. A change is written on the condition that the entry still has the version that was read.
Whoever writes an address makes its domain known: mail to a domain without an entry is held, not rejected.
"""

import random
import time
from collections.abc import Iterator
from typing import Any

from mailroom.domain_names import display_domain
from mailroom.resolve.entries import DEFAULT_SEPARATORS, domain_key

from mailroomctl.errors import AlreadyInDirectoryError, ChangedMeanwhileError, NotInDirectoryError
from mailroomctl.stack import Stack

type Item = dict[str, Any]
"""A table item as plain values, with its ``address`` and ``type``."""

_ABSENT: tuple[str, dict[str, Any]] = ("attribute_not_exists(address)", {})
_CONFLICTS = 6  # attempts of a write that meets another one; about a second in all


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
            name = display_key(key)
            if kind == "domain":
                raise NotInDirectoryError(f"{name} has no settings yet: mailroomctl domain add {name} makes it known.")
            raise NotInDirectoryError(f"there is no {kind.replace('_', '-')} {name}.")
        return self.expect(item, kind)

    @staticmethod
    def expect(item: Item, kind: str) -> Item:
        """Return ``item`` when it is of that kind, else raise ``NotInDirectoryError``."""
        if item["type"] != kind:
            raise NotInDirectoryError(f"{item['address']} is {_a(item['type'])}, not {_a(kind)}.")
        return item

    def domain_of(self, key: str) -> Item:
        """Return the settings of the domain that an address or a catch-all is in, the usual ones if it has no entry."""
        domain = domain_key(key.rpartition("@")[2])
        return self.get(domain) or usual_domain(domain)

    def scan(self, *, consistent: bool = False) -> Iterator[Item]:
        """Return every entry, in no order; a change made meanwhile may or may not show.

        With ``consistent`` at least every change made before shows.
        """
        pages = self._client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=consistent)
        for page in pages:
            for item in page["Items"]:
                yield _plain_item(item)

    def create(self, item: Item, *, alone: bool = False) -> Item:
        """Write a new entry, or raise ``AlreadyInDirectoryError``.

        With ``alone`` the domain is known already: writes of many addresses would meet each other at its entry.
        """
        new = {**item, "version": 1}
        if not (self._put_alone if alone else self._put)(new, *_ABSENT):
            name = display_key(item["address"])
            raise AlreadyInDirectoryError(
                f"{name} has settings already: mailroomctl domain set {name} changes them."
                if item["type"] == "domain"
                else f"{name} is in the directory already."
            )
        return new

    def replace(self, item: Item, seen: Item, *, alone: bool = False) -> Item:
        """Write an entry in the place of ``seen``, or raise ``ChangedMeanwhileError`` when that is there no more."""
        new = {**item, "version": _version(seen) + 1}
        if not (self._put_alone if alone else self._put)(new, *_unchanged(seen)):
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

    def make_known(self, domain: Item) -> None:
        """Write a domain's entry where it has none; one that is there stays as it is."""
        self._put_alone({**domain, "version": 1}, *_ABSENT)

    def _put(self, item: Item, condition: str, values: dict[str, Any]) -> bool:
        """Write an entry on a condition, and if it is an address its domain with it; say whether the condition held."""
        if item["type"] == "domain":
            return self._put_alone(item, condition, values)
        domain = domain_key(item["address"].rpartition("@")[2])
        key = {"TableName": self.name, "Key": {"address": {"S": domain}}}
        there: Any = {"ConditionCheck": {**key, "ConditionExpression": "attribute_exists(address)"}}
        new = {"Item": _to_dynamodb({**usual_domain(domain), "version": 1}), "ConditionExpression": _ABSENT[0]}
        absent: Any = {"Put": {"TableName": self.name, **new}}
        put = {"Item": _to_dynamodb(item), "ConditionExpression": condition, **_values(values)}
        address: Any = {"Put": {"TableName": self.name, **put}}
        # Mostly the domain is there. Whoever removes or adds it at the same moment makes the other way right.
        for with_domain in (there, absent) * 3:
            failed = self._transact([address, with_domain])
            if not any(failed):
                return True
            if failed[0]:
                return False
        raise ChangedMeanwhileError(f"{domain} was changed by somebody else just now; try again.")

    def _put_alone(self, item: Item, condition: str, values: dict[str, Any]) -> bool:
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

    def _transact(self, writes: list[Any]) -> list[bool]:
        """Write all or nothing; say of each whether its condition failed."""
        from botocore.exceptions import ClientError

        for attempt in range(_CONFLICTS):
            try:
                self._client.transact_write_items(TransactItems=writes)
            except ClientError as error:
                reasons = [one.get("Code") for one in error.response.get("CancellationReasons", ())]
                if "ConditionalCheckFailed" in reasons:
                    return [reason == "ConditionalCheckFailed" for reason in reasons]
                if "TransactionConflict" not in reasons or attempt + 1 == _CONFLICTS:
                    raise
                time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  # a wait, no secret
            else:
                break
        return [False] * len(writes)


def display_key(key: str) -> str:
    """Return a key as people write it: a domain or catch-all by its domain's name, in Unicode."""
    local_part, at, domain = key.rpartition("@")
    return (
        f"{local_part}@{display_domain(domain)}"
        if local_part not in ("", "*")
        else display_domain(domain if at else key)
    )


def usual_domain(key: str) -> Item:
    """Return the entry of a domain that only says that the domain is known."""
    return {"address": key, "type": "domain", "separators": DEFAULT_SEPARATORS}


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
