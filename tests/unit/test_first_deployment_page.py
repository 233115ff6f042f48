"""docs/first-deployment.md names only what the template, the workflow and the commands have."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import loads
from typer.main import get_command

from mailroomctl.main import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/first-deployment.md").read_text()
TEMPLATE = loads((ROOT / "template.yaml").read_text(), "template.yaml")
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_resources_and_logs_are_the_template_s() -> None:
    named = set(re.findall(r"\$\(resource (\w+)\)", PAGE))
    assert named == {"WriteMailbox", "ParkedAlarm", "FileSystemGroup", "WriteMailboxGroup"}
    assert named <= set(TEMPLATE["Resources"])
    group = TEMPLATE["Resources"]["DeliverMailLogGroup"]["Properties"]["LogGroupName"]["Fn::Sub"]
    assert f"LOG={group.replace('${AWS::StackName}', '$MAILROOM_STACK_NAME')}\n" in PAGE


def test_states_and_fields_are_the_workflow_s() -> None:
    workflow = (ROOT / "statemachine/deliver_mail.asl.json").read_text()
    (state,) = re.findall(r'details\.name = "(\w+)"', PAGE)
    assert json.loads(workflow)["States"][state]["Type"] == "Succeed"
    assert '"retry_count.$": "$$.State.RetryCount"' in workflow
    # A refused call is retried, so that ten seconds do not fail the execution.
    assert "Lambda.TooManyRequestsException" in workflow


def test_commands_can_be_typed() -> None:
    lines = [line for block in BLOCKS for line in block.splitlines() if line.startswith("mailroomctl ")]
    assert len(lines) > 5
    for line in lines:
        words = shlex.split(line)[1:]
        found: Any = get_command(app)
        while hasattr(found, "commands"):
            found = found.commands[words.pop(0)]
        options = {option for parameter in found.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_every_step_of_the_tables_has_its_chapter() -> None:
    steps = re.findall(r"^\| \d \| \[(.+?)\]\(#(.+?)\)", PAGE, re.MULTILINE)
    chapters = re.findall(r"^### (\d\. (.+))$", PAGE, re.MULTILINE)
    anchors = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title, _ in chapters]
    assert [(title, anchor) for (_, title), anchor in zip(chapters, anchors, strict=True)] == steps


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
    operations = (ROOT / "docs/operations.md").read_text().lower()
    for anchor in re.findall(r"\(operations\.md#([^)]+)\)", PAGE):
        assert f"## {anchor.replace('-', ' ')}\n" in operations, anchor
