"""docs/operations.md is right: its commands run, in the situation that their section describes."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mailroomctl.local.send import send
from mailroomctl.local.ses.received_mail import added_headers
from mailroomctl.main import app
from mailroomctl.queues import pipe
from mailroomctl.stack import Stack
from tests.e2e.world import World, until

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")
MAIL = b"Message-ID: <0001.sample@example.org>\r\nSubject: hello\r\n\r\n"
#: Words of an answer that the real one must contain too: statuses, errors, addresses; not ids, ages and widths.
_WORD = re.compile(r"[A-Z]{5,}|[A-Z][a-z]+[A-Z]\w+|[\w.]+@[\w.]+|\b(?:moved|delivered|stopped|runs|empty|would)\b")


def sections() -> dict[str, list[tuple[str, str]]]:
    """The commands of each section, each with its answer."""
    found = {}
    for text in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title, _, body = text.partition("\n")
        blocks = re.findall(r"```console\n(.*?)```", body, re.DOTALL)
        steps = [step.partition("\n") for block in blocks for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
        if steps:
            found[title] = [(command, answer) for command, _, answer in steps]
    return found


class Reader:
    """Does what the page says, command by command; its names stand for mailboxes and messages of this world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.names: dict[str, str] = {"bob@example.com": world.mailbox("bob")}
        self.names["example.com/bob/"] = f"example.com/{self.bob.partition('@')[0]}/"
        self.between: dict[str, Callable[[], object]] = {}

    @property
    def bob(self) -> str:
        return self.names["bob@example.com"]

    def send(self, recipient: str | None = None) -> str:
        """Mail comes in; its SES id is the page's MESSAGE-ID."""
        sent = send(self._world.settings, "sender@example.org", [recipient or self.bob], MAIL)
        assert sent.message_id
        self.names["MESSAGE-ID"] = sent.message_id
        return sent.message_id

    def follow(self, title: str) -> None:
        for command, answer in sections()[title]:
            self.between.get(command, lambda: None)()
            said = self.type(command)
            for word in _WORD.findall(self._real(answer)):
                assert word in said, f"{command}: no {word} in {said}"

    def type(self, command: str) -> str:
        program, *arguments = self._real(command).split()
        assert program == "mailroomctl"
        result = CliRunner().invoke(app, arguments)
        stopped = arguments == ["status"] and "STOPPED" in result.output
        # Copies that another test has let fail count for an hour, or until they are delivered.
        fails = any(text in result.output for text in ("copy fails", "copies fail"))
        waits = arguments == ["status"] and (self._waits() or fails)
        # Other tests' entries may be wrong on purpose.
        wrong = arguments[:2] == ["directory", "check"] and " error " in result.output
        wrong |= arguments[0] == "doctor" and re.search(r"^failure ", result.output, re.MULTILINE) is not None
        unclean = arguments[0] == "audit" and result.exit_code == 1  # of the whole world, other tests' mail among it
        expected = 1 if stopped or waits or wrong or unclean else 0
        assert result.exit_code == expected, f"{command}: {result.output}"
        return result.output

    def _waits(self) -> bool:
        """Whether mail waits for an operator, perhaps because of another test."""
        records = self._world.client("dynamodb").scan(TableName=self._world.outputs["DeliveriesTableName"])["Items"]
        held = any(one.get("status") == {"S": "HELD"} for one in records)
        return held or any(self._world.depth(queue) != (0, 0) for queue in ("DeadLetter", "Parked"))

    def _real(self, text: str) -> str:
        for name, real in self.names.items():
            text = text.replace(name, real)
        return text


