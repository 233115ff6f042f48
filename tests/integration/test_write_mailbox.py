"""The function WriteMailbox: from an object in S3 to a file in a Maildir."""

import errno
import json
import os
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from mailroom import maildir
from mailroom.errors import (
    ClockWrong,
    DeadlinePassed,
    ForbiddenObject,
    InvalidEvent,
    MailboxPathRejected,
    MessageMissing,
    MessageUnavailable,
    StorageUnavailable,
    Unforeseen,
)
from mailroom.mail_store import s3_client
from mailroom.observability import logger
from mailroom.stopwatch import Stopwatch
from moto import mock_aws

from tests.integration.handlers import fresh_worker, lambda_context
from tests.integration.s3_server import Misbehaviour, Refusal, s3_server

RAW = b"Return-Path: <a@b.c>\r\nSubject: \xff\x00 hi\r\n\r\nbare\nlf, no end"


def item(**changes: Any) -> dict[str, Any]:
    """The Map item that the workflow hands over."""
    state: dict[str, Any] = {
        "message": {"id": "m1", "bucket": "mail-bucket", "key": "mail/m1", "received_at": "2026-11-24T02:47:00.123Z"},
        "delivery": {
            "mailbox": "bob@example.com",
            "path": "example.com/bob/Maildir",
            "folder": "INBOX",
            "recipients": ["bob@example.com", "info@example.com"],
            "verdict": "",
            "optional_folder": False,
        },
        "attempts": 1,
        "retry_count": 0,
        "attempt": "run-1",
    }
    for part in ("message", "delivery"):
        state[part] |= changes.pop(part, {})
    return state | changes


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="mail-bucket")
        s3.put_object(Bucket="mail-bucket", Key="mail/m1", Body=RAW)
        app = fresh_worker(monkeypatch, "write_mailbox", {"MAIL_BUCKET": "mail-bucket", "MAIL_ROOT": str(tmp_path)})
        monkeypatch.setenv("STACK_NAME", "mail")
        yield lambda event, request_id="request-1": app.handler(event, lambda_context(request_id))


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_a_copy_is_the_object_behind_its_own_lines(handler: Any, tmp_path: Path) -> None:
    written = handler(item())
    (file,) = files(tmp_path)
    assert file == tmp_path / "example.com/bob/Maildir/new" / written["file_name"]
    front = b"Delivered-To: bob@example.com\r\nX-Original-To: bob@example.com\r\nX-Original-To: info@example.com\r\n"
    assert file.read_bytes() == front + RAW
    assert written == {
        "file_name": file.name,
        "size": len(front + RAW),
        "folder": "INBOX",
        "already_delivered": False,
    }
    assert file.name.endswith(f",S={len(front + RAW)},W={len(front + RAW) + 1}")
    assert file.stat().st_mtime == pytest.approx(datetime.fromisoformat("2026-11-24T02:47:00.123Z").timestamp(), abs=1)


def test_a_verdict_is_the_last_line_in_front(handler: Any, tmp_path: Path) -> None:
    handler(item(delivery={"folder": "Junk", "verdict": "spam=FAIL; policy=junk"}))
    (file,) = [file for file in files(tmp_path) if file.parent.name == "new"]
    assert file.parent == tmp_path / "example.com/bob/Maildir/.Junk/new"
    assert b"\r\nX-Mailroom-Verdict: spam=FAIL; policy=junk\r\nReturn-Path:" in file.read_bytes()


@pytest.mark.parametrize("again", [{"attempts": 2}, {"retry_count": 1}, {"attempts": 3, "retry_count": 2}])
def test_a_recovery_finds_the_copy_wherever_dovecot_put_it(handler: Any, tmp_path: Path, again: dict[str, int]) -> None:
    first = handler(item())
    (file,) = files(tmp_path)
    seen = file.parents[1] / "cur" / f"{file.name}:2,RS"
    file.rename(seen)
    assert handler(item(**again), "request-2") == first | {"already_delivered": True}
    assert files(tmp_path) == [seen]


