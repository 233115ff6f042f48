"""quarantine list, show, release and delete, on the records and objects that the workflow leaves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailroomctl.deliveries import execution
from mailroomctl.deliveries.execution import Execution
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack
from tests.integration.command_line import Operator

MAIL = (
    b"From: =?utf-8?q?Sp=C3=A4m?= <sender@example.org>\r\nSubject: buy\x1b[31m now\r\n"
    b"X-Other: not shown\r\n\r\nthe body, which is not shown"
)


def hold(at: Operator, message_id: str, *mailboxes: str, **fields: Any) -> None:
    """Leave what the workflow leaves of a quarantined message."""
    at.s3.put_object(Bucket="mail", Key=f"mail/{message_id}", Body=MAIL)
    at.s3.put_object(Bucket="mail", Key=f"quarantine/{message_id}", Body=MAIL)
    for mailbox in mailboxes:
        record = {
            "message_id": message_id,
            "mailbox": mailbox,
            "status": "QUARANTINED",
            "bucket": "mail",
            "key": f"mail/{message_id}",
            "quarantine_key": f"quarantine/{message_id}",
            "source": "sender@example.org",
            "received_at": "2026-11-24T02:47:00.123Z",
            "recipients": {mailbox, "all@example.com"},
            "verdict": "virus=FAIL; policy=quarantine",
        }
        at.dynamodb.Table("deliveries").put_item(Item=record | fields)


def statuses(at: Operator) -> dict[str, str]:
    return {item["mailbox"]: item["status"] for item in at.dynamodb.Table("deliveries").scan()["Items"]}


def keys(at: Operator) -> list[str]:
    return [one["Key"] for one in at.s3.list_objects_v2(Bucket="mail").get("Contents", [])]


@pytest.fixture
def stand_in(at: Operator, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Stand in for the workflow: give each released mailbox a status; returns the notifications it was given."""

    def play(status: str = "DELIVERED", end: str = execution.DELIVERED, **fields: str) -> list[dict[str, Any]]:
        given: list[dict[str, Any]] = []

        def run(_stack: Stack, notification: dict[str, Any]) -> Execution:
            given.append(notification)
            table = at.dynamodb.Table("deliveries")
            for mailbox in notification["mailroom"]["release"]:
                key = {"message_id": notification["mail"]["messageId"], "mailbox": mailbox}
                item = table.get_item(Key=key)["Item"]
                assert item["status"] == "RELEASED", "the workflow's claim refuses QUARANTINED records"
                if status:
                    table.put_item(Item={**item, "status": status, **fields})
            if end == "cannot start":
                raise CommandError("cannot start")
            return Execution(end, "DeliveryIncomplete")

        monkeypatch.setattr(execution, "run", run)
        return given

    return play


def test_list_and_show(at: Operator, tmp_path: Path) -> None:
    assert at.run("quarantine list") == "the quarantine is empty\n"
    hold(at, "m1", "bob@example.com", "eve@example.com")
    hold(at, "m2", "bob@example.com", status="DELIVERED")
    hold(at, "m0", "max@example.com", received_at="2026-11-24T01:00:00.000Z")
    rows = at.json("quarantine list")
    assert [(row["message_id"], row["mailbox"]) for row in rows] == [
        ("m1", "bob@example.com"),
        ("m1", "eve@example.com"),
        ("m0", "max@example.com"),
    ]
    assert rows[0]["recipients"] == ["all@example.com", "bob@example.com"]
    assert "virus=FAIL; policy=quarantine" in at.run("quarantine list")

    shown = at.run("quarantine show m1")
    assert "From" in shown
    assert "Späm <sender@example.org>" in shown
    assert "\x1b" not in shown
    assert "not shown" not in shown
    assert at.json("quarantine show m1")["headers"]["Subject"].startswith("buy")

    file = tmp_path / "mail.eml"
    at.run(f"quarantine show m1 --save {file}")
    assert file.read_bytes() == MAIL
    assert file.stat().st_mode & 0o777 == 0o600
    assert "File exists" in at.run(f"quarantine show m1 --save {file}", code=1) + at.stderr


