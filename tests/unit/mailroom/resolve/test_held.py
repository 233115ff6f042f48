"""Whose fault it is: what the sender or a policy decides is rejected, what is wrong in the directory is held."""

from typing import Any

import pytest

from tests.fakes.dynamodb import alias, domain, group, mailbox
from tests.unit.mailroom.resolve.resolving import held, rejected, resolve, ways

SPAM = {"id": "m1", "verdicts": {"spam": "FAIL"}}

DIRECTORY: list[dict[str, Any]] = [
    domain("example.com"),
    mailbox("bob@example.com"),
    mailbox("off@example.com", enabled=False),
    mailbox("off2@example.com", enabled=False),
    mailbox("strict@example.com", policy={"spam_fail": "reject"}),
    mailbox("bad@example.com", path="../bad"),
    {"address": "odd@example.com", "type": "list"},
    alias("gone@example.com", "nobody@example.com"),
    alias("away@example.com", "bob@elsewhere.example"),
    alias("wrong@example.com", "no address"),
    alias("chain@example.com", "gone@example.com"),
    alias("to-off@example.com", "off@example.com"),
    alias("to-odd@example.com", "odd@example.com"),
    alias("to-bad@example.com", "bad@example.com"),
    alias("to-strict@example.com", "strict@example.com"),
    alias("a@example.com", "b@example.com"),
    alias("b@example.com", "a@example.com"),
    alias("into@example.com", "b@example.com"),
    group("all-off@example.com", "off@example.com", "off2@example.com"),
    group("off-and-gone@example.com", "off@example.com", "nobody@example.com"),
    group("off-and-strict@example.com", "off@example.com", "strict@example.com"),
    group("strict-and-loop@example.com", "strict@example.com", "a@example.com"),
    group("nested@example.com", "all-off@example.com", "chain@example.com"),
    group("nested-off@example.com", "all-off@example.com", "to-off@example.com"),
    group("some@example.com", "gone@example.com", "bob@example.com", "odd@example.com"),
    group("empty@example.com"),
    group("to-empty@example.com", "empty@example.com"),
    domain("nowhere.example"),
    alias("*@nowhere.example", "nobody@example.com"),
    domain("disabled.example"),
    alias("*@disabled.example", "off@example.com"),
    domain("broken.example"),
    {"address": "*@broken.example", "type": "mailbox"},
    domain("other.example", alias_of="example.com"),
    domain("lost.example", alias_of="unknown.example"),
    {"address": "@settings.example", "type": "domain", "alias_of": ["x"]},
    mailbox("ann@settings.example"),
    mailbox("ann@unknown.example"),
]

REJECTED = {
    "nobody@example.com": "5.1.1",
    "nobody+tag@example.com": "5.1.1",
    "off@example.com": "5.2.1",
    "off+tag@example.com": "5.2.1",
    "to-off@example.com": "5.2.1",
    "all-off@example.com": "5.2.1",
    "nested-off@example.com": "5.2.1",
    "strict@example.com": "5.7.1",
    "to-strict@example.com": "5.7.1",
    "off-and-strict@example.com": "5.2.1",
    "x@disabled.example": "5.2.1",
    "nobody@other.example": "5.1.1",
    "off@other.example": "5.2.1",
    "no address": "5.1.3",
}
HELD = {
    "odd@example.com": ("5.3.5", "odd@example.com"),
    "odd+tag@example.com": ("5.3.5", "odd@example.com"),
    "bad@example.com": ("5.3.5", "bad@example.com"),
    "to-odd@example.com": ("5.3.5", "odd@example.com"),
    "to-bad@example.com": ("5.3.5", "bad@example.com"),
    "gone@example.com": ("5.1.1", "gone@example.com"),
    "gone+tag@example.com": ("5.1.1", "gone@example.com"),
    "gone@other.example": ("5.1.1", "gone@example.com"),
    "chain@example.com": ("5.1.1", "gone@example.com"),
    "away@example.com": ("5.1.2", "away@example.com"),
    "wrong@example.com": ("5.1.3", "wrong@example.com"),
    "a@example.com": ("5.4.6", "a@example.com"),
    "b@example.com": ("5.4.6", "a@example.com"),
    "into+tag@example.com": ("5.4.6", "a@example.com"),
    "off-and-gone@example.com": ("5.1.1", "off-and-gone@example.com"),
    "strict-and-loop@example.com": ("5.4.6", "a@example.com"),
    "nested@example.com": ("5.1.1", "gone@example.com"),
    "empty@example.com": ("5.1.1", "empty@example.com"),
    "to-empty@example.com": ("5.1.1", "empty@example.com"),
    "x@nowhere.example": ("5.1.1", "*@nowhere.example"),
    "x@broken.example": ("5.3.5", "*@broken.example"),
    "x@unknown.example": ("5.1.2", "@unknown.example"),
    "x+tag@unknown.example": ("5.1.2", "@unknown.example"),
    "x@lost.example": ("5.1.2", "@unknown.example"),
    "x@settings.example": ("5.3.5", "@settings.example"),
}


