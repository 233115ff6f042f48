"""Resolve recipients against a directory in memory, and look at the result in short."""

from typing import Any

from mailroom.resolve.mailboxes import Rules

from tests.fakes.dynamodb import FakeDynamoDB, directory
from tests.fakes.resolve_step import resolve_step


def resolve(entries: list[dict[str, Any]], *recipients: object, rules: Rules | None = None, **state: Any) -> Any:
    given = {"kind": "mail", "message": {"id": "m1"}, "recipients": list(recipients), **state}
    return resolve_step(given, directory(FakeDynamoDB(entries)), rules or Rules())


def ways(result: Any) -> dict[str, list[str]]:
    return {one["mailbox"]: one["recipients"] for one in result["deliveries"]}


def rejections(result: Any) -> dict[str, str]:
    return {one["recipient"]: one["code"] for one in result["rejected"]}
