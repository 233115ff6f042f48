"""From recipients to deliveries and rejected: aliases, groups, catch-alls, loops, limits."""

from typing import Any

import pytest
from mailroom.errors import FanOutLimitExceeded
from mailroom.resolve.mailboxes import Rules

from tests.fakes.dynamodb import FakeDynamoDB, alias, directory, domain, group, mailbox
from tests.fakes.resolve_step import resolve_step
from tests.unit.mailroom.resolve.resolving import held, rejected, resolve, ways


def test_exact_address_in_any_spelling() -> None:
    result = resolve([mailbox("bob@example.com")], "BOB@Example.com", '"bob"@example.com')
    assert result["deliveries"] == [
        {
            "mailbox": "bob@example.com",
            "address": "bob@example.com",
            "path": "example.com/bob/Maildir",
            "folder": "INBOX",
            "recipients": ["bob@example.com"],
            "action": "deliver",
            "verdict": "",
            "optional_folder": False,
            "findings": [],
            "mailbox_number": 89_389,
        }
    ]
    assert result["undelivered"] == []


def test_own_path() -> None:
    result = resolve([mailbox("bob@example.com", path="old//bob/")], "bob@example.com")
    assert result["deliveries"][0]["path"] == "old/bob"


def test_bad_recipients_are_rejected_with_a_reason_that_fits_a_record() -> None:
    result = resolve([], None, "", "bob", "a\nb\ud800" + "x" * 400, {"a": 1})
    assert result["deliveries"] == []
    assert [one["code"] for one in result["undelivered"]] == ["5.1.3"] * 5
    for one in result["undelivered"]:
        assert one["recipient"].isprintable()
        assert 1 <= len(one["recipient"].encode()) <= 1024
        assert one["reason"].startswith("not an address: ")


def test_unknown_address() -> None:
    result = resolve([mailbox("bob@example.com")], "eve@example.com", "bob@example.com")
    assert rejected(result) == {"eve@example.com": "5.1.1"}
    assert ways(result) == {"bob@example.com": ["bob@example.com"]}


def test_one_copy_however_many_ways_lead_there() -> None:
    entries = [
        mailbox("bob@example.com"),
        alias("info@example.com", "bob@example.com"),
        group("all@example.com", "info@example.com", "bob@example.com", "eve@example.com"),
        mailbox("eve@example.com"),
    ]
    result = resolve(entries, "all@example.com", "bob+x@example.com", "info@example.com")
    assert ways(result) == {
        "bob@example.com": ["all@example.com", "bob+x@example.com", "info@example.com"],
        "eve@example.com": ["all@example.com"],
    }


def test_aliases_of_any_depth() -> None:
    depth = 1500
    chain = [alias(f"a{n}@example.com", f"a{n + 1}@example.com") for n in range(depth)]
    result = resolve([*chain, mailbox(f"a{depth}@example.com")], "a0@example.com")
    assert ways(result) == {f"a{depth}@example.com": ["a0@example.com"]}


def test_loop_is_named() -> None:
    entries = [
        alias("a@example.com", "b@example.com"),
        alias("b@example.com", "C@example.com"),
        alias("c@example.com", "b@example.com"),
    ]
    result = resolve(entries, "a@example.com")
    assert result["undelivered"] == [
        {
            "recipient": "a@example.com",
            "status": "HELD",
            "entry": "b@example.com",
            "code": "5.4.6",
            "reason": "aliases go round in a loop: b@example.com → C@example.com → b@example.com"
            "; take one of them out of it",
            "findings": [],
        }
    ]


def test_loop_does_not_stop_the_others() -> None:
    entries = [
        group("all@example.com", "all@example.com", "bob@example.com", "gone@example.com"),
        mailbox("bob@example.com"),
    ]
    result = resolve(entries, "all@example.com")
    assert ways(result) == {"bob@example.com": ["all@example.com"]}
    assert result["undelivered"] == []
    assert [one["code"] for one in result["problems"]] == ["5.4.6", "5.1.1"]
    assert "all@example.com → all@example.com" in result["problems"][0]["reason"]
    assert "gone@example.com" in result["problems"][1]["reason"]


def test_long_loop_is_named_in_short() -> None:
    ring = [alias(f"a{n}@example.com", f"a{(n + 1) % 40}@example.com") for n in range(40)]
    [one] = resolve(ring, "a0@example.com")["undelivered"]
    assert one["reason"].count("→") == 12
    assert one["reason"].endswith("a10@example.com → … → a0@example.com; take one of them out of it")


def test_one_member_that_takes_no_mail_does_not_stop_those_after_it() -> None:
    entries = [
        group("all@example.com", "off@example.com", "odd@example.com", "bob@example.com"),
        mailbox("off@example.com", enabled=False),
        mailbox("odd@example.com", path="../odd"),
        mailbox("bob@example.com"),
    ]
    result = resolve(entries, "all@example.com")
    assert ways(result) == {"bob@example.com": ["all@example.com"]}
    assert [one["code"] for one in result["problems"]] == ["5.2.1"]
    assert held(result) == {"all@example.com": ("5.3.5", "odd@example.com")}


@pytest.mark.parametrize("kind", ["mailbox", "alias", "domain"])
def test_only_a_catch_all_can_stand_in_the_place_of_one(kind: str) -> None:
    entry = {"address": "*@example.com", "type": kind, "targets": ["bob@example.com"]}
    result = resolve([entry, mailbox("bob@example.com")], "eve@example.com")
    assert held(result) == {"eve@example.com": ("5.3.5", "*@example.com")}
    assert "a catch_all must stand here" in result["undelivered"][0]["reason"]


