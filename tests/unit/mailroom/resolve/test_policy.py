"""Verdict policies: what counts as a finding, who decides, which action wins."""

from typing import Any

import pytest
from mailroom.resolve.mailboxes import Rules
from mailroom.resolve.policy import ACTIONS, DEFAULT_POLICY, findings, judge, setting, wrong_policy

from tests.fakes.dynamodb import alias, domain, mailbox
from tests.unit.mailroom.resolve.resolving import resolve


def verdicts(dmarc_policy: str | None = None, **status: str | None) -> dict[str, Any]:
    return {"id": "m1", "verdicts": status, "dmarc_policy": dmarc_policy}


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ({}, []),
        ({"verdicts": None}, []),
        (verdicts(spam=None, virus=None, dmarc=None), []),
        (verdicts(spam="PASS", virus="PASS", spf="FAIL", dkim="FAIL", dmarc="PASS"), []),
        (verdicts(spam="FAIL"), ["spam_fail"]),
        (verdicts(spam="GRAY"), ["spam_gray"]),
        (verdicts(virus="FAIL"), ["virus_fail"]),
        (verdicts(virus="GRAY"), []),
        (verdicts("quarantine", dmarc="FAIL"), ["dmarc_quarantine"]),
        (verdicts("reject", dmarc="FAIL"), ["dmarc_reject"]),
        (verdicts("none", dmarc="FAIL"), []),
        (verdicts(None, dmarc="FAIL"), []),
        (verdicts("reject", dmarc="PASS"), []),
        (verdicts("reject", dmarc="GRAY"), []),
        (verdicts(spam="DISABLED", virus="DISABLED"), ["disabled", "disabled"]),
        (verdicts(spam="PROCESSING_FAILED"), ["processing_failed"]),
        (verdicts(dmarc="PROCESSING_FAILED"), ["processing_failed"]),
        (verdicts(spf="PROCESSING_FAILED", dkim="DISABLED"), []),
        (verdicts("reject", spam="FAIL", virus="FAIL", dmarc="FAIL"), ["virus_fail", "spam_fail", "dmarc_reject"]),
        (verdicts(spam="SOMETHING_NEW"), []),
    ],
)
def test_findings(message: dict[str, Any], found: list[str]) -> None:
    assert [one.policy for one in findings(message)] == found


def judged(message: dict[str, Any], *policies: dict[str, str]) -> tuple[str, str, str]:
    judgement = judge(findings(message), *policies)
    return judgement.action, judgement.folder, judgement.verdict


def test_built_in_policy() -> None:
    assert judged(verdicts(spam="FAIL")) == ("junk", "Junk", "spam=FAIL; policy=junk")
    assert judged(verdicts(virus="FAIL")) == ("quarantine", "INBOX", "virus=FAIL; policy=quarantine")
    assert judged(verdicts(spam="GRAY", virus="DISABLED")) == ("inbox", "INBOX", "")
    assert judged(verdicts("reject", dmarc="FAIL")) == ("junk", "Junk", "dmarc=FAIL (p=reject); policy=junk")


def test_the_strictest_wins_and_all_that_counted_is_said() -> None:
    message = verdicts(spam="FAIL", virus="FAIL", dmarc="PROCESSING_FAILED")
    assert judged(message) == ("quarantine", "INBOX", "virus=FAIL, spam=FAIL; policy=quarantine")
    assert judged(message, {"processing_failed": "reject", "spam_fail": "inbox"}) == (
        "reject",
        "INBOX",
        "virus=FAIL, dmarc=PROCESSING_FAILED; policy=reject",
    )


def test_a_judgement_has_what_its_verdict_names() -> None:
    message = verdicts("reject", spam="FAIL", virus="FAIL", dmarc="FAIL")
    judgement = judge(findings(message), {"spam_fail": "inbox"})
    assert [one.terms for one in judgement.findings] == [("virus=FAIL",), ("dmarc=FAIL", "dmarc-policy=reject")]
    assert judge(findings(message), dict.fromkeys(DEFAULT_POLICY, "inbox")).findings == ()


def test_the_nearer_policy_goes_first_setting_by_setting() -> None:
    own, of_domain, of_stack = (
        {"spam_fail": "inbox"},
        {"spam_fail": "reject", "junk_folder": "Spam"},
        {"spam_gray": "junk"},
    )
    assert judged(verdicts(spam="FAIL"), own, of_domain, of_stack)[0] == "inbox"
    assert judged(verdicts(spam="FAIL"), {}, of_domain, of_stack)[0] == "reject"
    assert judged(verdicts(spam="GRAY"), own, of_domain, of_stack) == ("junk", "Spam", "spam=GRAY; policy=junk")
    assert judged(verdicts(virus="FAIL"), own, of_domain, of_stack)[0] == "quarantine"


def test_a_wrong_setting_counts_as_not_set() -> None:
    assert judged(verdicts(spam="FAIL"), {"spam_fail": "delete"}, {"spam_fail": "reject"})[0] == "reject"
    assert setting("junk_folder", {"junk_folder": "../x"}) == "Junk"


@pytest.mark.parametrize("name", [name for name in DEFAULT_POLICY if name != "junk_folder"])
@pytest.mark.parametrize("action", ACTIONS)
def test_every_finding_can_have_every_action(name: str, action: str) -> None:
    assert wrong_policy(name, action) is None
    assert setting(name, {name: action}) == action


@pytest.mark.parametrize(
    ("name", "value"),
    [("spam_fail", "delete"), ("spam", "junk"), ("junk_folder", ""), ("junk_folder", "a.b"), ("junk_folder", "INBOX")],
)
def test_wrong_policy_is_explained(name: str, value: str) -> None:
    assert wrong_policy(name, value)


