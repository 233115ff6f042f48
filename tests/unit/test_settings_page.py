"""docs/settings.md, the template, the workflows and the code agree on every setting."""

import ast
import json
import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads
from mailroom.settings import (
    AuditMailSettings,
    Range,
    ResolveMailboxesSettings,
    ValidateEventSettings,
    WriteMailboxSettings,
)

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "ValidateEvent": ValidateEventSettings,
    "ResolveMailboxes": ResolveMailboxesSettings,
    "WriteMailbox": WriteMailboxSettings,
    "AuditMail": AuditMailSettings,
}
STACKS_OWN = ("the stack's", "the function's")


def _tables() -> dict[str, dict[str, dict[str, str]]]:
    """The page's tables, by heading and by what their first column writes as code."""
    found = {}
    for part in (ROOT / "docs/settings.md").read_text().split("\n## ")[1:]:
        head, _, *rows = [
            [cell.strip() for cell in line[1:-1].split("|")] for line in part.splitlines() if line.startswith("|")
        ]
        keys = [row[0].replace("`", "") for row in rows]
        assert len(set(keys)) == len(keys)
        found[part.splitlines()[0]] = dict(zip(keys, (dict(zip(head, row, strict=True)) for row in rows), strict=True))
    return found


PAGE = _tables()
OTHERS = PAGE["Parameters of other resources"]


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return loads((ROOT / "template.yaml").read_text(), "template.yaml")


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def referred_to(node: Any) -> set[str]:
    """The parameters that a value of the template is made of."""
    if isinstance(node, dict):
        own = {node["Ref"]} if "Ref" in node else set(re.findall(r"\$\{(\w+)\}", str(node.get("Fn::Sub", ""))))
        return own.union(*map(referred_to, node.values()))
    return set().union(*map(referred_to, node)) if isinstance(node, list) else set()


def allowed(parameter: dict[str, Any]) -> str:
    """A parameter's range, as the page writes it."""
    if "AllowedValues" in parameter:
        return ", ".join(f"`{value}`" for value in parameter["AllowedValues"])
    if parameter["Type"] != "Number":
        return ""
    least, most = parameter["MinValue"], parameter.get("MaxValue")
    return f"{least} to {most}" if most is not None else f"{least} or more"


@pytest.mark.parametrize("function", SETTINGS)
def test_every_variable_of_a_function_is_on_the_page_with_its_range(function: str) -> None:
    rows = PAGE[function]
    assert list(rows) == [field.name.upper() for field in fields(SETTINGS[function])]
    for field in fields(SETTINGS[function]):
        row, read = rows[field.name.upper()], field.metadata.get("read")
        if isinstance(read, Range):
            assert (row["range"], row["unit"]) == (f"{read.least} to {read.most}", read.unit), field.name
            assert field.default in (MISSING, int(row["default"].strip("`"))), field.name
        else:
            assert (row["range"], row["unit"]) == ("", ""), field.name
            assert field.type is not int, f"{field.name} has no range"


@pytest.mark.parametrize("function", SETTINGS)
def test_the_template_sets_what_the_page_says(template: dict[str, Any], function: str) -> None:
    common = template["Globals"]["Function"]["Environment"]["Variables"]
    own = template["Resources"][function]["Properties"]["Environment"]["Variables"]
    assert set(common) | {"POWERTOOLS_SERVICE_NAME"} == set(PAGE["Every function"])
    rows = PAGE[function] | PAGE["Every function"]
    assert set(own) | set(common) <= set(rows)
    required = [field.name.upper() for field in fields(SETTINGS[function]) if field.default is MISSING]
    assert {name for name in required if PAGE[function][name]["range"]} <= set(own)
    for variable, row in rows.items():
        value = (common | own).get(variable)
        parameters = code(row["parameter"])
        assert referred_to(value) & set(template["Parameters"]) == set(parameters), variable
        if len(parameters) == 1:
            parameter = template["Parameters"][parameters[0]]
            assert row["default"].strip("`") == str(parameter["Default"]), variable
            assert row["range"] == allowed(parameter), variable
        elif isinstance(value, str) and row["default"] not in STACKS_OWN:
            assert row["default"].strip("`") == value, variable


def test_every_parameter_is_on_the_page(template: dict[str, Any]) -> None:
    of_functions = {
        name
        for function in (*SETTINGS, "Every function")
        for row in PAGE[function].values()
        for name in code(row["parameter"])
    }
    assert not of_functions & set(OTHERS)
    assert of_functions | set(OTHERS) == set(template["Parameters"])
    for name, row in OTHERS.items():
        parameter = template["Parameters"][name]
        assert row["default"].strip("`") == str(parameter["Default"]), name
        assert row["range"] == allowed(parameter), name
        assert bool(row["unit"]) == (parameter["Type"] == "Number" or name.endswith("Days")), name


def test_every_kind_of_number_in_the_workflows_is_on_the_page() -> None:
    used: set[str] = set()

    def look(node: Any, *, retrier: bool = False) -> None:
        if isinstance(node, list):
            for one in node:
                look(one, retrier=retrier)
        elif isinstance(node, dict):
            numbers = {name for name, value in node.items() if isinstance(value, int | float)}
            used.update(numbers if retrier else numbers & {"TimeoutSeconds", "HeartbeatSeconds"})
            for name, one in node.items():
                look(one, retrier=name == "Retry")

    for file in (ROOT / "statemachine").glob("*.asl.json"):
        look(json.loads(file.read_text()))
    assert len(used) > 3
    assert used == {name for row in PAGE["What stays in the workflow"].values() for name in code(row["number"])}


def test_every_number_that_stays_in_the_code_has_its_reason_on_the_page() -> None:
    """A new one is either a setting, with a range, or stands on the page."""
    constants: set[str] = set()
    for file in (ROOT / "layers/mailroom/mailroom").rglob("*.py"):
        for statement in ast.parse(file.read_text()).body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                name = statement.targets[0].id
                parts = [part for part in ast.walk(statement.value) if not isinstance(part, ast.operator)]
                if name[0].isupper() and all(
                    isinstance(part, ast.BinOp) or (isinstance(part, ast.Constant) and isinstance(part.value, int))
                    for part in parts
                ):
                    constants.add(name)
    assert constants == {name for row in PAGE["What stays in the code"].values() for name in code(row["constants"])}
