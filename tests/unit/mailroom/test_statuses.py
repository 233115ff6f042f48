"""The statuses in the code are those in the workflow."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mailroom.statuses import FINAL, SAFE, Status

WORKFLOW = Path(__file__).parents[3] / "statemachine" / "deliver_mail.asl.json"

_CONTAINED = re.compile(r"States\.ArrayContains\(\$\[\*\]\.status, '(\w+)'\)")


def statuses(node: Any, name: str = "") -> Iterator[str]:
    """Every status that the workflow writes, compares with or puts into an outcome."""
    match node:
        case {"Variable": str(variable), "StringEquals": str(text)} if variable.endswith(".status"):
            yield text
        case dict():
            written = re.findall(
                r"#status = (:\w+)", f"{node.get('UpdateExpression')} {node.get('ConditionExpression')}"
            )
            for reference in written:
                yield node["ExpressionAttributeValues"][reference]["S"]
            for key, value in node.items():
                yield from statuses(value, key)
        case list():
            for value in node:
                yield from statuses(value)
        case str():
            yield from [node] if name == "status" else _CONTAINED.findall(node)


def test_the_workflow_knows_every_status_but_the_operators_own() -> None:
    assert {*statuses(json.loads(WORKFLOW.read_text()))} == {*Status} - {Status.RELEASED}


def test_a_status_is_its_own_text() -> None:
    assert all(f"{status}" == status.name for status in Status)
    assert json.dumps([*Status]) == json.dumps([status.name for status in Status])


def test_what_is_safe_is_final() -> None:
    assert SAFE < FINAL < {*Status}