@pytest.fixture
def reader(world: World, as_operator: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A reader of the page at the embedded AWS, which is as it was when they have finished."""
    monkeypatch.setattr(pipe, "QUIET", 2.0)
    monkeypatch.setattr(pipe, "POLL", 0.2)
    world.idle()
    yield Reader(world)
    pipe.start(Stack(world.settings.stack_name, endpoint_url=world.settings.endpoint))
    world.idle()
    assert world.take("DeadLetter") == world.take("Parked") == []


def test_every_section_is_followed() -> None:
    tests = [test for name, test in globals().items() if name.startswith("test_")]
    assert set(sections()) == {test.__doc__ for test in tests if test.__doc__}


def test_doctor(world: World, reader: Reader) -> None:
    """First look"""
    reader.names["--send-test"] = f"--smtp-port {world.settings.smtp_port} --send-test"
    reader.follow("First look")
    assert len(world.copies(reader.bob)) == 1


def test_status(world: World, reader: Reader) -> None:
    """Check the system"""
    reader.send()
    until(lambda: world.copies(reader.bob))
    world.idle()
    reader.follow("Check the system")


def test_missing(world: World, reader: Reader) -> None:
    """A message is missing"""
    reader.send()
    until(lambda: world.copies(reader.bob))
    world.idle()
    reader.names["UNKNOWN-ID"] = f"unknown{time.time_ns()}"
    world.stored(reader.names["UNKNOWN-ID"], MAIL)
    reader.follow("A message is missing")
    assert len(world.copies(reader.bob)) == 2


def test_held(world: World, reader: Reader) -> None:
    """Mail is held"""
    held, target = (f"{name}-{time.time_ns()}@{reader.bob.rpartition('@')[2]}" for name in ("held", "target"))
    reader.names |= {"held@example.com": held, "target@example.com": target}
    reader.type(f"mailroomctl alias add {held} {target}")
    message_id = reader.send(held)
    until(lambda: [record["status"] for record in world.records(message_id)] == ["HELD"])
    expired = f"expired{time.time_ns()}"
    texts = {
        "mailbox": reader.bob,
        "status": "FAILED",
        "key": f"mail/{expired}",
        "received_at": "2026-06-01T02:47:00.000Z",
    }
    texts |= {"message_id": expired, "bucket": world.outputs["MailBucketName"], "error": "StorageUnavailable"}
    item: Any = {name: {"S": value} for name, value in texts.items()} | {"recipients": {"SS": [reader.bob]}}
    world.client("dynamodb").put_item(TableName=world.outputs["DeliveriesTableName"], Item=item)
    reader.names["EXPIRED-ID"] = expired
    reader.follow("Mail is held")
    assert len(world.copies(target)) == 1


def test_rejected(world: World, reader: Reader) -> None:
    """Mail was rejected by mistake"""
    late = f"late-{time.time_ns()}@{reader.bob.rpartition('@')[2]}"
    reader.names["late@example.com"] = late
    message_id = reader.send(late)
    until(lambda: [record["status"] for record in world.records(message_id)] == ["REJECTED"])
    reader.follow("Mail was rejected by mistake")
    assert len(world.copies(late)) == 1


def test_parked(world: World, reader: Reader) -> None:
    """The parked queue is not empty"""
    message_id = f"parked{time.time_ns()}"
    world.stored(message_id, MAIL)
    # As ParkEvent writes it; a group of that size would take minutes to make.
    action = {"type": "S3", "bucketName": world.outputs["MailBucketName"], "objectKey": f"mail/{message_id}"}
    event = {"mail": {"messageId": message_id}, "receipt": {"recipients": [reader.bob], "action": action}}
    body = {"error": "FanOutLimitExceeded", "cause": "more mailboxes than the limit", "event": event}
    world.client("sqs").send_message(QueueUrl=world.outputs["ParkedQueueUrl"], MessageBody=json.dumps(body))
    reader.names["MESSAGE-ID"] = message_id
    reader.follow("The parked queue is not empty")
    assert len(world.copies(reader.bob)) == 1


def test_dead_letters(world: World, reader: Reader) -> None:
    """Mail is in the dead-letter queue"""
    with world.without_mail_root():
        reader.send()
        until(lambda: world.depth("DeadLetter") == (1, 0))
    reader.between["mailroomctl trace MESSAGE-ID"] = world.idle
    reader.follow("Mail is in the dead-letter queue")
    assert len(world.copies(reader.bob)) == 1


def test_queue_grows(world: World, reader: Reader) -> None:
    """The queue grows"""
    world.stop_pipe()
    reader.send()
    until(lambda: world.depth("Inbound") == (1, 0))
    reader.follow("The queue grows")
    until(lambda: world.copies(reader.bob))


def test_executions_fail(world: World, reader: Reader) -> None:
    """Executions fail"""
    with world.without_mail_root():
        message_id = reader.send()
        until(lambda: [record["status"] for record in world.records(message_id)] == ["FAILED"])
        world.stop_pipe()
        reader.follow("Executions fail")
    world.start_pipe()
    world.idle()
    for body in world.take("DeadLetter"):  # the outage may have taken longer than three attempts
        world.client("sqs").send_message(QueueUrl=world.outputs["InboundQueueUrl"], MessageBody=body)
    until(lambda: world.copies(reader.bob))


def test_storage(world: World, reader: Reader) -> None:
    """The storage is down"""
    with world.without_mail_root():
        reader.type("mailroomctl pipe stop")
        world.pipe_rests()
        reader.send()
    reader.follow("The storage is down")
    until(lambda: world.copies(reader.bob))


def test_audit(world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Prove that nothing is lost"""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    reader.names["--since 1d"] = "--since 1d --until 2100-01-01"
    message_id = f"lost{time.time_ns()}"
    sender, client = "sender@example.org", ("mx.example.org", "192.0.2.1")
    stored = added_headers(message_id, sender, [reader.bob], client, {}, datetime.now(UTC)) + MAIL
    world.stored(message_id, stored)
    reader.follow("Prove that nothing is lost")
    assert [copy.read_bytes().endswith(stored) for copy in world.copies(reader.bob)] == [True]
    assert message_id not in reader.type("mailroomctl audit --since 1d --list")


def test_backup(world: World, reader: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A backup of the file system was used"""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    reader.names |= {"--since 2h": f"--since 2h --mailbox {reader.bob}", "MAIL-ROOT": str(world.mail_root)}
    for _ in range(2):
        reader.send()
    [kept, lost] = until(lambda: len(world.copies(reader.bob)) == 2 and world.copies(reader.bob))
    world.idle()
    content, name = lost.read_bytes(), lost.name
    lost.unlink()
    reader.follow("A backup of the file system was used")
    assert world.copies(reader.bob) == sorted([kept, lost])
    assert (lost.read_bytes(), lost.name) == (content, name)
    # Its reader deletes it: it stays deleted.
    lost.unlink()
    assert "restored 0 of 0" in reader.type("mailroomctl restore --since 2h --mail-root MAIL-ROOT --yes")
    assert world.copies(reader.bob) == [kept]


def test_replay(world: World, reader: Reader) -> None:
    """Deliver a message again"""
    reader.send()
    until(lambda: world.copies(reader.bob))
    world.idle()
    reader.follow("Deliver a message again")
    assert len(world.copies(reader.bob)) == 1


def test_upgrade(world: World, reader: Reader) -> None:
    """Upgrade"""
    address = world.mailbox("müller")  # without a path, as version 0.1.0 wrote it
    reader.names["müller@example.com"] = address
    reader.follow("Upgrade")
    local_part = address.partition("@")[0]
    path = f"example.com/{local_part.replace('ü', '%C3%BC')}/Maildir"
    assert f"path                {path}" in reader.type(f"mailroomctl mailbox show {address}")
    assert f"~ mailbox {address}" not in reader.type("mailroomctl directory check --fix")