def test_what_the_index_knows_and_what_it_does_not(at: Operator) -> None:
    """Version 0.1 wrote no month; what has expired is on record, and not in the bucket any more."""
    known = {"month": "2026-11#0", "attention": "2026-11#0"}
    for number in range(3):
        hold(at, f"m{number}", "bob@example.com", received_at=f"2026-11-2{number}T02:47:00.123Z", **known)
    hold(at, "m3", "bob@example.com", received_at="2026-11-23T02:47:00.123Z")
    hold(at, "m4", "bob@example.com", received_at="2026-11-24T02:47:00.123Z", **known)
    at.s3.delete_object(Bucket="mail", Key="quarantine/m4")
    assert [row["message_id"] for row in at.json("quarantine list")] == ["m3", "m2", "m1", "m0"]
    assert [row["message_id"] for row in at.json("quarantine list --limit 2")] == ["m3", "m2"]
    assert "there are more than these: --until 2026-11-21T02:47:00.123Z goes on" in at.stderr
    rows = at.json("quarantine list --limit 2 --until 2026-11-21T02:47:00.123Z")
    assert [row["message_id"] for row in rows] == ["m1", "m0"]
    assert [row["message_id"] for row in at.json("quarantine release --all --dry-run")] == ["m0", "m1", "m2", "m3"]
    assert at.run("quarantine list --since 2026-11-24") == "nothing in quarantine was received then\n"
    assert "--since is later than --until" in at.fails("quarantine list --since 2030-01-01")


def test_release_delivers_and_takes_the_copy_away(at: Operator, stand_in: Any) -> None:
    given = stand_in()
    hold(at, "m1", "bob@example.com", "eve@example.com")
    hold(at, "m2", "bob@example.com")
    said = at.run("quarantine release m1")
    assert said == "released m1 to bob@example.com, eve@example.com\n"
    [notification] = given
    assert notification["mailroom"]["release"] == ["bob@example.com", "eve@example.com"]
    assert notification["receipt"]["action"]["objectKey"] == "mail/m1"
    assert notification["receipt"]["recipients"] == ["all@example.com", "bob@example.com", "eve@example.com"]
    assert keys(at) == ["mail/m1", "mail/m2", "quarantine/m2"]
    assert [row["message_id"] for row in at.json("quarantine list")] == ["m2"]
    assert "m1 is not in quarantine" in at.fails("quarantine release m1")


def test_release_for_one_mailbox_keeps_the_copy_for_the_others(at: Operator, stand_in: Any) -> None:
    given = stand_in()
    hold(at, "m1", "bob@example.com", "eve@example.com")
    assert at.fails("quarantine release m1 --mailbox max@example.com") == (
        "m1 is not in quarantine for max@example.com."
    )
    at.run("quarantine release m1 --mailbox Eve@example.com")
    assert given[0]["mailroom"]["release"] == ["eve@example.com"]
    assert statuses(at) == {"bob@example.com": "QUARANTINED", "eve@example.com": "DELIVERED"}
    assert "quarantine/m1" in keys(at)


def test_release_uses_the_copy_when_the_original_has_expired(at: Operator, stand_in: Any) -> None:
    given = stand_in()
    hold(at, "m1", "bob@example.com")
    at.s3.delete_object(Bucket="mail", Key="mail/m1")
    at.run("quarantine release m1")
    assert given[0]["receipt"]["action"]["objectKey"] == "quarantine/m1"


def test_release_without_any_mail_left(at: Operator, stand_in: Any) -> None:
    given = stand_in()
    hold(at, "m1", "bob@example.com")
    for key in ("mail/m1", "quarantine/m1"):
        at.s3.delete_object(Bucket="mail", Key=key)
    assert "the raw mail of m1 is gone: neither mail/m1 nor quarantine/m1 is in the bucket" in at.fails(
        "quarantine release m1"
    )
    assert statuses(at) == {"bob@example.com": "QUARANTINED"}
    assert given == []


@pytest.mark.parametrize("status", ["FAILED", "HELD"])
def test_release_that_fails_can_be_repeated(at: Operator, stand_in: Any, status: str) -> None:
    hold(at, "m1", "bob@example.com")
    stand_in(status, execution.FAILED, reason="StorageUnavailable")
    why = at.fails("quarantine release m1")
    assert f"bob@example.com is {status} StorageUnavailable; the workflow ended Failed: DeliveryIncomplete" in why
    assert [row["status"] for row in at.json("quarantine list")] == [status]
    assert "quarantine/m1" in keys(at)
    stand_in()
    at.run("quarantine release m1")
    assert statuses(at) == {"bob@example.com": "DELIVERED"}


