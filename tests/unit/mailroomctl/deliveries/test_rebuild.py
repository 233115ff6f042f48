"""A notification rebuilt from records says the same as the one that made them."""

from typing import Any

import pytest
from mailroom import notification
from mailroom.notification import Notification
from mailroom.resolve.policy import findings

from mailroomctl.deliveries.rebuild import notification_from_records
from mailroomctl.errors import CommandError

RECORD = {
    "message_id": "0123456789abcdef0123456789abcdef01234567",
    "mailbox": "bob@example.com",
    "status": "QUARANTINED",
    "bucket": "mail",
    "key": "mail/0123456789",
    "quarantine_key": "quarantine/0123456789",
    "source": "sender@example.org",
    "received_at": "2026-11-24T02:47:00.123Z",
    "recipients": ["bob@example.com", "info@example.com"],
    "rfc_message_id": "<1@example.org>",
    "verdict": "virus=FAIL, dmarc=FAIL (p=reject); policy=quarantine",
    "findings": ["virus=FAIL", "dmarc=FAIL", "dmarc-policy=reject"],
}


def state(event: Any) -> dict[str, Any]:
    parsed = notification.parse(event)
    assert isinstance(parsed, Notification)
    return parsed.to_state(now=0, lease_seconds=1, retention_days=1, concurrency=1, bounces=False)


def test_nobody_is_told_of_a_replay_that_sends_no_bounce() -> None:
    record = {**RECORD, "status": "HELD"}
    rebuilt = notification_from_records([record], bounce=False)
    rebuilt["mail"] |= {"headers": []}
    rebuilt["receipt"] |= {"spfVerdict": {"status": "PASS"}, "dmarcVerdict": {"status": "PASS"}}
    parsed = notification.parse(rebuilt)
    assert isinstance(parsed, Notification)
    assert parsed.unbounceable == "An operator replays it."
    assert "mailroom" not in notification_from_records([record])


def test_the_functions_read_what_is_on_record() -> None:
    other = {
        **RECORD,
        "mailbox": "eve@example.com",
        "recipients": ["all@example.com"],
        "verdict": "spam=GRAY; policy=junk",
        "findings": ["spam=GRAY"],
    }
    rebuilt = state(notification_from_records([RECORD, other]))
    assert rebuilt["message"] == {
        "id": RECORD["message_id"],
        "bucket": "mail",
        "key": "mail/0123456789",
        "source": "sender@example.org",
        "received_at": "2026-11-24T02:47:00.123Z",
        "month": "2026-11#0",
        "verdicts": {"spam": "GRAY", "virus": "FAIL", "spf": None, "dkim": None, "dmarc": "FAIL"},
        "dmarc_policy": "reject",
        "rfc_message_id": "<1@example.org>",
    }
    assert rebuilt["recipients"] == ["all@example.com", "bob@example.com", "info@example.com"]
    assert rebuilt["released"] == []


@pytest.mark.parametrize("name", ["verdict", "reason"])
def test_a_record_without_a_list_is_read_by_its_sentence(name: str) -> None:
    bare = {key: value for key, value in RECORD.items() if key != "findings"}
    sentence = f"refused by the policy of bob@example.com: {RECORD['verdict']}"
    rebuilt = state(notification_from_records([{**bare, "verdict": "", name: sentence}]))
    assert rebuilt["message"]["verdicts"]["virus"] == "FAIL"
    assert rebuilt["message"]["verdicts"]["dmarc"] == "FAIL"
    assert rebuilt["message"]["dmarc_policy"] == "reject"


def test_the_list_is_right_whatever_the_sentence_says() -> None:
    rebuilt = state(notification_from_records([{**RECORD, "findings": ["spam=GRAY"]}]))
    assert {name: value for name, value in rebuilt["message"]["verdicts"].items() if value} == {"spam": "GRAY"}
    assert rebuilt["message"]["dmarc_policy"] is None
    none = state(notification_from_records([{**RECORD, "findings": []}]))
    assert set(none["message"]["verdicts"].values()) == {None}


@pytest.mark.parametrize(
    ("verdicts", "dmarc_policy"),
    [
        ({"spam": "FAIL", "virus": "FAIL", "dmarc": "FAIL"}, "reject"),
        ({"spam": "GRAY", "virus": "PROCESSING_FAILED"}, None),
        ({"spam": "DISABLED", "dmarc": "FAIL"}, "quarantine"),
    ],
)
def test_what_a_policy_acted_on_comes_back(verdicts: dict[str, str], dmarc_policy: str | None) -> None:
    found = findings({"verdicts": verdicts, "dmarc_policy": dmarc_policy})
    terms = [term for one in found for term in one.terms]
    rebuilt = state(notification_from_records([{**RECORD, "findings": terms}]))["message"]
    assert {name: value for name, value in rebuilt["verdicts"].items() if value} == verdicts
    assert rebuilt["dmarc_policy"] == dmarc_policy


def test_release_names_mailboxes_and_where_the_mail_is() -> None:
    event = notification_from_records([RECORD], ["bob@example.com"], key=RECORD["quarantine_key"])
    assert event["mailroom"] == {"release": ["bob@example.com"]}
    assert state(event)["released"] == ["bob@example.com"]
    assert state(event)["message"]["key"] == "quarantine/0123456789"


def test_a_bounce_has_no_source_and_a_record_may_have_no_verdict() -> None:
    bare = {
        name: value for name, value in RECORD.items() if name not in ("source", "verdict", "findings", "rfc_message_id")
    }
    rebuilt = state(notification_from_records([bare]))
    assert set(rebuilt["message"]["verdicts"].values()) == {None}
    assert not rebuilt["message"]["source"]
    assert not rebuilt["message"]["rfc_message_id"]


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([], "there is no record"),
        ([{**RECORD, "bucket": "", "key": None}], "has no bucket, key"),
        ([{**RECORD, "recipients": []}], "have no recipients"),
    ],
)
def test_records_that_do_not_say_enough(records: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        notification_from_records(records)
