"""docs/architecture.md is right about what the parts promise each other: state, records, queues, outputs, errors."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads
from mailroom import errors
from mailroom.resolve.mailboxes import Rules

from mailroomctl.directory.models import DomainModel, ForwardModel, MailboxModel
from tests.fakes.dynamodb import FakeDynamoDB, alias, directory, mailbox
from tests.fakes.resolve_step import resolve_step
from tests.workflow.architecture_page import PAGE, code, samples, section, tables
from tests.workflow.engines import Ministack
from tests.workflow.mail import NOW, address, functions, queued, ses_notification
from tests.workflow.script import Script, all_states, source

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
DOCS = TEMPLATE.parent / "docs"
MACHINE = json.loads(source("deliver_mail"))
DAY = 86_400


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return loads(TEMPLATE.read_text(), str(TEMPLATE))


def column(title: str, name: str, table: int = 0) -> list[str]:
    """Everything that a column of a section's table writes as code."""
    return [word for row in tables(title)[table] for word in code(row[name])]


def test_the_samples_are_the_states_of_an_execution() -> None:
    entries = directory(FakeDynamoDB([mailbox(address("bob")), alias(address("info"), address("bob"))]))
    lambdas = functions(now=NOW, bounces=True)
    lambdas["ResolveMailboxes"] = lambda state: resolve_step(state, entries, Rules())
    script = Script({}, lambdas)
    execution = Ministack("deliver_mail").run(queued(ses_notification("info", "nobody")), script)
    before, write, after = samples("The state of an execution")
    assert before == execution.inputs["DeliverToMailboxes"]
    assert after == {key: execution.output[key] for key in after}
    (asked,) = script.payloads["WriteMailbox"]
    assert write == {**asked, "attempt": "EXECUTION-NAME", "entered_at": "2026-11-30T00:53:20.250Z"}


def test_every_field_of_a_record_is_explained() -> None:
    fields = column("The deliveries table", "field")
    assert len(fields) == len(set(fields))
    # The last is written by `mailroomctl restore`.
    assert set(fields) == {"message_id", "mailbox"} | set(recorded_fields()) | {"restored_at"}


def recorded_fields() -> Iterator[str]:
    """What the workflow's updates set, remove or add."""
    for state in all_states(MACHINE).values():
        parameters = state.get("Parameters", {})
        expression = re.sub(r"\([^)]*\)", "", parameters.get("UpdateExpression", ""))
        names = re.findall(r"(?:SET|REMOVE|ADD|,) ([#\w]+)", expression)
        yield from (parameters.get("ExpressionAttributeNames", {}).get(name, name) for name in names)


def test_every_status_of_a_record_is_explained() -> None:
    statuses = {
        value["S"]
        for state in all_states(MACHINE).values()
        for value in state.get("Parameters", {}).get("ExpressionAttributeValues", {}).values()
        if "S" in value and value["S"].isupper()
    }
    # `mailroomctl quarantine release` and `restore` set one each that the workflow does not.
    assert sorted(column("The deliveries table", "status", table=1)) == sorted(statuses | {"RELEASED", "RESTORING"})


def test_every_field_of_a_directory_entry_is_explained() -> None:
    models = (MailboxModel, DomainModel, ForwardModel)
    fields = {field for model in models for field in model.model_fields}
    assert sorted(column("The directory table", "field")) == sorted(fields | {"address", "type", "version"})
    for row in tables("The directory table")[0]:
        (field,) = code(row["field"])
        kinds = [
            kind
            for kind, model in zip(("mailbox", "domain", "alias"), models, strict=True)
            if field in model.model_fields
        ]
        assert (
            row["of"] == "every entry"
            or [kind for kind in ("mailbox", "domain", "alias") if kind in row["of"]] == kinds
        )


def test_the_keys_of_the_tables(template: dict[str, Any]) -> None:
    for title, table in (("The deliveries table", "DeliveriesTable"), ("The directory table", "DirectoryTable")):
        (intro,) = re.findall(r"\A\n((?:.+\n)+)", section(title))
        properties = template["Resources"][table]["Properties"]
        keys = [key["AttributeName"] for key in properties["KeySchema"]]
        for index in map(_made, properties.get("GlobalSecondaryIndexes", [])):
            keys += [index["IndexName"], *(key["AttributeName"] for key in index["KeySchema"])]
        assert [word for word in code(intro) if word in keys] == keys


def _made(index: dict[str, Any]) -> dict[str, Any]:
    """An index, also one that a condition puts off."""
    made: dict[str, Any] = index["Fn::If"][1] if "Fn::If" in index else index
    return made


def test_the_queues_have_these_settings(template: dict[str, Any]) -> None:
    (rows,) = tables("The queues and the pipe")
    resources = template["Resources"]
    queues = {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::SQS::Queue"}
    assert [code(row["queue"]) for row in rows] == [["InboundQueue"], ["DeadLetterQueue"], ["ParkedQueue"]]
    assert len(queues) == len(rows)
    for row in rows:
        queue = queues[code(row["queue"])[0]]
        assert row["retention"] == f"{queue['MessageRetentionPeriod'] // DAY} days"
        assert row["visibility timeout"] == f"{queue.get('VisibilityTimeout', 30)} s"
        if "RedrivePolicy" in queue:
            assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
            assert (
                f"({template['Parameters']['MaxReceiveCount']['Default']}) receives to `DeadLetterQueue`"
                in row["what leaves"]
            )


def test_what_a_parked_message_holds() -> None:
    (parked,) = re.findall(
        r"message in the parked queue is JSON: (.*?)\.", section("The queues and the pipe"), re.DOTALL
    )
    body = MACHINE["States"]["ParkEvent"]["Parameters"]["MessageBody"]
    assert code(parked) == [key.removesuffix(".$") for key in body]


def test_the_stacks_outputs(template: dict[str, Any]) -> None:
    assert column("The stack's outputs", "output") == list(template["Outputs"])


def test_both_families_of_errors() -> None:
    for table, family in enumerate((errors.PermanentError, errors.TemporaryError)):
        assert sorted(column("The errors", "error", table)) == sorted(one.__name__ for one in family.__subclasses__())


def test_the_limits_in_the_text(template: dict[str, Any]) -> None:
    lease = template["Resources"]["ValidateEvent"]["Properties"]["Environment"]["Variables"]["LEASE_SECONDS"]
    breaker = json.loads(source("storage_breaker"))
    text = " ".join(PAGE.split())
    assert f"An Express workflow of at most {MACHINE['TimeoutSeconds']} s." in text
    assert f"A Standard workflow of at most {breaker['TimeoutSeconds'] // DAY} days" in text
    assert f"A lease lasts {lease} s" in text


def test_the_index_names_every_page() -> None:
    pages = {path.name for path in DOCS.glob("*.md")} - {"README.md"}
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[(\S+)\]\(\1\)", index, re.MULTILINE)) == sorted(pages)


def test_every_link_leads_somewhere() -> None:
    """Within the page, and to its neighbours."""
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)", PAGE, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        page, _, anchor = target.partition("#")
        assert (DOCS / page).exists() if page else anchor in anchors, target
