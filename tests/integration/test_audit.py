"""audit: what is lost is found, what can be repaired is, and what is not certain is left to a person."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mailroom.audit import reading
from mailroom.maildir.names import message_name

from mailroomctl.deliveries import replay_many
from mailroomctl.times import iso
from tests.fakes.dynamodb import domain
from tests.integration.command_line import Operator
from tests.integration.waiting_messages import (
    FakeWorkflow,
    bodies,
    counted,
    delivered,
    depth,
    failed,
    give_up,
    hold,
    park,
    record,
    records,
    resolves,
)

BOB, EVE = "bob@example.com", "eve@example.com"
MOMENT = "2026-11-24T02:47:00.123Z"
#: The mail of a test is younger than what an audit takes by default.
NOW = "--until 2100-01-01"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an audit keeps its file."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state/mailroom"


def store(at: Operator, message_id: str, *lines: str, recipient: str = BOB, to: str = BOB) -> None:
    """Put raw mail into the bucket, with the lines that SES puts in front."""
    ours = (
        "Return-Path: <sender@example.org>",
        "Received: from mx.example.org (mx.example.org [192.0.2.1])",
        f" by inbound-smtp.eu-central-1.amazonaws.com with SMTP id {message_id}",
        f" for {recipient};",
        " Tue, 24 Nov 2026 02:47:00 +0000 (UTC)",
        "X-SES-Spam-Verdict: FAIL",
    )
    own = lines or (f"To: {to}", "Message-ID: <1@example.org>")
    at.s3.put_object(Bucket="mail", Key=f"mail/{message_id}", Body="\r\n".join((*ours, *own, "", "body")).encode())


def found(at: Operator, line: str = "", code: int = 1) -> dict[str, int]:
    """What an audit counts."""
    answer = at.json(f"audit {NOW} {line}", code)
    return {row["finding"]: row["count"] for row in answer["findings"]}


def settled(at: Operator, message_id: str, *mailboxes: str, **fields: Any) -> None:
    """A message with its copies."""
    store(at, message_id)
    for mailbox in mailboxes:
        record(at, message_id, mailbox, "DELIVERED", **fields)


def test_what_is_as_it_must_be_is_clean(at: Operator, state: Path) -> None:
    settled(at, "m1", BOB, EVE)
    store(at, "m2")
    for mailbox, status in ((BOB, "REJECTED"), (EVE, "QUARANTINED"), ("a@x", "DISCARDED"), ("b@x", "REPLAYED")):
        record(at, "m2", mailbox, status, envelope={mailbox})
    record(at, "m2", "(bounce)", "BOUNCED")
    notice = {"message_id": "(held) info@example.com", "mailbox": "2026-11-24", "expires_at": 1}
    at.dynamodb.Table("deliveries").put_item(Item=notice)
    at.s3.put_object(Bucket="mail", Key="mail/AMAZON_SES_SETUP_NOTIFICATION", Body=b"")
    answer = at.json(f"audit {NOW}")
    assert answer == {
        "since": None,
        "until": "2100-01-01T00:00:00Z",
        "objects": 2,
        "records": 6,
        "clean": True,
        "findings": [],
        "inbound": 0,
    }
    assert at.run(f"audit {NOW}") == "2 objects, 6 records, until 2100-01-01T00:00:00Z: clean\n"
    assert at.run(f"audit {NOW} --list").splitlines()[0] == "nothing was found"
    assert not list(state.glob("*.sqlite"))


def everything_wrong(at: Operator) -> None:
    """One message for each kind of finding."""
    store(at, "lost")
    settled(at, "unanswered", BOB, envelope={BOB, EVE})
    store(at, "open")
    record(at, "open", BOB, "CLAIMED", lease_until=1)
    store(at, "failed")
    record(at, "failed", BOB, "FAILED", error="StorageUnavailable")
    hold(at, "held", "info@example.com", "info@example.com")
    record(at, "expired", BOB, "FAILED")
    give_up(at, "dead", BOB)
    store(at, "dead")
    park(at, "parked", BOB)


def test_every_kind_is_found_and_named(at: Operator) -> None:
    everything_wrong(at)
    kinds = ["lost", "unanswered", "expired", "open", "failed", "held", "dead letter", "parked"]
    assert found(at) == dict.fromkeys(kinds, 1)
    shown = at.run(f"audit {NOW}", 1)
    for kind in kinds:
        assert re.search(rf"^ *{kind} +1 ", shown, re.MULTILINE), shown
    assert "mailroomctl audit --repair" in shown
    assert shown.splitlines()[-1].endswith("not clean")
    named = {one["message_id"]: one for one in at.json(f"audit {NOW} --list", 1)["messages"]}
    assert {message_id: one["kind"] for message_id, one in named.items()} == {kind.split()[0]: kind for kind in kinds}
    assert named["unanswered"]["recipients"] == [EVE]
    assert named["open"]["reason"] == "CLAIMED, and no execution works on it any more"
    assert named["held"]["reason"] == "HELD info@example.com"
    assert named["expired"]["reason"] == "FAILED, and its raw mail is gone"
    assert at.run(f"audit {NOW} --list --limit 3", 1).count("example.com") >= 1
    assert "there are 8: use" in at.stderr


def test_what_has_expired_is_clean_when_it_is_given_up(at: Operator) -> None:
    record(at, "m1", BOB, "FAILED")
    assert found(at) == {"expired": 1}
    assert "mailroomctl held discard MESSAGE-ID ends it" in at.run(f"audit {NOW}", 1)
    at.run("held discard m1 --yes")
    assert at.json(f"audit {NOW}")["clean"]


def test_an_audit_changes_nothing(at: Operator) -> None:
    everything_wrong(at)
    before = records(at), bodies(at, "DeadLetter"), bodies(at, "Parked")
    workflow = FakeWorkflow(at, delivered)
    at.run(f"audit {NOW}", 1)
    assert (records(at), bodies(at, "DeadLetter"), bodies(at, "Parked")) == before
    assert not workflow.events


def test_repair_replays_what_is_missing_and_nothing_else(at: Operator) -> None:
    everything_wrong(at)
    settled(at, "fine", BOB)
    resolve = resolves(at, {BOB: BOB, EVE: EVE, "info@example.com": "max@example.com"})

    def end(event: Any) -> dict[str, Any]:
        return delivered() if isinstance(event, list) else resolve(event)

    workflow = FakeWorkflow(at, end)
    answer = at.json(f"audit {NOW} --repair", 1)
    given = {one["mail"]["messageId"]: one for one in workflow.events if isinstance(one, dict)}
    assert {name: one["receipt"]["recipients"] for name, one in given.items()} == {
        "lost": [BOB],
        "unanswered": [EVE],
        "open": [BOB],
        "failed": [BOB],
        "held": ["info@example.com"],
    }
    assert all(one["mailroom"] == {"no_bounce": True} for one in given.values())
    lost = given["lost"]
    assert (lost["mail"]["source"], lost["mail"]["commonHeaders"]["messageId"]) == (
        "sender@example.org",
        "<1@example.org>",
    )
    assert lost["receipt"]["spamVerdict"] == {"status": "FAIL"}
    assert lost["receipt"]["action"]["objectKey"] == "mail/lost"
    assert len([one for one in workflow.events if isinstance(one, list)]) == 2
    assert depth(at, "DeadLetter") == depth(at, "Parked") == (0, 0)
    # What has no raw mail any more can only be counted.
    assert (answer["repaired"], answer["left"]) == (7, 1)
    assert records(at)["held", "info@example.com"]["status"] == "REPLAYED"
    record(at, "dead", BOB, "DELIVERED")  # the fake workflow's events of queues leave no record
    assert found(at) == {"expired": 1}


def test_all_repaired_is_success(at: Operator) -> None:
    store(at, "lost")
    FakeWorkflow(at, resolves(at, {BOB: BOB}))
    assert "repaired 1, left 0 as they were" in at.run(f"audit {NOW} --repair")
    assert found(at, code=0) == {}
    assert at.run(f"audit {NOW} --repair").endswith("repaired 0, left 0 as they were\n")


@pytest.mark.parametrize(
    ("lines", "recipient", "says"),
    [
        ((f"To: {BOB}, {EVE}",), BOB, rf"SES names {BOB} only, the sender's lines {EVE} too"),
        ((f"To: {BOB}", "Cc: Max <max@known.example>"), BOB, "max@known.example too"),
        ((f"To: {BOB}",), "", "SES's own lines name no recipient: mailroomctl replay lost --recipient ADDRESS"),
    ],
)
def test_what_is_not_certain_is_left_to_a_person(at: Operator, lines: Any, recipient: str, says: str) -> None:
    at.put(domain("known.example"))
    store(at, "lost", *lines, recipient=recipient)
    workflow = FakeWorkflow(at, resolves(at, {BOB: BOB}))
    answer = at.json(f"audit {NOW} --repair", 1)
    [reason] = answer["reasons"]
    assert reason["message_id"] == "lost"
    assert re.search(says, reason["reason"])
    assert not workflow.events
    at.run(f"audit {NOW} --repair", 1)
    assert "mailroomctl replay lost --recipient" in at.stderr


def test_raw_mail_without_an_octet_names_nobody(at: Operator) -> None:
    at.s3.put_object(Bucket="mail", Key="mail/lost", Body=b"")
    [reason] = at.json(f"audit {NOW} --repair", 1)["reasons"]
    assert reason["reason"].startswith("SES's own lines name no recipient")


def test_a_line_that_the_sender_wrote_names_nobody(at: Operator) -> None:
    """Only SES's own line, the first, and only with the message's own id."""
    forged = f"Received: from x by inbound-smtp.x.amazonaws.com with SMTP id lost for {EVE}; Tue"
    body = f"Received: from a by b;\r\n{forged}\r\nTo: {EVE}\r\n\r\nbody"
    at.s3.put_object(Bucket="mail", Key="mail/lost", Body=body.encode())
    body = f"Received: from x by inbound-smtp.x.amazonaws.com with SMTP id other for {EVE}; Tue\r\n\r\nbody"
    at.s3.put_object(Bucket="mail", Key="mail/lost2", Body=body.encode())
    workflow = FakeWorkflow(at, resolves(at, {EVE: EVE}))
    assert at.json(f"audit {NOW} --repair", 1)["left"] == 2
    assert not workflow.events


def test_others_outside_our_domains_raise_no_question(at: Operator) -> None:
    store(at, "lost", f"To: {BOB}, somebody@elsewhere.example")
    workflow = FakeWorkflow(at, resolves(at, {BOB: BOB}))
    answer = at.json(f"audit {NOW} --repair")
    assert (answer["repaired"], answer["left"]) == (1, 0)
    assert [event["receipt"]["recipients"] for event in workflow.events] == [[BOB]]


def test_what_the_repair_does_not_mend_is_named(at: Operator) -> None:
    hold(at, "held", "info@example.com", "info@example.com")
    store(at, "busy")
    record(at, "busy", BOB, "CLAIMED", lease_until=9_999_999_999)
    store(at, "released")
    record(at, "released", BOB, "RELEASED", quarantine_key="quarantine/released")
    store(at, "failed")
    record(at, "failed", EVE, "FAILED")
    resolve = resolves(at, {BOB: BOB})
    workflow = FakeWorkflow(at, lambda event: failed() if event["mail"]["messageId"] == "failed" else resolve(event))
    answer = at.json(f"audit {NOW} --repair", 1)
    assert (answer["repaired"], answer["left"]) == (0, 4)
    assert {one["message_id"]: one["reason"] for one in answer["reasons"]} == {
        "held": "info@example.com is HELD info@example.com",
        "busy": f"{BOB} is CLAIMED",
        "released": f"{BOB} is RELEASED; mailroomctl quarantine release goes on with it",
        "failed": "Failed: FAILED DeliveryIncomplete At least one copy is not safe yet.",
    }
    assert len(workflow.events) == 2


def test_a_table_that_was_made_anew_is_no_lost_mail(at: Operator) -> None:
    """All of it has been delivered: without its records nothing would keep a repair from delivering it again."""
    for number in range(20):
        store(at, f"m{number}")
    workflow = FakeWorkflow(at, resolves(at, {BOB: BOB}))
    said = at.fails(f"audit {NOW} --repair")
    assert said.startswith("nothing is on record of 20 of 20 messages: was the deliveries table made anew?")
    assert not workflow.events
    assert at.json(f"audit {NOW} --repair --yes")["repaired"] == 20


def test_an_event_that_fails_again_stays_in_its_queue(at: Operator) -> None:
    give_up(at, "dead", BOB)
    park(at, "parked", BOB)
    FakeWorkflow(at, failed)
    answer = at.json(f"audit {NOW} --repair", 1)
    assert answer["left"] == 2
    assert depth(at, "DeadLetter") == depth(at, "Parked") == (1, 0)


def test_repair_stops_when_everything_fails(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(60):
        record(at, f"m{number}", BOB, "FAILED", key="mail/m0")
        at.s3.put_object(Bucket="mail", Key=f"mail/m{number}", Body=b"x")
    workflow = FakeWorkflow(at, failed)
    at.run(f"audit {NOW} --repair", 1)
    assert "stopped, because so many executions in a row failed" in at.stderr
    assert replay_many.ENOUGH_FAILURES <= len(workflow.events) < 60


def test_only_the_period_is_audited(at: Operator) -> None:
    settled(at, "m1", BOB)
    hold(at, "old", BOB, BOB, received_at="2026-11-01T02:47:00.123Z")
    hold(at, "new", BOB, BOB, received_at="2026-11-20T02:47:00.123Z")
    store(at, "lost")
    today = datetime.now(UTC)
    assert found(at) == {"held": 2, "lost": 1}
    assert found(at, "--since 2026-11-10") == {"held": 1, "lost": 1}
    assert at.json("audit --since 2026-11-10 --until 2026-11-21", 1)["findings"][0]["count"] == 1
    # Without --until what may be on its way is left out: all objects here are a moment old.
    rows = at.json("audit --since 2026-11-10", 1)["findings"]
    assert [row["finding"] for row in rows] == ["held"]
    assert at.fails(f"audit --since {iso(today)}").startswith("--since is later than --until")


@pytest.mark.parametrize("received_at", ["2026-11-01T02:47:00.123Z", None])
def test_raw_mail_that_was_put_back_is_not_lost(at: Operator, received_at: str | None) -> None:
    """Its records are outside the period that was read; a record of version 0.1 is in no index."""
    store(at, "m1")
    month = {} if received_at else {"month": None}
    record(at, "m1", BOB, "DELIVERED", received_at=received_at or iso(datetime.now(UTC)), **month)
    assert found(at, "--since 1h", code=0) == {}


def test_a_short_period_is_read_from_the_index(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SLACK", timedelta(0))
    now = iso(datetime.now(UTC))
    for number in range(120):
        record(at, f"m{number}", BOB, "DELIVERED", received_at=now)
        store(at, f"m{number}")
    record(at, "m0", "(bounce)", "BOUNCED", received_at=now)
    record(at, "m1", EVE, "FAILED", received_at=now)
    calls = counted(monkeypatch)
    assert found(at, "--since 1m", code=1) == {"failed": 1}
    assert calls["Scan"] == 8  # a small table is scanned
    calls.clear()
    # A table so large that the index of two days and an hour takes fewer calls.
    larger(at, monkeypatch, megabytes=10_000)
    answer = at.json(f"audit --since 1m --until {iso(datetime.now(UTC) + timedelta(minutes=1))}", 1)
    assert [row["count"] for row in answer["findings"]] == [1]
    assert (answer["records"], calls["Scan"]) == (121, 0)
    assert calls["BatchGetItem"] <= 2 + 2


def larger(at: Operator, monkeypatch: pytest.MonkeyPatch, megabytes: int) -> None:
    """Let DynamoDB say that the table is so large."""
    from botocore.client import BaseClient

    real = BaseClient._make_api_call

    def call(self: Any, name: str, arguments: Any) -> Any:
        answer = real(self, name, arguments)
        if name == "DescribeTable":
            answer["Table"] |= {"TableSizeBytes": megabytes << 20, "ItemCount": 1000}
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


# --- interruptions -------------------------------------------------------------------------------------------------


def test_an_interrupted_audit_goes_on_where_it_was(at: Operator, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        settled(at, f"m{number:02}", BOB)
    store(at, "lost")
    from mailroom.audit import findings

    from mailroomctl.audit import look

    def interrupted(*_: Any) -> Iterator[Any]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(look, "compare", interrupted)
    assert at.fails(f"audit {NOW}", code=130) == "interrupted; mailroomctl audit --resume goes on from here"
    [file] = state.glob("*.sqlite")
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(look, "compare", findings.compare)
    assert "--since is later" in at.fails("audit --since 2030-01-01"), "a mistake, which costs nothing of it"
    calls = counted(monkeypatch)
    answer = at.json("audit --resume", 1)
    assert [row["finding"] for row in answer["findings"]] == ["lost"]
    assert (answer["objects"], answer["records"], answer["until"]) == (31, 30, "2100-01-01T00:00:00Z")
    assert not calls["ListObjectsV2"]
    assert not calls["Scan"]
    assert at.fails("audit --resume") == "no audit of this stack was interrupted: leave --resume out."


def test_a_page_that_fails_is_read_again(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(at, "m1", BOB)
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

    real = BaseClient._make_api_call

    def refused(self: Any, name: str, arguments: Any) -> Any:
        if name == "Scan" and arguments["Segment"] == 5:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)
        return real(self, name, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", refused)
    assert at.fails(f"audit {NOW}") == "AWS refused Scan: no"
    monkeypatch.setattr(BaseClient, "_make_api_call", real)
    answer = at.json("audit --resume")
    assert (answer["objects"], answer["records"], answer["clean"]) == (1, 1, True)


def test_two_audits_of_one_stack(at: Operator, state: Path) -> None:
    from mailroomctl.audit.work import begun
    from mailroomctl.stack import Stack

    with begun(Stack(region="eu-central-1"), None, None, None):
        assert at.fails("audit") == "another audit or restore of this stack is running."


def test_a_folder_that_cannot_be_written(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nothing")
    assert "XDG_STATE_HOME may name another folder" in at.fails("audit")


def test_options_that_exclude_each_other(at: Operator) -> None:
    for line, says in (("--resume --since 1d", "goes on with the period"), ("--list --repair", "give --list or")):
        assert says in at.misused(f"audit {line}")


def test_a_file_of_another_version_is_begun_anew(at: Operator, state: Path) -> None:
    from mailroom.audit.notes import Notes

    state.mkdir(parents=True)
    path = state / "notes"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE objects (other TEXT)")
    database.close()
    with Notes(path) as notes:
        assert notes.count("objects") == 0


# --- the mail root --------------------------------------------------------------------------------------------------


def copy_of(message_id: str, mailbox: str, size: int = 4) -> str:
    return f"{message_name(f'{message_id}\n{mailbox}', 1.0).base},S={size},W={size}"


def place(mail_root: Path, path: str, name: str) -> Path:
    file = mail_root / path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"mail")
    return file


#: A copy that its reader's program has given another name is known by its size and its time.
SIZES = {"renamed": 7}


@pytest.fixture
def mail_root(at: Operator, tmp_path: Path) -> Path:
    """A mail root; each message's id says where its copy is, or that it is nowhere."""
    root = tmp_path / "root"
    name = "example.com/bob/Maildir"
    places = {
        "new": f"{name}/new/{copy_of('new', BOB)}",
        "read": f"{name}/cur/{copy_of('read', BOB)}:2,RS",
        "filed": f"{name}/.Lists.A/cur/{copy_of('filed', BOB)}:2,S",
        "deep": f"{name}/folders/other/cur/{copy_of('deep', BOB)}:2,S",
        "renamed": f"{name}/.Archive/cur/1700000000.M1P2.host,S=7,W=7:2,S",
        "torn": f"{name}/tmp/{copy_of('torn', BOB)}",
    }
    for where in places.values():
        place(root, "", where)
    received_at = datetime.fromisoformat(MOMENT).timestamp()
    os.utime(root / places["renamed"], (received_at, received_at))
    place(root, name, "cur/no-mail-of-ours")
    place(root, name, os.fsdecode(b"cur/1.\xff,S=4,W=4:2,"))
    for message_id in (*places, "gone"):
        settled(
            at,
            message_id,
            BOB,
            path=name,
            folder="INBOX",
            file_name=copy_of(message_id, BOB),
            size=SIZES.get(message_id, 4),
        )
    return root


