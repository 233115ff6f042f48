"""``sam local invoke`` of every function, with the events and the environment of ``events/``."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mailroomctl.local import deploy, lifecycle
from mailroomctl.local.settings import Settings
from tests.e2e.ports import free_ports
from tests.sam_local import engine

EVENTS = deploy.PROJECT / "events"


def invoke(function: str, event: str, *options: str) -> tuple[dict[str, Any], str]:
    """Run a function in a container; returns its answer and its log."""
    command = [sys.executable, "-m", "samcli", "local", "invoke", function, "--event", str(EVENTS / event), *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    environment["DOCKER_HOST"] = engine.address()
    done = subprocess.run(
        command, cwd=deploy.PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stderr
    answer = dict(json.loads(lines[-1]))
    assert "errorType" not in answer, answer
    return answer, done.stderr


@pytest.fixture(scope="module")
def gateway() -> str:
    """The host's address on the containers' network."""
    try:
        client = engine.connect()
    except engine.NoEngineError as error:
        pytest.fail(str(error), pytrace=False)
    [network] = [network for network in client.networks.list() if network.name == "bridge"]
    address = str(network.attrs["IPAM"]["Config"][0]["Gateway"])
    client.close()
    return address


@pytest.fixture(scope="module")
def built(gateway: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The artifacts, as they are deployed."""
    deploy.build(Settings(state=tmp_path_factory.mktemp("build")))


@pytest.fixture(scope="module")
def local(built: None, gateway: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """The embedded AWS, listening for containers as well; gives the options that let a function reach it."""
    aws_port, smtp_port = free_ports(2)
    folder = tmp_path_factory.mktemp("local")
    settings = Settings(state=folder, aws_port=aws_port, smtp_port=smtp_port, bind=gateway)
    lifecycle.up(settings)
    try:
        given = json.loads((EVENTS / "env.json").read_text())
        environment = at_port(given, aws_port, folder / "env.json")
        table = settings.stack().outputs["DirectoryTableName"]
        assert given["ResolveMailboxes"]["DIRECTORY_TABLE"] == table
        assert given["AuditMail"]["DELIVERIES_TABLE"] == settings.stack().outputs["DeliveriesTableName"]
        item = {"address": {"S": "bob@example.com"}, "type": {"S": "mailbox"}, "enabled": {"BOOL": True}}
        settings.client("dynamodb").put_item(TableName=table, Item=item)
        yield ("--env-vars", str(environment), "--add-host", f"host.docker.internal:{gateway}")
    finally:
        lifecycle.down(settings)


def at_port(given: dict[str, dict[str, str]], port: int, file: Path) -> Path:
    """Write the environment of ``events/`` with another port: a developer's own embedded AWS may have the usual one."""
    for variables in given.values():
        host, separator, _ = variables["AWS_ENDPOINT_URL"].rpartition(":")
        variables["AWS_ENDPOINT_URL"] = f"{host}{separator}{port}"
    file.write_text(json.dumps(given))
    return file


def test_validate_event_without_any_option(built: None) -> None:
    answer, log = invoke("ValidateEvent", "validate_event.json")
    assert answer["kind"] == "mail"
    assert answer["recipients"] == ["bob@example.com", "nobody@example.com"]
    assert answer["message"]["bucket"] == "MailBucket"
    assert '"correlation_id":"samplemail' in log
    assert "bob@example.com" not in log


def test_validate_event_in_the_form_of_the_first_version(built: None) -> None:
    answer, _ = invoke("ValidateEvent", "validate_event_first_version.json")
    assert answer["kind"] == "mail"
    assert answer["message"]["rfc_message_id"] == "<0001.sample@example.org>"


def test_resolve_mailboxes(local: tuple[str, ...]) -> None:
    answer, _ = invoke("ResolveMailboxes", "resolve_mailboxes.json", *local)
    [delivery] = answer["deliveries"]
    assert (delivery["mailbox"], delivery["path"]) == ("bob@example.com", "example.com/bob/Maildir")
    assert [one["recipient"] for one in answer["undelivered"]] == ["nobody@example.com"]


def test_write_mailbox(local: tuple[str, ...]) -> None:
    answer, _ = invoke("WriteMailbox", "write_mailbox.json", *local)
    mail = (EVENTS / "mail" / "plain.eml").read_bytes()
    added = b"Delivered-To: bob@example.com\r\nX-Original-To: bob@example.com\r\n"
    size = len(added) + len(mail)
    assert (answer["size"], answer["folder"], answer["already_delivered"]) == (size, "INBOX", False)
    assert answer["file_name"].startswith("1795488420.")
    assert answer["file_name"].endswith(f",S={size},W={size}")


def test_audit_mail(local: tuple[str, ...]) -> None:
    """The sample is younger than what is audited."""
    answer, _ = invoke("AuditMail", "audit_mail.json", *local)
    assert answer == {"findings": {}}


def test_every_event_is_there() -> None:
    assert {path.name for path in EVENTS.glob("*.json")} == {
        *(f"{folder.name}.json" for folder in (deploy.PROJECT / "functions").iterdir() if (folder / "app.py").exists()),
        "env.json",
        "validate_event_first_version.json",
    }
