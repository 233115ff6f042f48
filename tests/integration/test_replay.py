"""replay: a message again, from its record and its raw mail; and the mistakes that can be made with it."""

import json
from typing import Any

import pytest

from tests.integration.command_line import Operator
from tests.integration.waiting_messages import FakeWorkflow, delivered, failed, parks_again, record

SES_HEADERS = (
    b"Return-Path: <sender@example.org>\r\nX-SES-Spam-Verdict: FAIL\r\nX-SES-Virus-Verdict: PASS\r\n"
    b"Authentication-Results: amazonses.com;\r\n spf=softfail (spfCheck: dkim=pass of x) client-ip=1.2.3.4;\r\n"
    b" dmarc=fail header.from=example.org;\r\n"
)
FORGED = b"X-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: FAIL\r\nAuthentication-Results: amazonses.com; spf=pass\r\n"


def store(at: Operator, message_id: str, headers: bytes = SES_HEADERS + FORGED) -> None:
    at.s3.put_object(Bucket="mail", Key=f"mail/{message_id}", Body=headers + b"\r\nbody\r\n")


def delivers_the_rest(at: Operator) -> Any:
    """A workflow that writes what is missing."""

    def end(event: Any) -> dict[str, Any]:
        for item in at.dynamodb.Table("deliveries").scan()["Items"]:
            if item["message_id"] == event["mail"]["messageId"] and item["status"] == "FAILED":
                record(at, item["message_id"], item["mailbox"], "DELIVERED", path="p", folder="Ünï", file_name="f")
        return delivered()

    return end


def test_only_what_is_missing_is_new(at: Operator) -> None:
    store(at, "m1")
    record(at, "m1", "(bounce)", "BOUNCED", bucket="", key="")
    record(at, "m1", "bob@example.com", "DELIVERED", path="example.com/bob/Maildir", folder="INBOX", file_name="f")
    record(at, "m1", "eve@example.com", "FAILED", error="StorageUnavailable")
    record(at, "m1", "gone@example.com", "REJECTED", code="5.1.1", reason="there is no such address")
    workflow = FakeWorkflow(at, delivers_the_rest(at))
    rows = at.json("replay m1")
    assert [(row["mailbox"], row["outcome"], row["file"]) for row in rows] == [
        ("bob@example.com", "DELIVERED before, left as it is", "example.com/bob/Maildir/new/f"),
        ("eve@example.com", "DELIVERED", "p/.&ANw-n&AO8-/new/f"),
        ("gone@example.com", "REJECTED", None),
    ]
    [event] = workflow.events
    assert event["receipt"]["recipients"] == ["bob@example.com", "eve@example.com", "gone@example.com"]
    assert event["mail"]["messageId"] == "m1"
    assert event["receipt"]["action"] == {"type": "S3", "bucketName": "mail", "objectKey": "mail/m1"}


def test_the_verdicts_of_ses_are_kept(at: Operator) -> None:
    """A replay carries nothing past a policy that the first execution did not; a sender's own headers do not count."""
    store(at, "m1")
    record(
        at, "m1", "bob@example.com", "REJECTED", code="5.7.1", reason="refused: dmarc=FAIL (p=reject); policy=reject"
    )
    workflow = FakeWorkflow(at, delivered)
    at.run("replay m1")
    receipt = workflow.events[0]["receipt"]
    assert {name: receipt.get(f"{name}Verdict", {}).get("status") for name in ("spam", "virus", "spf", "dmarc")} == {
        "spam": "FAIL",
        "virus": "PASS",
        "spf": "GRAY",
        "dmarc": "FAIL",
    }
    assert "dkimVerdict" not in receipt
    assert receipt["dmarcPolicy"] == "reject"


def test_for_one_recipient(at: Operator) -> None:
    store(at, "m1")
    record(at, "m1", "bob@example.com", "DELIVERED")
    workflow = FakeWorkflow(at, delivered)
    at.run("replay m1 --recipient new@example.com --recipient new@example.com")
    assert workflow.events[0]["receipt"]["recipients"] == ["new@example.com"]


