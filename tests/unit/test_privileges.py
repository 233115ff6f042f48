"""Every role may do what code, workflows and template show that it must, and nothing else."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.privileges.existing import with_existing
from tests.unit.privileges.granted import granted, statements
from tests.unit.privileges.needed import needed
from tests.unit.privileges.permission import Permission
from tests.unit.privileges.sdk_calls import ROOT, sdk_calls
from tools.deployed_template import KEY, WAYS, deployed, source

Privileges = Mapping[str, set[Permission]]


def differences(allowed: Privileges, asked: Privileges) -> list[str]:
    """What is missing and what is unused: a line each."""
    lines = []
    for role in sorted(allowed.keys() | asked.keys()):
        have, want = allowed.get(role, set()), asked.get(role, set())
        lines += [f"{role} lacks {' '.join(one)}".strip() for one in sorted(want - have)]
        lines += [f"{role} has no use for {' '.join(one)}".strip() for one in sorted(have - want)]
    return lines


def compared(template: Mapping[str, Any], root: Path = ROOT) -> list[str]:
    return differences(granted(template), needed(template, source(), root))


@pytest.mark.parametrize("way", WAYS)
def test_every_role_may_do_what_it_must_and_nothing_else(way: str) -> None:
    assert compared(with_existing(deployed(way), WAYS[way])) == []


@pytest.fixture(scope="module")
def asked() -> Privileges:
    return needed(everything(), source())


@pytest.fixture
def template() -> dict[str, Any]:
    return everything()


def everything() -> dict[str, Any]:
    return deployed("key-and-everything-on")


def changed(
    template: Mapping[str, Any], field: str, values: Callable[[Any], list[Any]]
) -> Iterator[tuple[list[str], Any]]:
    """Change a field of each statement in turn; give the roles and what was changed while the change lasts."""
    for roles, statement in statements(template):
        if field not in statement:
            continue
        before = statement[field]
        for value in values(before):
            statement[field] = value
            yield roles, (before, value)
        statement[field] = before


def without_one(value: Any) -> list[list[Any]]:
    return [[one for one in listed(value) if one != other] for other in listed(value)]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def say(lines: list[str], roles: list[str], what: str) -> bool:
    """Whether the lines say this of all these roles, and nothing else."""
    said = [line.split(" ", 1) for line in lines]
    return {role for role, _ in said} == set(roles) and all(text.startswith(what) for _, text in said)


def test_every_action_that_is_taken_away_is_missed(template: dict[str, Any], asked: Privileges) -> None:
    count = 0
    for roles, (before, left) in changed(template, "Action", without_one):
        [gone] = [one for one in listed(before) if one not in left]
        found = differences(granted(template), asked)
        assert say(found, roles, f"lacks {gone} "), (roles, gone, found)
        count += 1
    assert count > 40


def test_every_resource_that_is_taken_away_is_missed(template: dict[str, Any], asked: Privileges) -> None:
    for roles, change in changed(template, "Resource", without_one):
        found = differences(granted(template), asked)
        assert say(found, roles, "lacks "), (roles, change, found)


def test_a_condition_that_is_taken_away_is_seen(template: dict[str, Any], asked: Privileges) -> None:
    count = 0
    for roles, change in changed(template, "Condition", lambda before: [{}]):
        found = [line for line in differences(granted(template), asked) if " has no use for " in line]
        assert say(found, roles, "has no use for "), (roles, change, found)
        count += 1
    assert count > 5


@pytest.mark.parametrize("action", ["s3:DeleteObject", "dynamodb:PutItem", "kms:Encrypt", "s3:*"])
def test_an_action_too_many_is_seen_in_every_statement(
    template: dict[str, Any], asked: Privileges, action: str
) -> None:
    for roles, _ in changed(template, "Action", lambda before: [[*listed(before), action]]):
        found = differences(granted(template), asked)
        assert say(found, roles, f"has no use for {action} "), (roles, found)


def named(template: Mapping[str, Any], sid: str) -> dict[str, Any]:
    [statement] = [one for _, one in statements(template) if one.get("Sid") == sid]
    return statement


def test_a_resource_too_wide_is_seen(template: dict[str, Any]) -> None:
    named(template, "WriteQuarantine")["Resource"] = {"Fn::Sub": "${MailBucket.Arn}/*"}
    assert compared(template) == [
        "DeliverMailRole lacks s3:PutObject MailBucket/quarantine/*",
        "DeliverMailRole has no use for s3:PutObject MailBucket/*",
    ]


def test_a_name_where_an_arn_has_to_be_is_seen(template: dict[str, Any]) -> None:
    named(template, "ParkEvents")["Resource"] = {"Ref": "ParkedQueue"}
    assert any("which is no ARN" in line for line in compared(template))


def test_a_managed_policy_and_a_role_of_nobody_are_seen(template: dict[str, Any]) -> None:
    resources = template["Resources"]
    resources["PipeRole"]["Properties"]["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    resources["NewRole"] = resources["ValidateEventRole"]
    found = compared(template)
    assert [line for line in found if "managed policy" in line and line.startswith("PipeRole")]
    assert sum(line.startswith("NewRole has no use for logs:") for line in found) == 2
    assert len(found) == 3


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in ("functions", "layers/mailroom/mailroom", "statemachine"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_new_call_on_an_object_is_missed(project: Path) -> None:
    file = project / "layers/mailroom/mailroom/mail_store.py"
    file.write_text(file.read_text().replace("self._client.get_object(", "self._client.delete_object("))
    with pytest.raises(AssertionError, match="s3:DeleteObject"):
        compared(everything(), project)


def test_a_new_call_on_a_table_is_missed(project: Path) -> None:
    file = project / "layers/mailroom/mailroom/resolve/directory.py"
    file.write_text(file.read_text().replace("self._client.scan", "self._client.query"))
    assert compared(deployed("defaults"), project) == [
        "ResolveMailboxesRole lacks dynamodb:Query DirectoryTable",
        "ResolveMailboxesRole has no use for dynamodb:Scan DirectoryTable",
    ]


def test_a_new_task_in_a_workflow_is_missed(project: Path) -> None:
    file = project / "statemachine/deliver_mail.asl.json"
    file.write_text(file.read_text().replace("states:::sqs:sendMessage", "states:::sqs:sendMessageBatch"))
    assert compared(deployed("defaults"), project) == [
        "DeliverMailRole lacks sqs:SendMessageBatch ParkedQueue",
        "DeliverMailRole has no use for sqs:SendMessage ParkedQueue",
    ]


def test_a_resource_that_gets_the_key_needs_a_grant() -> None:
    template = deployed("defaults")
    template["Resources"]["ParkedQueue"]["Properties"]["KmsMasterKeyId"] = KEY
    via = f"{KEY} kms:ViaService=sqs.eu-west-1.amazonaws.com"
    assert compared(template) == [f"DeliverMailRole lacks kms:{one} {via}" for one in ("Decrypt", "GenerateDataKey")]


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        ("import boto3\nclient = boto3.client('sqs')\nclient.send_message()", {("sqs", "SendMessage")}),
        ("from botocore.session import get_session as s\nx_client = s().create_client('s3')\nx_client.head_object()",
         {("s3", "HeadObject")}),
        ("import boto3\nqueues = boto3.client('sqs')\ncall = queues.delete_message", {("sqs", "DeleteMessage")}),
        ("import boto3\nclient = boto3.client('dynamodb')\nclient.get_paginator('scan')", {("dynamodb", "Scan")}),
        ("import boto3\nclient = boto3.client('s3')\nraise client.exceptions.NoSuchKey", set()),
        ("def f():\n    from mailroom.inner import store\n", {("dynamodb", "PutItem")}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mailroom import inner", set()),
    ],
)  # fmt: skip
def test_calls_are_found(tmp_path: Path, code: str, calls: set[tuple[str, str]]) -> None:
    package = tmp_path / "mailroom"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "inner.py").write_text("import boto3\nclient = boto3.client('dynamodb')\nstore = client.put_item")
    (tmp_path / "app.py").write_text(code)
    assert sdk_calls(tmp_path / "app.py", tmp_path) == calls


@pytest.mark.parametrize(
    "code",
    [
        "import boto3\ntable = boto3.resource('dynamodb').Table('x')",
        "import boto3\nclient = boto3.client(name)",
        "import boto3\nclient = boto3.client('sqs')\nclient.send_massage()",
    ],
)
def test_what_cannot_be_understood_is_an_error(tmp_path: Path, code: str) -> None:
    (tmp_path / "app.py").write_text(code)
    with pytest.raises(AssertionError):
        sdk_calls(tmp_path / "app.py", tmp_path)
