"""What a policy document lets a service do.

Only as much of IAM's rules as the policies of a bucket, a topic, a queue or a key need. Where a statement uses more,
the answer is that it is not known. Source: IAM user guide, "Policy evaluation logic" and "Condition operators".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

type Statement = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What ``service`` wants to do; ``context`` are the condition keys that it comes with."""

    service: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


class Answer(Enum):
    """What a document says to a request."""

    ALLOWED = "allowed"
    MISSING = "no statement allows it"
    DENIED = "a statement denies it"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class Decision:
    """The answer, and the ``Sid`` of the statement that decided; or of one that allows it on another condition."""

    answer: Answer
    sid: str = ""


def decide(document: Mapping[str, Any], request: Request) -> Decision:
    """Say what becomes of a request."""
    unknown: Decision | None = None
    allowed: Decision | None = None
    near = ""
    for statement in _listed(document.get("Statement", [])):
        sid = str(statement.get("Sid") or statement["Effect"])
        matches, holds = _matches(statement, request), _holds(statement, request)
        if matches is False or (holds is False and statement["Effect"] == "Deny"):
            continue
        if matches is None or holds is None:
            unknown = unknown or Decision(Answer.UNKNOWN, sid)
        elif statement["Effect"] == "Deny":
            return Decision(Answer.DENIED, sid)
        elif holds:
            allowed = allowed or Decision(Answer.ALLOWED, sid)
        else:
            near = near or sid
    if unknown and allowed:
        # Only a denial could change it.
        denials = [one for one in _listed(document["Statement"]) if one["Effect"] == "Deny"]
        in_doubt = [one for one in denials if _matches(one, request) is not False and _holds(one, request) is not False]
        return unknown if in_doubt else allowed
    return allowed or unknown or Decision(Answer.MISSING, near)


def with_statement(document: Mapping[str, Any], statement: Statement) -> dict[str, Any]:
    """The document with a statement, which takes the place of the one with its ``Sid``."""
    others = [one for one in _listed(document.get("Statement", [])) if one.get("Sid") != statement["Sid"]]
    return {"Version": "2012-10-17", **document, "Statement": [*others, statement]}


def sids(document: Mapping[str, Any]) -> set[str | None]:
    """The names of its statements."""
    return {one.get("Sid") for one in _listed(document.get("Statement", []))}


def _matches(statement: Statement, request: Request) -> bool | None:
    """Whether a statement speaks of the request; ``None`` where that is not known."""
    if statement.keys() & {"NotPrincipal", "NotAction", "NotResource"}:
        return None
    return (
        _is_principal(statement.get("Principal", {}), request.service)
        and any(_like(one.lower(), request.action.lower()) for one in _listed(statement.get("Action", [])))
        and any(_like(one, request.resource) for one in _listed(statement.get("Resource", "*")))
    )


def _is_principal(principal: Any, service: str) -> bool:
    if principal == "*":
        return True
    return service in _listed(principal.get("Service", [])) or "*" in _listed(principal.get("AWS", []))


def _holds(statement: Statement, request: Request) -> bool | None:
    """Whether all conditions hold; ``None`` when one that could decide is not understood."""
    context = {name.lower(): value for name, value in request.context.items()}
    results = [
        _test(operator, context.get(name.lower()), [str(one) for one in _listed(wanted)])
        for operator, tests in statement.get("Condition", {}).items()
        for name, wanted in tests.items()
    ]
    if False in results:
        return False
    return None if None in results else True


def _test(operator: str, value: str | None, wanted: list[str]) -> bool | None:
    kind = operator.rpartition(":")[2]
    if kind == "Null":
        return any(one.lower() == str(value is None).lower() for one in wanted)
    if_exists = kind.endswith("IfExists")
    kind = kind.removesuffix("IfExists")
    negated, kind = "Not" in kind, kind.replace("Not", "")
    if kind not in _EQUAL:
        return None
    if value is None:
        return if_exists or negated
    return any(_EQUAL[kind](one, value) for one in wanted) is not negated


def _like(pattern: str, value: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _same(one: str, other: str) -> bool:
    return one == other


def _alike(one: str, other: str) -> bool:
    return one.lower() == other.lower()


_EQUAL: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": _same,
    "StringEqualsIgnoreCase": _alike,
    "StringLike": _like,
    # Both take wildcards.
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": _alike,
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