@pytest.mark.parametrize("recipient", [*REJECTED, *HELD])
def test_who_is_at_fault(recipient: str) -> None:
    result = resolve(DIRECTORY, recipient, "bob@example.com", message=SPAM)
    if recipient == "x@nowhere.example":
        # Its target is asked for in a domain that has no catch-all.
        assert "nobody@example.com" in result["undelivered"][0]["reason"]
    assert rejected(result) == {name: code for name, code in REJECTED.items() if name == recipient}
    assert held(result) == {name: outcome for name, outcome in HELD.items() if name == recipient}
    assert ways(result) == {"bob@example.com": ["bob@example.com"]}, "others get theirs"


def test_all_at_once() -> None:
    result = resolve(DIRECTORY, *REJECTED, *HELD, message=SPAM)
    assert rejected(result) == REJECTED
    assert held(result) == HELD


@pytest.mark.parametrize("recipient", ["ann@unknown.example", "ann@settings.example", "ann+x@settings.example"])
def test_an_address_that_is_there_needs_no_domain(recipient: str) -> None:
    assert not resolve(DIRECTORY, recipient)["undelivered"]


@pytest.mark.parametrize("member", ["gone@example.com", "off@example.com", "strict@example.com", "a@example.com"])
def test_a_member_that_nobody_waits_behind_holds_nothing(member: str) -> None:
    result = resolve(
        [*DIRECTORY, group("team@example.com", member, "bob@example.com")], "team@example.com", message=SPAM
    )
    assert ways(result) == {"bob@example.com": ["team@example.com"]}
    assert result["undelivered"] == []
    assert [one["recipient"] for one in result["problems"]] == ["team@example.com"]


@pytest.mark.parametrize("member", ["odd@example.com", "bad@example.com"])
def test_a_member_whose_entry_is_wrong_misses_no_mail(member: str) -> None:
    """The others get theirs; the copy that is due is on record, and a replay makes it."""
    entries = [*DIRECTORY, group("team@example.com", "gone@example.com", "bob@example.com", member)]
    result = resolve(entries, "team@example.com")
    assert ways(result) == {"bob@example.com": ["team@example.com"]}
    assert held(result) == {"team@example.com": ("5.3.5", member)}
    assert [(one["code"], one["entry"]) for one in result["problems"]] == [("5.1.1", "gone@example.com")]
    released = resolve(entries, "team@example.com", released=["bob@example.com"])
    assert released["undelivered"] == []


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        (
            "x@unknown.example",
            "the directory does not know the domain unknown.example; mailroomctl domain add {domain}",
        ),
        (
            "gone@example.com",
            "it leads to nobody@example.com: there is no such address, and its domain has no catch-all",
        ),
        ("gone@example.com", "; correct the entry, or add what it leads to"),
        ("away@example.com", "; correct the entry, or add what it leads to"),
        ("bad@example.com", "; mailroomctl mailbox set bad@example.com --path PATH"),
        ("odd@example.com", "; correct it with mailroomctl directory import"),
        ("empty@example.com", "empty@example.com leads to no address; give it a target, or remove it"),
        ("off-and-gone@example.com", "the mailbox off@example.com is disabled; correct the entry, or add what it"),
    ],
)
def test_the_reason_says_what_to_do(recipient: str, reason: str) -> None:
    [one] = resolve(DIRECTORY, recipient)["undelivered"]
    assert reason.format(domain="unknown.example") in one["reason"]


def test_a_rejection_has_no_remedy() -> None:
    [one] = resolve(DIRECTORY, "off@example.com")["undelivered"]
    assert one["reason"] == "the mailbox off@example.com is disabled"


def test_a_directory_that_names_no_domain_knows_every_one() -> None:
    entries = [mailbox("bob@example.com"), alias("*@all.example", "bob@example.com")]
    assert rejected(resolve(entries, "x@example.com", "x@anything.example")) == {
        "x@example.com": "5.1.1",
        "x@anything.example": "5.1.1",
    }


def test_an_empty_directory_knows_none() -> None:
    assert held(resolve([], "bob@example.com")) == {"bob@example.com": ("5.1.2", "@example.com")}


def test_a_release_holds_nobody() -> None:
    result = resolve(
        DIRECTORY, "x@unknown.example", "bob@example.com", "gone@example.com", released=["bob@example.com"]
    )
    assert ways(result) == {"bob@example.com": ["bob@example.com"]}
    assert result["undelivered"] == []


def test_a_replay_can_judge_what_was_never_judged() -> None:
    """Whoever gets no copy has all findings on record: a policy decides when the mail is replayed."""
    message = {"id": "m1", "verdicts": {"spam": "GRAY", "dmarc": "FAIL"}, "dmarc_policy": "reject"}
    found = [{"S": "spam=GRAY"}, {"S": "dmarc=FAIL"}, {"S": "dmarc-policy=reject"}]
    result = resolve(DIRECTORY, "gone@example.com", "nobody@example.com", message=message)
    assert [one["findings"] for one in result["undelivered"]] == [found, found]
