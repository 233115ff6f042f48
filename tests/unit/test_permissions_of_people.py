"""docs/permissions: each person, and the mail server, may make the calls that their commands make, and no others."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.privileges.command_calls import calls, commands

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/permissions"
PEOPLE = ("operator", "read-only", "auditor", "mail-server")
DOCUMENTS = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in PEOPLE}

READING = {
    *("init", "doctor", "status", "trace", "audit", "explain"),
    *("mailbox show", "mailbox list", "alias show", "alias list", "group show", "group list"),
    *("catch-all list", "domain show", "domain list", "directory export", "directory check"),
    *("held list", "parked list", "parked show", "dead-letters list", "dead-letters show", "quarantine list"),
}
#: Who proves that nothing is lost needs no addresses of single people.
PROVING = {"status", "trace", "audit", "held list", "quarantine list", "directory check"}
#: What runs on the Dovecot server, by cron too, with the server's own role.
SERVING = {"dovecot config", "dovecot users", "dovecot check", "import"}
COMMANDS = {"operator": set(commands()), "read-only": READING, "auditor": PROVING, "mail-server": SERVING}
#: What only an option needs, with the reason why a reader does not get it.
WITHHELD = {
    "directory check": {"dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem"},  # --fix
    "audit": {"dynamodb:UpdateItem", "s3:GetObject", "sqs:DeleteMessage", "states:StartSyncExecution"},  # --repair
    "trace": {"s3:GetObject"},  # --subjects
    # The probe: who may invoke WriteMailbox may write into every mailbox. And --send-test.
    "doctor": {"lambda:InvokeFunction", "ses:SendEmail"},
}
#: The permissions of a call where they are not its own name (service authorization reference).
NEEDED = {
    "dynamodb:TransactWriteItems": {"dynamodb:PutItem", "dynamodb:ConditionCheckItem"},
    "lambda:Invoke": {"lambda:InvokeFunction"},
    "s3:ListObjectsV2": {"s3:ListBucket"},
    "sqs:ChangeMessageVisibilityBatch": {"sqs:ChangeMessageVisibility"},
    "sts:GetCallerIdentity": set(),  # everybody may ask who they are
}
#: What the console asks beside what its pages' commands do, with the name of the call in its code.
CONSOLE = {
    "cloudwatch:GetMetricData": "get_metric_data",
    "logs:FilterLogEvents": "filter_log_events",
    "states:DescribeStateMachine": "describe_state_machine",
}
PREFIXES = {"efs": "elasticfilesystem", "sesv2": "ses", "stepfunctions": "states"}
#: Calls on one thing for which there is no name, or no permission on a name.
ON_EVERYTHING = {
    "cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics",
    "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
    "ec2:DescribeVpcEndpoints", "elasticfilesystem:DescribeAccessPoints", "elasticfilesystem:DescribeFileSystems",
    "elasticfilesystem:DescribeMountTargetSecurityGroups", "elasticfilesystem:DescribeMountTargets",
    "lambda:GetAccountSettings", "ses:DescribeActiveReceiptRuleSet", "ses:ListReceiptRuleSets",
}  # fmt: skip


def permissions(command: str) -> set[str]:
    """What a command needs, with all its options."""
    found = {f"{PREFIXES.get(service, service)}:{operation}" for service, operation in calls(command)}
    return {one for call in found for one in NEEDED.get(call, {call})}


def needed(person: str) -> set[str]:
    found = set(CONSOLE) if person == "operator" else set[str]()
    for command in COMMANDS[person]:
        withheld = WITHHELD.get(command, set()) if person != "operator" else set()
        assert withheld <= permissions(command), f"{command} does not need {withheld}"
        found |= permissions(command) - withheld
    return found | with_key(found)


def with_key(permissions: set[str]) -> set[str]:
    """What the same takes under a key of one's own (developer guides of SQS and S3)."""
    writes = permissions & {"sqs:SendMessage", "s3:PutObject"}
    return {"kms:Decrypt", "kms:GenerateDataKey"} if writes else {"kms:Decrypt"}