def test_what_is_nowhere_in_its_mailbox_is_absent_and_no_fault(at: Operator, mail_root: Path) -> None:
    before = sorted(mail_root.rglob("*"))
    workflow = FakeWorkflow(at, delivered)
    assert found(at, f"--mail-root {mail_root}", code=0) == {"absent": 2}
    assert found(at, f"--mail-root {mail_root} --repair", code=0) == {"absent": 2}
    named = at.json(f"audit {NOW} --mail-root {mail_root} --list")["messages"]
    assert [one["message_id"] for one in named] == ["gone", "torn"]
    assert "deleted by their readers, or lost" in at.run(f"audit {NOW} --mail-root {mail_root}")
    assert found(at, code=0) == {}
    assert sorted(mail_root.rglob("*")) == before
    assert not workflow.events


def test_a_copy_that_is_renamed_while_its_folder_is_listed(
    at: Operator, mail_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its reader does who marks it: the listing may show it under neither name."""
    real, hidden = os.scandir, list[str]()

    @contextmanager
    def scandir(folder: int) -> Iterator[Iterator[os.DirEntry[str]]]:
        with real(folder) as entries:
            there = list(entries)
        shown = [one for one in there if hidden or not one.name.startswith(copy_of("read", BOB))]
        hidden.extend(one.name for one in there if one not in shown)
        yield iter(shown)

    monkeypatch.setattr(os, "scandir", scandir)
    assert found(at, f"--mail-root {mail_root}", code=0) == {"absent": 2}
    assert len(hidden) == 1


@pytest.mark.parametrize(("seconds", "absent"), [(0.5, 3), (-0.123, 2), (0, 2)])
def test_the_same_size_at_another_time_is_another_mail(
    at: Operator, mail_root: Path, seconds: float, absent: int
) -> None:
    """A time without parts of a second comes from a backup that keeps none."""
    [file] = (mail_root / "example.com/bob/Maildir/.Archive/cur").iterdir()
    received_at = datetime.fromisoformat(MOMENT).timestamp() + seconds
    os.utime(file, ns=(0, round(received_at * 1000) * 1_000_000))
    assert found(at, f"--mail-root {mail_root}", code=0) == {"absent": absent}


def test_a_folder_that_is_not_the_mail_root(at: Operator, mail_root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert at.fails(f"audit {NOW} --mail-root {tmp_path / 'empty'}").endswith(
        "has none of the 1 mailboxes that are on record: is it mounted, and is this the mail root?"
    )
    assert at.run(f"audit --mail-root {tmp_path / 'nothing'}", 2) == ""


def test_a_symlink_in_the_way_is_not_followed(at: Operator, mail_root: Path) -> None:
    (mail_root / "elsewhere").mkdir()
    (mail_root / "example.com/eve").symlink_to(mail_root / "example.com/bob")
    settled(at, "m9", EVE, path="example.com/eve/Maildir", file_name=copy_of("m9", EVE), size=4)
    settled(at, "m8", EVE, path="../outside", file_name=copy_of("m8", EVE), size=4)
    assert found(at, f"--mail-root {mail_root}", code=1) == {"absent": 2, "unreadable": 2}
    reasons = [one["reason"] for one in at.json(f"audit {NOW} --mail-root {mail_root} --list", 1)["messages"]]
    assert any("Not a directory" in one for one in reasons)
    assert any("holds '..'" in one for one in reasons)


def test_a_mailbox_that_is_not_there_has_no_copies(at: Operator, mail_root: Path) -> None:
    settled(at, "m9", EVE, path="example.com/eve/Maildir", file_name=copy_of("m9", EVE), size=4)
    assert found(at, f"--mail-root {mail_root}", code=0) == {"absent": 3}