@pytest.mark.parametrize(
    ("claim", "listed"),
    [
        ({"first_claimed_at": 0, "attempts_since": 2}, {"tmp"}),
        ({"first_claimed_at": 0, "attempts_since": 1}, {"tmp", "new", "cur"}),
        ({"first_claimed_at": 0}, {"tmp", "new", "cur"}),
        ({"first_claimed_at": -3600, "attempts_since": 2}, {"tmp", "new", "cur"}),
        ({}, {"tmp", "new", "cur"}),
    ],
    ids=[
        "the first of all",
        "an earlier version made the first",
        "nobody counted",
        "before the changes",
        "nobody knows",
    ],
)
def test_a_recovery_lists_what_changed_since_the_first_claim(
    handler: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claim: dict[str, int], listed: set[str]
) -> None:
    handler(item())
    monkeypatch.setattr("mailroom.maildir.times.MARGIN_SECONDS", -5)  # the mailbox is that much younger than the claim
    if claim:
        claim["first_claimed_at"] += int(datetime.now(UTC).timestamp())
    names: set[str] = set()
    scandir = os.scandir

    def noting(descriptor: int) -> Any:
        names.add(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        return scandir(descriptor)

    monkeypatch.setattr(os, "scandir", noting)
    handler(item(attempts=2, message={"id": "m2"}, **claim), "request-2")
    assert names == listed


def test_two_mailboxes_are_two_deliveries(handler: Any, tmp_path: Path) -> None:
    names = {handler(item())["file_name"], handler(item(delivery={"mailbox": "carol@example.com"}))["file_name"]}
    assert len(names) == len(files(tmp_path)) == 2


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"message": {"key": "mail/gone"}}, MessageMissing),
        ({"message": {"bucket": "other"}}, ForbiddenObject),
        ({"delivery": {"path": "../other"}}, MailboxPathRejected),
        ({"delivery": {"path": "/etc"}}, MailboxPathRejected),
        ({"delivery": {"recipients": None}}, InvalidEvent),
        ({"message": {"received_at": "soon"}}, InvalidEvent),
        ({"attempts": "many"}, InvalidEvent),
        ({"first_claimed_at": "soon", "attempts_since": 1}, InvalidEvent),
        ({"first_claimed_at": float("inf"), "attempts_since": 1}, InvalidEvent),
    ],
)
def test_errors_by_name_leave_nothing(handler: Any, tmp_path: Path, changes: dict[str, Any], error: type) -> None:
    with pytest.raises(error):
        handler(item(**changes))
    assert files(tmp_path) == []


def ago(seconds: float) -> str:
    """A time of entry."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize(("since", "error"), [(17, DeadlinePassed), (3600, DeadlinePassed), (-60, ClockWrong)])
def test_a_first_attempt_at_the_wrong_time_leaves_nothing_and_its_retry_delivers(
    handler: Any, tmp_path: Path, since: float, error: type
) -> None:
    with pytest.raises(error):
        handler(item(entered_at=ago(since)))
    assert files(tmp_path) == []
    assert not handler(item(entered_at=ago(since), retry_count=1), "request-2")["already_delivered"]
    assert len(files(tmp_path)) == 1


def test_a_first_attempt_in_time_delivers(handler: Any, tmp_path: Path) -> None:
    assert not handler(item(entered_at=ago(5)))["already_delivered"]
    assert len(files(tmp_path)) == 1


def test_the_time_to_publish_is_a_setting(monkeypatch: pytest.MonkeyPatch, handler: Any, tmp_path: Path) -> None:
    environment = {"MAIL_BUCKET": "mail-bucket", "MAIL_ROOT": str(tmp_path), "PUBLISH_SECONDS": "4"}
    app = fresh_worker(monkeypatch, "write_mailbox", environment)
    with pytest.raises(DeadlinePassed):
        app.handler(item(entered_at=ago(5)), lambda_context("request-1"))
    assert files(tmp_path) == []


def test_how_patiently_s3_and_the_storage_are_tried_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    environment = {
        "AWS_DEFAULT_REGION": "us-east-1",
        "MAIL_BUCKET": "mail-bucket",
        "MAIL_ROOT": str(tmp_path),
        "RAW_MAIL_CONNECT_SECONDS": "5",
        "RAW_MAIL_READ_SECONDS": "1",
        "RAW_MAIL_RESUMES": "1",
        "RAW_MAIL_WAIT_MILLISECONDS": "1",
        "SDK_ATTEMPTS": "1",
        "STORAGE_PATIENCE_MILLISECONDS": "1500",
    }
    given: list[dict[str, Any]] = []

    def noting(function: Any) -> Any:
        return lambda *args, **named: (given.append(named), function(*args, **named))[1]

    monkeypatch.setattr("mailroom.mail_store.s3_client", noting(s3_client))
    monkeypatch.setattr("mailroom.maildir.deliver", noting(maildir.deliver))
    with s3_server() as server:
        app = fresh_worker(monkeypatch, "write_mailbox", {**environment, "AWS_ENDPOINT_URL_S3": server.url})
        server.data = RAW
        server.plan = [Misbehaviour(1, "close"), Misbehaviour(1, "close"), Refusal(503, "SlowDown")]
        with pytest.raises(MessageUnavailable, match="broke 2 times"):
            app.handler(item(), lambda_context())
        with pytest.raises(MessageUnavailable, match="SlowDown"):
            app.handler(item(), lambda_context())
        assert len(server.requests) == 3
    client, *deliveries = given
    assert client == {"connect_timeout": 5, "read_timeout": 1, "attempts": 1}
    assert [one["patience"] for one in deliveries] == [1.5, 1.5]
    assert files(tmp_path) == []


def test_what_is_missing_is_named(handler: Any) -> None:
    event = item()
    del event["delivery"]["path"]
    with pytest.raises(InvalidEvent, match="'path'"):
        handler(event)


def test_a_probe_leaves_nothing(handler: Any, tmp_path: Path) -> None:
    assert handler({"probe": True}) == {"probe": "ok"}
    assert list(tmp_path.iterdir()) == []


def test_a_probe_tells_of_a_missing_root(handler: Any, tmp_path: Path) -> None:
    tmp_path.rmdir()
    with pytest.raises(StorageUnavailable, match="is the file system mounted"):
        handler({"probe": True})
    tmp_path.mkdir()


def test_a_probe_works_where_deliveries_do(handler: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail root belongs to root, the domains' folders to Mailroom's user."""
    handler(item())
    before = files(tmp_path)
    real = os.open

    def owned_by_root(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & os.O_CREAT and Path(f"/proc/self/fd/{options['dir_fd']}").readlink() == tmp_path:
            raise PermissionError(errno.EACCES, "not yours")
        return real(path, flags, *arguments, **options)

    monkeypatch.setattr(os, "open", owned_by_root)
    assert handler({"probe": True}) == {"probe": "ok"}
    assert files(tmp_path) == before


def test_logs_name_the_message_and_nobody(handler: Any, capsys: pytest.CaptureFixture[str]) -> None:
    handler(item())
    out = capsys.readouterr().out
    logged = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert {line["correlation_id"] for line in logged if "level" in line} == {"m1"}
    assert "example.com" not in out
    (emf,) = [line for line in logged if "_aws" in line]
    assert (emf["Stack"], emf["Outcome"], emf["Copies"], emf["correlation_id"]) == ("mail", "DELIVERED", 1, "m1")
    assert emf["BytesDelivered"] > len(RAW)
    assert emf["AgeAtDelivery"] > 0
    assert emf["RawMailTime"] > 0
    assert emf["StorageTime"] > 0


def test_a_copy_that_is_there_reads_no_raw_mail(handler: Any, capsys: pytest.CaptureFixture[str]) -> None:
    handler(item())
    capsys.readouterr()
    handler(item(attempts=2))
    (emf,) = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "_aws" in line]
    assert (emf["Outcome"], emf["Copies"]) == ("RECOVERED", 1)
    assert "RawMailTime" not in emf