def granted(document: Mapping[str, Any]) -> list[str]:
    assert all(statement["Effect"] == "Allow" for statement in document["Statement"])
    return [action for statement in document["Statement"] for action in statement["Action"]]


@pytest.mark.parametrize("person", DOCUMENTS)
def test_everybody_may_do_what_their_commands_do_and_nothing_else(person: str) -> None:
    given = granted(DOCUMENTS[person])
    assert len(given) == len(set(given))
    lacks, has_no_use_for = sorted(needed(person) - set(given)), sorted(set(given) - needed(person))
    assert (lacks, has_no_use_for) == ([], [])


@pytest.mark.parametrize("person", DOCUMENTS)
def test_only_what_has_no_name_is_allowed_on_everything(person: str) -> None:
    for statement in DOCUMENTS[person]["Statement"]:
        on_everything = set(statement["Action"]) & ON_EVERYTHING
        assert on_everything == (set(statement["Action"]) if statement["Resource"] == "*" else set()), statement["Sid"]
        service = {action.partition(":")[0] for action in statement["Action"]}
        if statement["Resource"] != "*":
            assert {statement["Resource"].split(":")[2]} == service, statement["Sid"]


def test_the_console_makes_these_calls() -> None:
    code = "".join(path.read_text() for path in (ROOT / "mailroomctl/web").rglob("*.py"))
    for call in CONSOLE.values():
        assert f".{call}(" in code or f'"{call}"' in code, call


def test_the_operator_s_is_the_largest() -> None:
    assert (
        set(granted(DOCUMENTS["auditor"])) < set(granted(DOCUMENTS["read-only"])) < set(granted(DOCUMENTS["operator"]))
    )


def test_readers_change_nothing_and_read_no_mail() -> None:
    reads = ("Describe", "Get", "List", "Query", "Scan", "BatchGet", "Receive", "Filter", "Decrypt")
    for person in ("read-only", "auditor", "mail-server"):
        # Looking at a queue takes a message out of sight for a moment, and lets it go.
        given = set(granted(DOCUMENTS[person])) - {"sqs:ChangeMessageVisibility"}
        assert {one for one in given if not one.partition(":")[2].startswith(reads)} == set()
        assert "s3:GetObject" not in given


def test_the_mail_server_sees_the_directory_alone() -> None:
    [tables] = [one for one in DOCUMENTS["mail-server"]["Statement"] if ":dynamodb:" in one["Resource"]]
    assert tables["Resource"].rpartition("/")[2] == "mailroom-DirectoryTable-*"
    assert set(granted(DOCUMENTS["mail-server"])) < set(granted(DOCUMENTS["operator"]))


def test_the_commands_are_those_that_there_are() -> None:
    assert set(commands()) >= READING >= PROVING
    assert set(commands()) >= SERVING


@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("parked list", ("sqs", "ReceiveMessage")),  # by a class, in a with block
        ("mailbox set", ("dynamodb", "PutItem")),  # by a method that is also one of texts
        ("quarantine list", ("s3", "ListObjectsV2")),  # by the name of its pages
        ("held list", ("dynamodb", "Query")),  # by a text that another function gets
        ("doctor", ("lambda", "Invoke")),  # by a list of functions
        ("init", ("sesv2", "GetEmailIdentity")),  # by a client that has the name of another service
    ],
)
def test_calls_are_found(command: str, call: tuple[str, str]) -> None:
    assert call in calls(command)


@pytest.mark.parametrize("command", ["status", "mailbox list", "explain"])
def test_calls_of_other_commands_are_not(command: str) -> None:
    found = {operation for _, operation in calls(command)}
    assert not {one for one in found if one.startswith(("Put", "Stop", "Start", "Delete", "Tag", "Transact", "Update"))}
