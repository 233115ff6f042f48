"""The look-up order: exact, without the tag, the domain's other name, the catch-all; what shadows what."""

from typing import Any

import pytest
from mailroom.resolve.look_up import split_tags

from tests.fakes.dynamodb import alias, domain, mailbox
from tests.unit.mailroom.resolve.resolving import held, resolve, ways

CATCH_ALL = [mailbox("post@example.com"), alias("*@example.com", "post@example.com")]


def mailbox_of(entries: list[dict[str, Any]], recipient: str) -> str | None:
    """The one mailbox that ``recipient`` leads to, or ``None``."""
    result = resolve(entries, recipient)
    assert len(result["deliveries"]) + len(result["undelivered"]) == 1
    return next(iter(ways(result)), None)


def test_exact_goes_before_the_tag() -> None:
    entries = [mailbox("bob@example.com"), mailbox("bob+lists@example.com"), *CATCH_ALL]
    assert mailbox_of(entries, "bob+lists@example.com") == "bob+lists@example.com"
    assert mailbox_of(entries, "bob+other@example.com") == "bob@example.com"
    assert mailbox_of(entries, "bob+lists+more@example.com") == "bob+lists@example.com"


def test_tag_goes_before_the_catch_all() -> None:
    assert mailbox_of([mailbox("bob@example.com"), *CATCH_ALL], "bob+x@example.com") == "bob@example.com"
    assert mailbox_of(CATCH_ALL, "eve+x@example.com") == "post@example.com"
    assert mailbox_of(CATCH_ALL, "+x@example.com") == "post@example.com"


def test_catch_all_is_for_its_domain_only() -> None:
    assert mailbox_of(CATCH_ALL, "eve@sub.example.com") is None


def test_catch_all_shadows_no_disabled_mailbox() -> None:
    entries = [mailbox("bob@example.com", enabled=False), *CATCH_ALL]
    for recipient in ("bob@example.com", "bob+x@example.com"):
        result = resolve(entries, recipient)
        assert result["undelivered"] == [
            {
                "recipient": recipient,
                "status": "REJECTED",
                "entry": "",
                "code": "5.2.1",
                "reason": "the mailbox bob@example.com is disabled",
                "findings": [],
            }
        ]


def test_catch_all_shadows_no_broken_entry_and_no_empty_group() -> None:
    broken = {"address": "bob@example.com", "type": "oops"}
    result = resolve([broken, *CATCH_ALL], "bob@example.com")
    assert held(result) == {"bob@example.com": ("5.3.5", "bob@example.com")}
    empty = alias("bob@example.com")
    result = resolve([empty, *CATCH_ALL], "bob@example.com")
    assert held(result) == {"bob@example.com": ("5.1.1", "bob@example.com")}


def test_only_false_disables() -> None:
    entry = mailbox("bob@example.com")
    del entry["enabled"]
    assert mailbox_of([entry], "bob@example.com") == "bob@example.com"


@pytest.mark.parametrize(
    ("separators", "recipient", "found"),
    [
        ("+", "bob-x@example.com", None),
        ("-", "bob-x@example.com", "bob@example.com"),
        ("-", "bob+x@example.com", None),
        ("", "bob+x@example.com", None),
        ("+-", "bob+x@example.com", "bob@example.com"),
        ("+-", "bob-x+y@example.com", "bob@example.com"),
        ("-", "mary-ann@example.com", "mary-ann@example.com"),
        ("-", "mary-ann-lists@example.com", "mary-ann@example.com"),
        ("-", "mary-ann-a-b-c-d-e@example.com", "mary-ann@example.com"),
        ("-", "-bob@example.com", None),
        ("-", '"bob-my lists"@example.com', "bob@example.com"),
    ],
)
def test_separators_of_the_domain(separators: str, recipient: str, found: str | None) -> None:
    entries = [
        domain("example.com", separators=separators),
        mailbox("bob@example.com"),
        mailbox("mary-ann@example.com"),
    ]
    assert mailbox_of(entries, recipient) == found


def test_a_sender_cannot_make_us_read_many_keys() -> None:
    assert split_tags("a" + "+" * 60, "+") == [("a+++", "+" * 56), ("a++", "+" * 57), ("a+", "+" * 58), ("a", "+" * 59)]
    assert split_tags("+", "+") == []
    assert split_tags("bob", "+-") == []


