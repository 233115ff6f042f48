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
            expressions = f"{node.get('UpdateExpression')} {node.get('ConditionExpression')}"
            for references in re.findall(r"#status (?:=|<>|IN|NOT IN) \(?((?:[:,\s]*:\w+)+)", expressions):
                for reference in re.findall(r":\w+", references):
                    # What ResolveMailboxes has decided comes from the state.
                    value = node["ExpressionAttributeValues"][reference]
                    yield from [value["S"]] if "S" in value else ()
            for key, value in node.items():
                yield from statuses(value, key)
        case list():
            for value in node:
                yield from statuses(value)
        case str():
            yield from [node] if name == "status" else _CONTAINED.findall(node)


def test_the_workflow_knows_every_status_but_the_operators_own() -> None:
    assert {*statuses(json.loads(WORKFLOW.read_text()))} == {*Status} - {Status.RELEASED, Status.RESTORING}


def test_a_status_is_its_own_text() -> None:
    assert all(f"{status}" == status.name for status in Status)
    assert json.dumps([*Status]) == json.dumps([status.name for status in Status])


def test_what_is_safe_is_final() -> None:
    assert SAFE < FINAL < {*Status}