def test_without_a_record_the_recipients_must_be_given(at: Operator) -> None:
    at.parameters["MailKeyPrefix"] = "mail/"
    store(at, "m1")
    workflow = FakeWorkflow(at, delivered)
    [row] = json.loads(at.run("replay m1 --json", 1))
    assert row["reason"].startswith("nothing is on record of m1, but its raw mail was stored at ")
    assert row["reason"].endswith("else give --recipient.")
    at.run("replay m1 --recipient bob@example.com")
    [event] = workflow.events
    assert event["receipt"]["recipients"] == ["bob@example.com"]
    assert event["receipt"]["spamVerdict"] == {"status": "FAIL"}
    [row] = json.loads(at.run("replay m2 --recipient bob@example.com --json", 1))
    assert "the raw mail s3://mail/mail/m2 is gone" in row["reason"]


def test_each_mistake_is_told_and_the_others_are_replayed(at: Operator) -> None:
    at.parameters["MailRetentionDays"] = "30"
    store(at, "good")
    for message_id in ("good", "gone"):
        record(at, message_id, "bob@example.com", "DELIVERED", path="p", folder="INBOX", file_name="f")
    at.dynamodb.Table("deliveries").put_item(
        Item={"message_id": "half", "mailbox": "bob@example.com", "status": "FAILED"}
    )
    workflow = FakeWorkflow(at, delivered)
    rows = json.loads(at.run("replay unknown gone half good good --json", 1))
    assert [(row["message_id"], row["reason"]) for row in rows] == [
        ("unknown", "nothing is on record of unknown, and there is no raw mail of it."),
        ("gone", "the raw mail s3://mail/mail/gone is gone: the bucket keeps mail for 30 days (MailRetentionDays)."),
        ("half", "the record of half has no bucket, key, received_at."),
        ("good", ""),
    ]
    assert len(workflow.events) == 1


def test_a_run_that_fails_or_parks(at: Operator) -> None:
    store(at, "m1")
    record(at, "m1", "bob@example.com", "FAILED", error="StorageUnavailable")
    FakeWorkflow(at, failed)
    rows = json.loads(at.run("replay m1 --json", 1))
    assert [row["outcome"] for row in rows] == ["FAILED", "FAILED"]
    assert rows[0]["reason"] == "StorageUnavailable"
    assert rows[1]["reason"].startswith("FAILED DeliveryIncomplete")
    FakeWorkflow(at, parks_again(at))
    rows = json.loads(at.run("replay m1 --json", 1))
    assert (rows[1]["outcome"], rows[1]["reason"]) == ("PARKED", "MessageMissing: still gone")


def test_dry_run(at: Operator) -> None:
    store(at, "m1")
    record(at, "m1", "bob@example.com", "DELIVERED")
    workflow = FakeWorkflow(at, delivered)
    [row] = at.json("replay m1 --dry-run")
    assert (row["outcome"], row["reason"]) == ("would be replayed", "for bob@example.com")
    assert workflow.events == []


def test_ctrl_c_shows_what_was_done(at: Operator) -> None:
    for message_id in ("m1", "m2"):
        store(at, message_id)
        record(at, message_id, "bob@example.com", "DELIVERED", path="p", folder="INBOX", file_name="f")

    def end(_event: Any) -> dict[str, Any]:
        if len(workflow.events) == 2:
            raise KeyboardInterrupt
        return delivered()

    workflow = FakeWorkflow(at, end)
    [row] = json.loads(at.run("replay m1 m2 --json", 130))
    assert row["message_id"] == "m1"
    assert "an execution that has begun goes on by itself" in at.stderr


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("replay", "give MESSAGE-IDs, --held or --rejected."),
        ("trace --limit 0", "Invalid value for '--limit'"),
        ("trace --since yesterday", "Invalid value for '--since'"),
    ],
)
def test_wrong_options(at: Operator, command: str, reason: str) -> None:
    assert reason in at.misused(command)