def test_time_of_s3_is_not_time_of_the_storage(
    handler: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def content(*_: Any) -> Iterator[bytes]:
        now[0] += 3
        yield RAW

    def deliver(*_: Any, content: Iterator[bytes], **__: Any) -> maildir.Delivered:
        size = len(b"".join(content))
        now[0] += 0.25
        return maildir.Delivered("name", "INBOX", size, size, already_delivered=False)

    monkeypatch.setattr(Stopwatch.__init__, "__defaults__", (lambda: now[0],))
    monkeypatch.setattr("mailroom.delivery.Delivery._content", content)
    monkeypatch.setattr("mailroom.maildir.deliver", deliver)
    handler(item())
    (emf,) = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "_aws" in line]
    assert (emf["RawMailTime"], emf["StorageTime"]) == (3000, 250)


def test_debug_names_the_copy(handler: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    level = logger.log_level
    logger.setLevel("DEBUG")
    try:
        handler(item())
    finally:
        logger.setLevel(level)
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    (line,) = [line for line in logged if line.get("level") == "DEBUG"]
    assert line["mailbox"] == "bob@example.com"
    assert tmp_path / line["path"] / "new" / line["file_name"] in files(tmp_path)


def test_an_error_is_counted_and_explained(handler: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MessageMissing):
        handler(item(message={"key": "mail/gone"}))
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [(line["Failures"], line["Function"], line["Error"]) for line in logged if "_aws" in line] == [
        (1, "write_mailbox", "raw mail")
    ]
    (line,) = [line for line in logged if line.get("message") == "Failed"]
    assert (line["error"], line["correlation_id"]) == ("MessageMissing", "m1")
    assert "not in the bucket" in line["reason"]


def test_an_unknown_error_is_counted_without_its_text(
    handler: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret of bob@example.com")

    monkeypatch.setattr("mailroom.maildir.deliver", broken)
    with pytest.raises(Unforeseen) as raised:
        handler(item())
    out = capsys.readouterr().out
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["Failures"], line["Error"]) for line in lines if "_aws" in line] == [(1, "unforeseen")]
    (line,) = [line for line in lines if line.get("message") == "Failed"]
    assert (line["error"], line["level"], line["correlation_id"]) == ("RuntimeError", "ERROR", "m1")
    assert line["stack"][0] == "RuntimeError"
    assert line["stack"][-1].startswith("integration/test_write_mailbox.py:")
    assert line["stack"][-1].endswith(" broken")
    assert any(place.startswith("mailroom/delivery.py:") for place in line["stack"])
    # Lambda logs the text of what it is given, and the workflow keeps it.
    told = "".join(traceback.format_exception(raised.value))
    for text in (out, told):
        assert "secret" not in text
        assert "bob@" not in text
    assert str(raised.value).startswith("RuntimeError;")