@pytest.mark.parametrize(("end", "why"), [(execution.DELIVERED, "is QUARANTINED"), ("cannot start", "cannot start")])
def test_release_that_comes_to_nothing_leaves_it_in_quarantine(at: Operator, stand_in: Any, end: str, why: str) -> None:
    hold(at, "m1", "bob@example.com")
    stand_in("", end)
    assert why in at.fails("quarantine release m1")
    assert statuses(at) == {"bob@example.com": "QUARANTINED"}


def test_delete(at: Operator) -> None:
    hold(at, "m1", "bob@example.com", "eve@example.com")
    said = at.run("quarantine delete m1 --mailbox bob@example.com --yes")
    assert said == "deleted m1 from the quarantine of bob@example.com\n"
    assert "quarantine/m1" in keys(at)
    at.run("quarantine delete m1 --yes")
    assert statuses(at) == {"bob@example.com": "REJECTED", "eve@example.com": "REJECTED"}
    assert keys(at) == ["mail/m1"]
    assert "m1 is not in quarantine" in at.fails("quarantine show m1")


def test_delete_asks_first(at: Operator) -> None:
    hold(at, "m1", "bob@example.com")
    said = at.fails("quarantine delete m1")
    assert said == "Delete m1 from quarantine for good: add --yes to do that without being asked."
    assert at.json("quarantine delete --all --dry-run")[0]["result"] == "would be deleted"
    assert "quarantine/m1" in keys(at)


def test_many_at_once(at: Operator, stand_in: Any) -> None:
    stand_in()
    hold(at, "m1", "bob@example.com", source="ann@shop.example")
    hold(at, "m2", "bob@example.com", "eve@example.com", source="joe@shop.example")
    hold(at, "m3", "bob@example.com", source="joe@other.example", received_at="2026-11-24T01:00:00.000Z")
    planned = at.json("quarantine release --from shop.example --mailbox bob@example.com --dry-run")
    assert [(row["message_id"], row["mailbox"]) for row in planned] == [
        ("m1", "bob@example.com"),
        ("m2", "bob@example.com"),
    ]
    assert "Release 2 messages from quarantine: add --yes" in at.fails("quarantine release --from shop.example")
    assert at.run("quarantine release --from @shop.example --yes").splitlines() == [
        "released m1 to bob@example.com",
        "released m2 to bob@example.com, eve@example.com",
    ]
    assert at.fails("quarantine release --since 2026-11-24T02:00Z").startswith("nothing in quarantine matches")
    assert at.run("quarantine delete --all --yes") == "deleted m3 from the quarantine of bob@example.com\n"
    assert [key for key in keys(at) if key.startswith("quarantine/")] == []


def test_one_that_fails_does_not_stop_the_others(at: Operator, stand_in: Any) -> None:
    stand_in()
    hold(at, "m1", "bob@example.com")
    hold(at, "m2", "bob@example.com")
    for key in ("mail/m1", "quarantine/m1"):
        at.s3.delete_object(Bucket="mail", Key=key)
    assert at.run("quarantine release m1 m2", 1) == "released m2 to bob@example.com\n"
    assert at.stderr.startswith("mailroomctl: m1: the raw mail of m1 is gone")


@pytest.mark.parametrize("options", ["", "--all --from shop.example", "m1 --all", "m1 --from shop.example"])
def test_what_to_release_must_be_said(at: Operator, options: str) -> None:
    assert at.fails(f"quarantine release {options}").split(":")[0] in (
        "say which messages",
        "give either MESSAGE-IDs, or filters, or --all.",
    )


def test_the_beginning_of_an_id_is_enough(at: Operator, stand_in: Any) -> None:
    stand_in()
    for message_id in ("abcd1111", "abcd2222"):
        hold(at, message_id, "bob@example.com")
    assert at.json("quarantine show abcd1")["message_id"] == "abcd1111"
    assert "abcd is the beginning of 2 ids: abcd1111, abcd2222" in at.fails("quarantine show abcd")
    assert at.run("quarantine release abcd2") == "released abcd2222 to bob@example.com\n"


def test_a_renamed_mailbox_is_chosen_by_its_address_of_now(at: Operator, stand_in: Any) -> None:
    given = stand_in()
    at.put({"address": "robert@example.com", "type": "mailbox", "path": "bob", "records_under": "bob@example.com"})
    hold(at, "m1", "bob@example.com", "eve@example.com")
    at.run("quarantine release m1 --mailbox robert@example.com")
    hold(at, "m2", "bob@example.com")
    at.run("quarantine release --mailbox robert@example.com --yes")
    assert [one["mailroom"]["release"] for one in given] == [["bob@example.com"]] * 2
