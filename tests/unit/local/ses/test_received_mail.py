"""What SES puts in front of a message and notifies of it, for any message."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailroomctl.local.ses.findings import parse_findings
from mailroomctl.local.ses.received_mail import HEADERS_LIMIT, added_headers, notification

NOW = datetime(2026, 11, 24, 2, 47, 0, 123456, tzinfo=UTC)
ACTION = {"type": "S3", "topicArn": "arn", "bucketName": "b", "objectKeyPrefix": "mail/", "objectKey": "mail/id"}


def told(content: bytes, recipients: tuple[str, ...] = ("bob@example.com",), **found: str) -> dict[str, object]:
    return notification("id", "erika@example.org", list(recipients), content, found, NOW, ACTION)


def test_the_headers_in_the_order_of_ses() -> None:
    lines = added_headers(
        "id", "erika@example.org", ["bob@example.com", "c@example.com"], ("h", "192.0.2.1"), {"spam": "GRAY"}, NOW
    )
    names = re.findall(rb"^([A-Za-z-]+):", lines, re.MULTILINE)
    assert names == [
        b"Return-Path",
        b"Received",
        b"X-SES-Spam-Verdict",
        b"X-SES-Virus-Verdict",
        b"Received-SPF",
        b"Authentication-Results",
        b"X-SES-RECEIPT",
        b"X-SES-DKIM-SIGNATURE",
    ]
    assert lines.startswith(b"Return-Path: <erika@example.org>\r\nReceived: from h (h [192.0.2.1])\r\n")
    assert b"\r\n for bob@example.com;\r\n Tue, 24 Nov 2026 02:47:00 +0000 (UTC)\r\n" in lines
    assert b"\r\nX-SES-Spam-Verdict: GRAY\r\nX-SES-Virus-Verdict: PASS\r\n" in lines
    assert lines.endswith(b"\r\n")
    assert b"\n" not in lines.replace(b"\r\n", b"")


def test_a_bounce_has_an_empty_return_path() -> None:
    lines = added_headers("id", "", ["bob@example.com"], ("h", "192.0.2.1"), {}, NOW)
    assert lines.startswith(b"Return-Path: <>\r\n")


def test_the_receipt() -> None:
    receipt = told(b"", ("a@example.com", "b@example.com"), spam="FAIL")["receipt"]
    assert receipt == {
        "timestamp": "2026-11-24T02:47:00.123Z",
        "processingTimeMillis": 500,
        "recipients": ["a@example.com", "b@example.com"],
        "spamVerdict": {"status": "FAIL"},
        "virusVerdict": {"status": "PASS"},
        "spfVerdict": {"status": "PASS"},
        "dkimVerdict": {"status": "PASS"},
        "dmarcVerdict": {"status": "PASS"},
        "action": ACTION,
    }


def test_the_dmarc_policy_comes_with_a_failure_only() -> None:
    found = {"dmarc": "FAIL", "dmarc-policy": "reject"}
    assert notification("id", "", [], b"", found, NOW, ACTION)["receipt"]["dmarcPolicy"] == "reject"
    found = {"dmarc": "PASS", "dmarc-policy": "reject"}
    assert "dmarcPolicy" not in notification("id", "", [], b"", found, NOW, ACTION)["receipt"]


def test_headers_are_truncated_as_ses_does() -> None:
    mail = notification("id", "", [], b"X: " + b"y" * 4000 + b"\r\nZ: z\r\n", {}, NOW, ACTION)["mail"]
    assert not mail["headersTruncated"]
    assert [header["name"] for header in mail["headers"]] == ["X", "Z"]
    many = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 90) for number in range(500))
    mail = notification("id", "", [], many + b"\r\nbody", {}, NOW, ACTION)["mail"]
    assert mail["headersTruncated"]
    assert sum(len(header["name"] + header["value"]) for header in mail["headers"]) <= HEADERS_LIMIT


@given(st.binary(max_size=2000))
@example(b"Subject: =?utf-8?q?=FF?=\r\n\r\n")
@example(b"Subject: =?nonsense?q?x?=\r\n\r\n")
@example(b"From: =?utf-8?b?!!?= <\xff@\x00>\r\nTo: a,b,,<\r\n\r\n")
@example(b"\r\n\r\nSubject: in the body\r\n")
def test_any_mail_can_be_notified_of(content: bytes) -> None:
    text = json.dumps(told(content))
    assert len(text.encode()) < 256 * 1024
    assert json.loads(text)["mail"]["messageId"] == "id"


@pytest.mark.parametrize(
    "wrong", ["spam=maybe", "taste=PASS", "dmarc-policy=FAIL", "notifications=0", "notifications=99", "spam", "=FAIL"]
)
def test_findings_that_ses_does_not_have(wrong: str) -> None:
    with pytest.raises(ValueError, match=f"^{wrong}: write spam"):
        parse_findings(f"virus=PASS {wrong}")


def test_findings_in_any_case() -> None:
    assert parse_findings("SPAM=fail dmarc-policy=REJECT notifications=3") == {
        "spam": "FAIL",
        "dmarc-policy": "reject",
        "notifications": "3",
    }
