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


def rejected(result: Any) -> dict[str, str]:
    """The codes of the recipients that are rejected."""
    return _codes(result, "REJECTED")


def held(result: Any) -> dict[str, tuple[str, str]]:
    """The codes, and the entries at fault, of the recipients that are held."""
    codes = _codes(result, "HELD")
    return {one["recipient"]: (codes[one["recipient"]], one["entry"]) for one in _with(result, "HELD")}


def _codes(result: Any, status: str) -> dict[str, str]:
    return {one["recipient"]: one["code"] for one in _with(result, status)}


def _with(result: Any, status: str) -> list[Any]:
    return [one for one in result["undelivered"] if one["status"] == status]
