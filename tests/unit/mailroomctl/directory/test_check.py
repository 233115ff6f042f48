"""A whole directory is checked by what problems are, not by how they are told."""

from typing import Any

import pytest
from mailroom.resolve.mailboxes import Rules

from mailroomctl.directory.check import Finding, check_directory
from tests.fakes.dynamodb import alias, domain, group, mailbox

BRIEN, NEIL = "o'brien", "o'neil"


def found(*items: dict[str, Any]) -> list[Finding]:
    """What is found in a directory that knows the domain of most tests."""
    return check_directory([domain("example.com"), *items], Rules())


def kinds(*items: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.kind, one.entry) for one in found(*items)]


def ring(*names: str) -> list[dict[str, Any]]:
    return [alias(name, onward) for name, onward in zip(names, (*names[1:], names[0]), strict=True)]


@pytest.mark.parametrize("size", [1, 2, 12, 13, 40])
def test_a_loop_is_reported_once_wherever_one_comes_into_it(size: int) -> None:
    names = [f"a{number:02}@example.com" for number in range(size)]
    items = [*ring(*names), *(alias(f"into{name}", name) for name in names)]
    assert kinds(*items) == [("loop", "a00@example.com")]


def test_each_loop_is_reported() -> None:
    items = [*ring("a@example.com", "b@example.com"), *ring("c@example.com"), *ring("d@example.com", "e@example.com")]
    assert kinds(*items) == [("loop", f"{name}@example.com") for name in "acd"]


def test_names_that_look_like_the_words_of_a_sentence() -> None:
    first = ['"a: b"@example.com', '"c: d"@example.com']
    second = ['"e: b"@example.com', '"f: d"@example.com']
    assert kinds(*ring(*first), *ring(*second)) == [("loop", first[0]), ("loop", second[0])]


def test_a_domain_that_is_its_own_alias() -> None:
    items = [
        domain("one.example", alias_of="two.example"),
        domain("two.example", alias_of="one.example"),
        group("all@example.com", "a@one.example", "b@one.example", "c@two.example"),
    ]
    text = "the domain {0} is an alias of an alias without end; mailroomctl domain set {0} --alias-of DOMAIN"
    assert [one.text for one in found(*items) if one.kind == "loop"] == [
        f"it leads to a@one.example: {text.format('one.example')}",
        f"it leads to c@two.example: {text.format('two.example')}",
    ]


def test_only_disabled_is_a_warning() -> None:
    items = [mailbox("off@example.com", enabled=False), group("all@example.com", "off@example.com", "no@example.com")]
    assert [(one.severity, one.kind, one.text) for one in found(*items)] == [
        (
            "error",
            "dangling",
            "it leads to no@example.com: there is no such address, and its domain has no catch-all"
            "; correct the entry, or add what it leads to",
        ),
        ("warning", "disabled", "it leads to off@example.com: the mailbox off@example.com is disabled"),
    ]


def test_what_becomes_of_the_mail() -> None:
    items = [
        domain("example.com"),
        mailbox("bob@example.com"),
        mailbox("off@example.com", enabled=False),
        mailbox("bad@example.com", path="x/" + "y" * 300),
        alias("gone@example.com", "no@example.com"),
        alias("to-off@example.com", "off@example.com"),
        group("some@example.com", "bob@example.com", "no@example.com", "off@example.com"),
        group("none@example.com", "off@example.com", "no@example.com"),
        *ring("a@example.com", "b@example.com"),
        domain("lost.example", alias_of="unknown.example"),
        domain("one.example", alias_of="two.example"),
        domain("two.example", alias_of="one.example"),
        domain("third.example", alias_of="example.com"),
        {"address": "odd@example.com", "type": "list"},
        {"address": "extra@example.com", "type": "mailbox", "quota": 5},
        {"address": "Upper@example.com", "type": "list"},
        {"address": "wrong@example.com", "type": "alias", "targets": ["no address"]},
        {"address": "*@third.example", "type": "mailbox"},
    ]
    assert {(one.kind, one.entry, one.outcome) for one in found(*items)} == {
        ("broken", "bad@example.com", "HELD"),
        ("broken", "odd@example.com", "HELD"),
        ("broken", "extra@example.com", ""),
        ("broken", "Upper@example.com", ""),
        ("broken", "wrong@example.com", "HELD"),
        ("broken", "*@third.example", "HELD"),
        ("dangling", "gone@example.com", "HELD"),
        ("disabled", "to-off@example.com", "REJECTED"),
        ("dangling", "some@example.com", ""),
        ("disabled", "some@example.com", ""),
        ("dangling", "none@example.com", "HELD"),
        ("disabled", "none@example.com", "HELD"),
        ("loop", "a@example.com", "HELD"),
        ("domain", "@lost.example", "HELD"),
        ("domain", "@one.example", "HELD"),
        ("domain", "@two.example", "HELD"),
    }


def test_where_dovecot_does_not_look_is_a_warning() -> None:
    items = [
        mailbox("bob@example.com"),
        mailbox("a%b@example.com"),
        mailbox("o'brien@example.com"),
        mailbox("r&d@example.com", path="example.com/r&d/Maildir"),
        mailbox("o'neil@example.com", path="example.com/o%27neil/Maildir"),
        mailbox("~root@example.com", path="staff/root"),
    ]
    lead = "Dovecot's %d and %n lead to example.com/{}/Maildir; give Dovecot its home, or choose another --path"
    assert [(one.severity, one.kind, one.entry, one.text) for one in found(*items)] == [
        ("warning", "path", "a%b@example.com", f"it is at example.com/a%25b/Maildir, but {lead.format('a%b')}"),
        (
            "warning",
            "path",
            "o'brien@example.com",
            "without a path of its own it stays at example.com/o%27brien/Maildir, as in version 0.1; --fix writes that "
            f"into the entry, and {lead.format(BRIEN)}",
        ),
        ("warning", "path", "o'neil@example.com", f"it is at example.com/o%27neil/Maildir, but {lead.format(NEIL)}"),
    ]


def test_a_domain_without_an_entry_is_a_warning() -> None:
    items = [
        mailbox("bob@one.example"),
        alias("info@one.example", "bob@one.example"),
        {"address": "*@two.example", "type": "catch_all", "targets": ["bob@one.example"]},
        # Its mail is for nobody; that is another matter.
        domain("three.example", alias_of="four.example"),
        {"address": "no address", "type": "mailbox"},
    ]
    text = "and no entry: the directory does not know the domain; --fix adds it"
    domains = [one for one in found(*items) if one.entry.startswith("@") and one.severity == "warning"]
    assert [(one.severity, one.kind, one.entry, one.text) for one in domains] == [
        ("warning", "domain", "@one.example", f"2 addresses {text}"),
        ("warning", "domain", "@two.example", f"1 address {text}"),
    ]


def test_no_mailbox_is_called_as_the_records_of_another_one() -> None:
    robert = mailbox("robert@example.com", path="robert", records_under="bob@example.com")
    assert kinds(robert, mailbox("eve@example.com"), alias("bob@example.com", "robert@example.com")) == []
    assert kinds(robert, mailbox("bob@example.com")) == [("records", "bob@example.com")]
    twin = mailbox("rob@example.com", records_under="bob@example.com")
    assert kinds(robert, twin) == [("records", "robert@example.com")]
    other = mailbox("bob@example.com", records_under="eve@example.com")
    assert kinds(robert, other) == [("records", "bob@example.com")]