def test_catch_all_that_leads_to_itself() -> None:
    result = resolve([alias("*@example.com", "nobody@example.com")], "eve@example.com")
    assert held(result) == {"eve@example.com": ("5.4.6", "*@example.com")}


def test_group_without_members() -> None:
    result = resolve([group("all@example.com")], "all@example.com")
    assert held(result) == {"all@example.com": ("5.1.1", "all@example.com")}


def test_target_that_is_no_address() -> None:
    result = resolve([alias("a@example.com", "not an address")], "a@example.com")
    assert held(result) == {"a@example.com": ("5.1.3", "a@example.com")}


def fan_out(members: int) -> list[dict[str, Any]]:
    names = [f"m{n}@example.com" for n in range(members)]
    return [group("all@example.com", *names), *map(mailbox, names)]


def test_fan_out_limit() -> None:
    assert len(resolve(fan_out(500), "all@example.com")["deliveries"]) == 500
    with pytest.raises(FanOutLimitExceeded, match="more than 500 mailboxes"):
        resolve(fan_out(501), "all@example.com")
    with pytest.raises(FanOutLimitExceeded, match="more than 3 mailboxes"):
        resolve(fan_out(4), "all@example.com", rules=Rules(fan_out_limit=3))


def test_addresses_on_the_way_are_limited_before_they_are_read() -> None:
    dynamodb = FakeDynamoDB([group("all@example.com", *(f"m{n}@example.com" for n in range(10_000)))])
    with pytest.raises(FanOutLimitExceeded, match="more than 5001 addresses"):
        resolve_step({"recipients": ["all@example.com"]}, directory(dynamodb), Rules())
    assert len(dynamodb.calls) == 1


def test_state_that_the_workflow_could_not_carry() -> None:
    members = [f"a-rather-long-name-{n}@example.com" for n in range(400)]
    entries = [*map(mailbox, members), *(group(f"g{n}@example.com", *members) for n in range(40))]
    with pytest.raises(FanOutLimitExceeded, match="octets of state"):
        resolve(entries, *(f"g{n}@example.com" for n in range(40)))


def test_wordy_reasons_do_not_park_a_message() -> None:
    ring = [f"{'x' * 50}{n}@{'y' * 60}.example.com" for n in range(12)]
    entries = [alias(name, ring[(n + 1) % len(ring)]) for n, name in enumerate(ring)]
    recipients = [f"{name.partition('@')[0]}+{n}@{name.partition('@')[2]}" for name in ring for n in range(9)]
    result = resolve(entries, *recipients)
    assert len(result["undelivered"]) == len(recipients)
    assert all(len(one["reason"].encode()) <= 300 for one in result["undelivered"])


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"address": "bob@example.com"}, "type"),
        ({"address": "bob@example.com", "type": "domain"}, "domain"),
        ({"address": "bob@example.com", "type": "alias", "targets": "eve@example.com"}, "targets"),
        ({"address": "bob@example.com", "type": "group", "targets": [1]}, "targets"),
        ({"address": "bob@example.com", "type": "mailbox", "path": ["x"]}, "path"),
        ({"address": "bob@example.com", "type": "mailbox", "path": "../eve"}, ".."),
        ({"address": "bob@example.com", "type": "mailbox", "path": "/mail/eve"}, "relative"),
        ({"address": "bob@example.com", "type": "mailbox", "path": "x" * 256}, "255"),
    ],
)
def test_broken_entry_holds_its_own_mail_only(entry: dict[str, Any], word: str) -> None:
    result = resolve([entry, mailbox("eve@example.com")], "bob@example.com", "eve@example.com")
    assert ways(result) == {"eve@example.com": ["eve@example.com"]}
    [one] = result["undelivered"]
    assert (one["status"], one["entry"], one["code"]) == ("HELD", "bob@example.com", "5.3.5")
    assert word in one["reason"]


def test_targets_may_be_a_set() -> None:
    result = resolve(
        [{"address": "a@example.com", "type": "group", "targets": {"bob@example.com"}}, mailbox("bob@example.com")],
        "a@example.com",
    )
    assert ways(result) == {"bob@example.com": ["a@example.com"]}


def test_path_from_template_is_encoded() -> None:
    result = resolve(
        [mailbox('"../eve"@example.com')], '"../eve"@example.com', rules=Rules(path_template="{local_part}/{domain}")
    )
    assert result["deliveries"][0]["path"] == "%2E.%2Feve/example.com"


def test_over_long_component_holds() -> None:
    rules = Rules(path_template="{domain}-{local_part}")
    address = "b@" + ".".join(["a" * 63] * 4)
    result = resolve([mailbox(address)], address, rules=rules)
    assert held(result) == {address: ("5.3.5", address)}


def test_domain_settings_are_not_an_address() -> None:
    entries = [domain("example.com"), alias("*@example.com", "bob@example.com"), mailbox("bob@example.com")]
    assert ways(resolve(entries, "*@example.com")) == {"bob@example.com": ["*@example.com"]}
    assert rejected(resolve(entries[:1], "*@example.com", '""@example.com')) == {
        "*@example.com": "5.1.1",
        '""@example.com': "5.1.3",
    }
