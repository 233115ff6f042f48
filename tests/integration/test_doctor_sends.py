"""doctor --send-test: SES sends a message, and what becomes of it is told step by step."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailroomctl.doctor import send_test
from mailroomctl.times import iso
from tests.integration.aws_account import Account
from tests.integration.deployed_account import physical
from tests.integration.patients import Doctor, diagnosed

SENT = "0102018f-0000-000000"
RECEIVED = "received1"
TABLE = physical("DeliveriesTable")


class Journey:
    """The records of the message, look by look; ``others`` are in the table as well."""

    def __init__(self, at: Doctor) -> None:
        self.looks: list[list[dict[str, str]]] = []
        self.others = [_record("other", "eve@example.com", "DELIVERED", rfc_message_id="<1@example.net>")]
        self.sent: list[dict[str, Any]] = []
        self._now: list[dict[str, str]] = []
        self._directory = at.account.directory
        at.account.answers |= {
            "sesv2.SendEmail": self._send,
            "dynamodb.Scan": lambda _: {"Items": self._directory},
            "dynamodb.Query": self._query,
            "dynamodb.BatchGetItem": self._get,
            "s3.ListObjectsV2": {"Contents": [{"Key": f"mail/{RECEIVED}", "LastModified": datetime.now(UTC)}]},
        }

    def _send(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.sent.append(asked)
        return {"MessageId": SENT}

    def _query(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("IndexName") == "by_time":
            self._now = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
            return {"Items": [_item(one) for one in (*self._now, *self.others)]}
        values = asked["ExpressionAttributeValues"]
        return {"Items": [_item(one) for one in self._now if one["message_id"] == values[":message_id"]["S"]]}

    def _get(self, asked: dict[str, Any]) -> dict[str, Any]:
        wanted = [(key["message_id"]["S"], key["mailbox"]["S"]) for key in asked["RequestItems"][TABLE]["Keys"]]
        known = [one for one in (*self._now, *self.others) if (one["message_id"], one["mailbox"]) in wanted]
        return {"Responses": {TABLE: [_item(one) for one in known]}}


def _record(message_id: str, mailbox: str, status: str, **fields: str) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "message_id": message_id,
        "mailbox": mailbox,
        "status": status,
        "source": "someone@example.net",
        "received_at": iso(now),
        "delivered_at": iso(now + timedelta(seconds=2)),
        "path": "example.com/eve/Maildir",
        "file_name": "1.a.mailroom",
        **fields,
    }


def _item(record: dict[str, str]) -> dict[str, Any]:
    return {name: {"S": value} for name, value in record.items()}


def ours(status: str, mailbox: str = "eve@example.com", **fields: str) -> dict[str, str]:
    return _record(RECEIVED, mailbox, status, **{"source": f"{SENT}@eu-west-1.amazonses.com", **fields})


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doctor]:
    monkeypatch.setattr(send_test, "POLL", 0)
    yield from diagnosed(monkeypatch)


def said(at: Doctor, code: int, options: str = "") -> list[tuple[str, str]]:
    found = at.look(code, f"--send-test eve@example.com {options}")[28]
    return [(one["verdict"], one["seen"].partition(": ")[2] or one["seen"]) for one in found["findings"]]


def test_a_message_is_followed_into_the_mailbox(at: Doctor) -> None:
    journey = Journey(at)
    journey.looks = [[], [ours("CLAIMED")], [ours("FAILED")], [ours("DELIVERED")]]
    assert said(at, 0) == [
        ("pass", f"SES has taken it: {SENT}"),
        ("pass", f"SES has received it: {RECEIVED}"),
        ("pass", f"it is stored: s3://mailroom-MailBucket/mail/{RECEIVED}"),
        ("pass", "it is in the mailbox: example.com/eve/Maildir/new/1.a.mailroom"),
    ]
    [asked] = journey.sent
    assert (asked["FromEmailAddress"], asked["Destination"]["ToAddresses"]) == (
        "postmaster@example.com", ["eve@example.com"],
    )  # fmt: skip
    assert "waiting for the message" in at.stderr


def test_each_step_has_its_time(at: Doctor) -> None:
    Journey(at).looks = [[ours("DELIVERED", first_claimed_at=str(int(datetime.now(UTC).timestamp()) + 1))]]
    lines = [line for line in at.run("doctor --send-test eve@example.com").splitlines() if "test message" in line]
    assert [line.split("test message")[1].split(":")[0].strip()[-1] for line in lines] == ["s"] * 5


def test_a_message_with_another_envelope_sender_is_known_by_its_message_id(at: Doctor) -> None:
    known = {"source": "b@mail.example.com", "rfc_message_id": f"<{SENT}@eu-west-1.amazonses.com>"}
    Journey(at).looks = [[ours("DELIVERED", **known)]]
    assert said(at, 0)[1] == ("pass", f"SES has received it: {RECEIVED}")


def test_the_sender_is_who_is_named_or_the_domain_s_postmaster(at: Doctor) -> None:
    journey = Journey(at)
    journey.looks = [[ours("DELIVERED")]]
    said(at, 0, "--from me@example.org")
    at.account.parameters["BounceSender"] = ""
    said(at, 0)
    assert [one["FromEmailAddress"] for one in journey.sent] == ["me@example.org", "postmaster@example.com"]


@pytest.mark.parametrize("address", ["eve", "@example.com", "eve@", "eve@exam_ple.com", "*@example.com"])
def test_what_is_no_address_is_refused_before_anything_is_looked_at(at: Doctor, address: str) -> None:
    journey = Journey(at)
    assert address in at.fails(f"doctor --send-test {address}")
    assert not journey.sent


def test_ses_gets_domains_as_dns_has_them(at: Doctor) -> None:
    journey = Journey(at)
    journey.looks = [[ours("DELIVERED")]]
    at.account.parameters["BounceSender"] = ""
    at.look(0, "--send-test anna@bücher.example")
    assert journey.sent[0]["Destination"]["ToAddresses"] == ["anna@xn--bcher-kva.example"]
    assert journey.sent[0]["FromEmailAddress"] == "postmaster@xn--bcher-kva.example"


def test_every_copy_is_waited_for(at: Doctor) -> None:
    both = [ours("DELIVERED"), ours("DELIVERED", "max@example.com", path="example.com/max/Maildir")]
    Journey(at).looks = [both[:1], both, both, [*both, ours("BOUNCED", "(bounce)")]]
    assert [text for _, text in said(at, 0)][-2:] == [
        "it is in the mailbox: example.com/eve/Maildir/new/1.a.mailroom",
        "it is in the mailbox: example.com/max/Maildir/new/1.a.mailroom",
    ]


@pytest.mark.parametrize(
    ("status", "verdict", "code"),
    [("QUARANTINED", "warning", 0), ("REJECTED", "failure", 1), ("HELD", "failure", 1), ("FAILED", "failure", 1)],
)
def test_what_does_not_arrive_says_why(at: Doctor, status: str, verdict: str, code: int) -> None:
    Journey(at).looks = [[ours(status, reason="because", failed_at=iso(datetime.now(UTC)))]]
    found = at.look(code, "--send-test eve@example.com --wait 0")[28]["findings"][-1]
    assert (found["verdict"], "because" in found["seen"], status in found["seen"]) == (verdict, True, True)
    assert f"mailroomctl trace {RECEIVED}" in found["fix"]


def test_a_message_that_does_not_come_is_a_failure(at: Doctor) -> None:
    Journey(at).looks = [[]]
    assert said(at, 1, "--wait 0")[-1] == ("failure", "nothing is on record of it after 0 s")


def test_ses_may_refuse_to_send(at: Doctor) -> None:
    Journey(at)
    at.account.answers["sesv2.SendEmail"] = Account.refuse("MessageRejected")
    assert said(at, 1) == [("failure", "MessageRejected it is")]
    at.account.denied = {"sesv2.SendEmail": "AccessDeniedException"}
    assert said(at, 0) == [("warning", "the permission ses:SendEmail is missing")]