OTHER_NAMES = [
    mailbox("bob@example.com"),
    alias("info@example.com", "bob@example.com"),
    alias("*@example.com", "post@example.com"),
    mailbox("post@example.com"),
    domain("example.com", separators="-"),
    domain("example.org", alias_of="Example.COM"),
    domain("third.example", alias_of="example.org"),
    mailbox("special@example.org"),
]


@pytest.mark.parametrize(
    ("recipient", "found"),
    [
        ("bob@example.org", "bob@example.com"),
        ("info@example.org", "bob@example.com"),
        ("bob@third.example", "bob@example.com"),
        ("special@example.org", "special@example.org"),
        ("special+x@example.org", "special@example.org"),
        ("special@third.example", "special@example.org"),
        ("bob-x@example.org", "bob@example.com"),
        ("eve@example.org", "post@example.com"),
    ],
)
def test_domain_alias_addresses_are_those_of_the_other_domain(recipient: str, found: str) -> None:
    assert mailbox_of(OTHER_NAMES, recipient) == found


def test_domain_alias_one_copy_for_both_names() -> None:
    result = resolve(OTHER_NAMES, "bob@example.com", "bob@example.org")
    assert ways(result) == {"bob@example.com": ["bob@example.com", "bob@example.org"]}


@pytest.mark.parametrize("alias_of", ["example.org", "example.com"])
def test_domain_alias_without_end(alias_of: str) -> None:
    entries = [domain("example.com", alias_of="example.org"), domain("example.org", alias_of=alias_of)]
    assert held(resolve(entries, "bob@example.com")) == {"bob@example.com": ("5.4.6", "@example.com")}


def test_domain_alias_of_what_is_no_domain() -> None:
    entries = [domain("example.com", alias_of="no domain")]
    assert held(resolve(entries, "bob@example.com")) == {"bob@example.com": ("5.3.5", "@example.com")}


def test_broken_settings_count_as_the_usual_ones() -> None:
    broken = {"address": "@example.com", "type": "mailbox"}
    assert mailbox_of([broken, mailbox("bob@example.com")], "bob+x@example.com") == "bob@example.com"


WITH_FOLDERS = [
    mailbox("bob@example.com", subaddress_folders=True),
    mailbox("eve@example.com"),
    alias("info@example.com", "bob@example.com"),
    alias("work@example.com", "bob+work@example.com"),
    alias("*@example.com", "info@example.com"),
    {"address": "team@example.com", "type": "group", "targets": ["bob@example.com"]},
    domain("example.com", separators="+="),
]


@pytest.mark.parametrize(
    ("recipients", "folder", "optional"),
    [
        (["bob+lists@example.com"], "lists", True),
        (["bob@example.com"], "INBOX", False),
        (["bob+Lists@example.com"], "lists", True),
        (["bob=lists+x@example.com"], "lists+x", True),
        (["bob+lists/python@example.com"], "lists/python", True),
        (["bob+büro@example.com"], "büro", True),
        (["info+lists@example.com"], "lists", True),
        (["work@example.com"], "work", True),
        (["work+lists@example.com"], "work", True),
        (["team+lists@example.com"], "INBOX", False),
        (["nobody+lists@example.com"], "INBOX", False),
        (["bob+lists@example.com", "bob@example.com"], "INBOX", False),
        (["bob@example.com", "bob+lists@example.com"], "INBOX", False),
        (["bob+lists@example.com", "bob+work@example.com"], "lists", True),
        (["bob+@example.com"], "INBOX", False),
        (["bob+inbox@example.com"], "INBOX", False),
        (['"bob+../../eve"@example.com'], "INBOX", False),
        (['"bob+../eve"@example.com'], "INBOX", False),
        (["bob+a.b@example.com"], "INBOX", False),
        (["bob+/etc@example.com"], "INBOX", False),
        (["bob+~root@example.com"], "INBOX", False),
        (["eve+lists@example.com"], "INBOX", False),
    ],
)
def test_folder_of_the_tag(recipients: list[str], folder: str, optional: bool) -> None:
    [delivery] = resolve(WITH_FOLDERS, *recipients)["deliveries"]
    assert (delivery["folder"], delivery["optional_folder"]) == (folder, optional)
    assert len(delivery["recipients"]) == len(recipients)