def test_findings_stand_beside_the_sentence() -> None:
    result = resolve(
        ENTRIES, "all@example.com", "max@example.com", message=verdicts("reject", spam="FAIL", dmarc="FAIL")
    )
    both = [{"S": "spam=FAIL"}, {"S": "dmarc=FAIL"}, {"S": "dmarc-policy=reject"}]
    assert {one["mailbox"]: one["findings"] for one in result["deliveries"]} == {
        "bob@example.com": both,
        "eve@example.com": both,
    }
    [rejection] = result["undelivered"]
    assert (rejection["recipient"], rejection["code"], rejection["findings"]) == ("max@example.com", "5.7.1", both)


def test_a_refusal_has_its_findings_however_long_its_reason_is() -> None:
    names = [f"{'n' * 60}{number}@{'d' * 60}.example.com" for number in range(9)]
    entries = [*(mailbox(name, policy={"spam_fail": "reject"}) for name in names), alias("all@example.com", *names)]
    [rejection] = resolve(entries, "all@example.com", message=verdicts(spam="FAIL"))["undelivered"]
    assert len(rejection["reason"].encode()) == 300
    assert rejection["findings"] == [{"S": "spam=FAIL"}]


ENTRIES = [
    mailbox("bob@example.com", subaddress_folders=True),
    mailbox("eve@example.com", policy={"spam_fail": "quarantine"}),
    mailbox("max@example.com", policy={"spam_fail": "reject"}),
    mailbox("ann@example.org"),
    {**alias("all@example.com", "bob@example.com", "eve@example.com", "max@example.com"), "type": "group"},
    alias("max-alias@example.com", "max@example.com"),
    domain("example.org", policy={"spam_fail": "inbox"}),
    domain("example.net", alias_of="example.org", policy={"spam_fail": "reject"}),
]


def actions(result: Any) -> dict[str, tuple[str, str, str]]:
    return {one["mailbox"]: (one["action"], one["folder"], one["verdict"]) for one in result["deliveries"]}


def test_each_mailbox_has_its_own_outcome() -> None:
    result = resolve(ENTRIES, "all@example.com", "ann@example.net", message=verdicts(spam="FAIL"))
    assert actions(result) == {
        "bob@example.com": ("deliver", "Junk", "spam=FAIL; policy=junk"),
        "eve@example.com": ("quarantine", "INBOX", "spam=FAIL; policy=quarantine"),
        # The mailbox's domain decides, not the name by which the message came.
        "ann@example.org": ("deliver", "INBOX", ""),
    }
    assert result["undelivered"] == []
    assert [(one["recipient"], one["code"]) for one in result["problems"]] == [("all@example.com", "5.7.1")]


def test_reject_rejects_every_recipient_that_leads_there_only() -> None:
    recipients = ("max@example.com", "max-alias@example.com", "max+x@example.com")
    result = resolve(ENTRIES, *recipients, message=verdicts(spam="FAIL"))
    assert result["deliveries"] == []
    assert [(one["recipient"], one["code"]) for one in result["undelivered"]] == [(one, "5.7.1") for one in recipients]
    assert "spam=FAIL; policy=reject" in result["undelivered"][0]["reason"]


def test_junk_goes_before_the_folder_of_the_tag() -> None:
    [delivery] = resolve(ENTRIES, "bob+lists@example.com", message=verdicts(spam="FAIL"))["deliveries"]
    assert (delivery["folder"], delivery["optional_folder"]) == ("Junk", False)


def test_policy_of_the_stack() -> None:
    rules = Rules(policy={"spam_fail": "quarantine", "junk_folder": "Spam", "spam_gray": "junk"})
    bob = "bob@example.com"
    assert actions(resolve(ENTRIES, bob, message=verdicts(spam="FAIL"), rules=rules))[bob][0] == "quarantine"
    assert actions(resolve(ENTRIES, bob, message=verdicts(spam="GRAY"), rules=rules))[bob][1] == "Spam"


def test_released_mailboxes_get_it_in_the_inbox_and_nobody_else_has_an_outcome() -> None:
    message = verdicts(spam="FAIL", virus="FAIL")
    recipients = ("bob+lists@example.com", "eve@example.com", "max@example.com", "all@example.com", "gone@example.com")
    result = resolve(ENTRIES, *recipients, message=message, released=["bob@example.com"])
    assert actions(result) == {"bob@example.com": ("deliver", "INBOX", "")}
    assert not result["deliveries"][0]["optional_folder"]
    assert result["deliveries"][0]["recipients"] == ["bob+lists@example.com", "all@example.com"]
    assert result["undelivered"] == []


def test_a_restored_mailbox_gets_it_with_its_verdict_whatever_the_policy_is() -> None:
    """The record's claim keeps the folder; nobody else has an outcome."""
    for verdict in ({"spam": "FAIL"}, {"virus": "FAIL"}):
        message = verdicts(**verdict)
        for address in ("bob@example.com", "max@example.com"):
            result = resolve(ENTRIES, "all@example.com", address, message=message, released=[address], restored=True)
            [delivery] = result["deliveries"]
            assert (delivery["mailbox"], delivery["action"]) == (address, "deliver")
            [(check, status)] = verdict.items()
            assert delivery["verdict"].startswith(f"{check}={status}; policy=")
            assert delivery["findings"] == [{"S": f"{check}={status}"}]
            assert result["undelivered"] == []


def test_a_released_mailbox_that_is_disabled_meanwhile_stays_in_quarantine() -> None:
    entries = [mailbox("bob@example.com", enabled=False)]
    result = resolve(entries, "bob@example.com", "!", message=verdicts(virus="FAIL"), released=["bob@example.com"])
    assert result["deliveries"] == result["undelivered"] == []
    assert [one["code"] for one in result["problems"]] == ["5.1.3", "5.2.1"]
