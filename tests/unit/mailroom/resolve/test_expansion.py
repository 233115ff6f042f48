"""Properties of every directory: resolving ends, lists no mailbox twice, and leaves no recipient without an outcome."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mailroom.addresses import parse
from mailroom.errors import InvalidAddress, MailroomError
from mailroom.mailbox_paths import check_path
from mailroom.resolve.mailboxes import Rules

from tests.fakes.dynamodb import FakeDynamoDB, directory
from tests.fakes.resolve_step import resolve_step

DOMAINS = ["example.com", "example.org", "bücher.example", "xn--bcher-kva.example"]
NAMES = ["a", "b", "c", "d", "a+b", "a-b", "A", '"a b"', "é", "*", ".."]

addresses = st.builds("{}@{}".format, st.sampled_from(NAMES), st.sampled_from(DOMAINS))
policies = st.dictionaries(
    st.sampled_from(["spam_fail", "virus_fail", "junk_folder", "x"]),
    st.sampled_from(["inbox", "reject", "quarantine", "Spam"]),
)
targets = st.lists(st.one_of(addresses, st.text(max_size=5)), max_size=5)
keys = st.one_of(addresses, st.sampled_from(DOMAINS).map("*@{}".format), st.sampled_from(DOMAINS).map("@{}".format))
entries = st.one_of(
    st.fixed_dictionaries(
        {"address": keys, "type": st.just("mailbox")},
        optional={
            "path": st.sampled_from(["x", "../x", "/x", "", "a/b"]),
            "enabled": st.booleans(),
            "subaddress_folders": st.booleans(),
            "policy": policies,
        },
    ),
    st.fixed_dictionaries(
        {"address": keys, "type": st.sampled_from(["alias", "group", "catch_all"])}, optional={"targets": targets}
    ),
    st.fixed_dictionaries(
        {"address": keys, "type": st.just("domain")},
        optional={
            "separators": st.sampled_from(["", "+", "-", "+-", "ab"]),
            "alias_of": st.sampled_from([*DOMAINS, "!"]),
        },
    ),
    st.fixed_dictionaries({"address": keys}, optional={"type": st.sampled_from(["", "list", None, 5])}),
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "verdicts": st.dictionaries(
            st.sampled_from(["spam", "virus", "dmarc"]), st.sampled_from(["PASS", "FAIL", "GRAY", "DISABLED", None])
        ),
        "dmarc_policy": st.sampled_from(["none", "reject", None]),
    },
)


def check(result: dict[str, Any], recipients: list[Any]) -> None:
    """What holds for every result."""
    names = [one["mailbox"] for one in result["deliveries"]]
    assert len(set(names)) == len(names), "a mailbox is listed twice"
    outcomes = {one["recipient"] for one in result["undelivered"]}
    for one in result["deliveries"]:
        assert check_path(one["path"]) == one["path"]
        assert one["recipients"]
        assert len(set(one["recipients"])) == len(one["recipients"])
        assert parse(one["mailbox"]).text == one["mailbox"]
        outcomes.update(one["recipients"])
    if result.get("released"):
        assert set(names) <= set(result["released"])
        assert not result["undelivered"]
        return
    for recipient in recipients:
        try:
            assert parse(recipient).text in outcomes, "a recipient has no outcome"
        except InvalidAddress:
            assert result["undelivered"]
    rejected = {one["recipient"] for one in result["undelivered"]}
    assert not rejected & {name for one in result["deliveries"] for name in one["recipients"]}
    for one in result["undelivered"]:
        assert 1 <= len(one["recipient"].encode()) <= 1024
        assert one["reason"]
        assert (one["status"], bool(one["entry"])) in {("REJECTED", False), ("HELD", True)}
        assert one["code"][:2] in ("5.", "4.")


@settings(max_examples=400)
@given(st.lists(entries, max_size=12), st.lists(st.one_of(addresses, st.text(max_size=8)), max_size=6), messages)
def test_every_directory(table: list[dict[str, Any]], recipients: list[str], message: dict[str, Any]) -> None:
    dynamodb = FakeDynamoDB(table)
    state = {"recipients": recipients, "message": message}
    check(resolve_step(state, directory(dynamodb), Rules()), recipients)
    twice = [key for key, count in Counter(key for call in dynamodb.calls for key in call).items() if count > 1]
    now = Counter(key for call in dynamodb.consistent for key in call)
    assert set(twice) <= now.keys(), "a key is read twice for one message"
    assert not now or max(now.values()) == 1, "a key is read twice for one refusal"


@settings(max_examples=100)
@given(st.integers(1, 30), st.data())
def test_every_graph_of_aliases_ends(size: int, data: st.DataObject) -> None:
    names = [f"n{number}@example.com" for number in range(size)]
    graph = {name: data.draw(st.lists(st.sampled_from(names), max_size=4)) for name in names}
    table = [{"address": name, "type": "group", "targets": onward} for name, onward in graph.items() if onward]
    table += [{"address": name, "type": "mailbox"} for name, onward in graph.items() if not onward]
    result = resolve_step({"recipients": names}, directory(FakeDynamoDB(table)), Rules())
    check(result, list(names))

    def reachable(start: str) -> set[str]:
        seen, pending = set[str](), [start]
        while pending:
            if (name := pending.pop()) not in seen:
                seen.add(name)
                pending += graph[name]
        return {name for name in seen if not graph[name]}

    for name in names:
        assert {one["mailbox"] for one in result["deliveries"] if name in one["recipients"]} == reachable(name)


ALPHABET = 'aAbB09.+-_=!#/%"\\@<>()[],;: \t\r\n\0éßŉİς\u0301\u200d\u202e\u00a0。日本👍\ud800\udfff\ue000xn--'


def random_text(chance: random.Random) -> str:
    local_part = "".join(chance.choices(ALPHABET, k=chance.choice([0, 1, 3, 8, 70])))
    if chance.random() < 0.3:
        local_part = f'"{local_part}"'
    name = "".join(chance.choices(ALPHABET if chance.random() < 0.5 else "ab.-xn", k=chance.choice([0, 1, 5, 20, 260])))
    return chance.choice(["{}@{}", "{}{}", "{}@example.com", "<{}@{}>", "{}@xn--{}.example"]).format(local_part, name)


def random_entry(chance: random.Random, pool: list[str]) -> dict[str, Any]:
    junk: list[Any] = [None, True, 5, "", "x", "../x", ["a"], {"a": "b"}, {"spam_fail": "reject"}, {"spam_fail": 5}]
    kind = chance.choice(["mailbox", "mailbox", "alias", "group", "catch_all", "domain", "list", None])
    key = chance.choice(pool)
    entry: dict[str, Any] = {
        "address": chance.choice([key, key, f"*@{key.rpartition('@')[2]}", f"@{key.rpartition('@')[2]}"])
    }
    entry["type"] = kind
    if kind in ("alias", "group", "catch_all"):
        entry["targets"] = chance.choices(pool, k=chance.randint(0, 6))
    for field in ("path", "enabled", "policy", "subaddress_folders", "separators", "alias_of", "targets"):
        if chance.random() < 0.15:
            entry[field] = chance.choice(junk)
    return entry


@pytest.mark.parametrize("seed", range(20))
def test_ten_thousand_random_addresses_in_random_directories(seed: int) -> None:
    """500 addresses for each of 20 seeds; only errors that have a name may come out."""
    chance = random.Random(seed)
    for _ in range(50):
        pool = [random_text(chance) for _ in range(10)]
        for text in list(pool):
            try:
                pool.append(parse(text).text)
            except InvalidAddress:
                continue
        usable = [text for text in pool if "\ud800" not in text and "\udfff" not in text and len(text) < 500]
        usable = [text for text in usable if text] or ["a@example.com"]
        table = [random_entry(chance, usable) for _ in range(chance.randint(0, 15))]
        message = {"verdicts": {"spam": chance.choice(["FAIL", "PASS", None, 5, "DISABLED"])}}
        state = {"recipients": pool, "message": message, "released": chance.choice([None, [], [], usable])}
        try:
            result = resolve_step(state, directory(FakeDynamoDB(table)), Rules())
        except MailroomError:
            continue
        check(result, pool)
