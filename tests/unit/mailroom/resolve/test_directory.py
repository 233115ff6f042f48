"""Reading the directory table: batches, what DynamoDB leaves over, failures, and the cache."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from mailroom.errors import DirectoryUnavailable, TemporaryError
from mailroom.resolve.directory import SCANNED_PAGES, Directory
from mailroom.resolve.entries import ANY_DOMAIN, Broken, Domain, Forward, Mailbox
from mailroom.resolve.mailboxes import Rules

from tests.fakes.dynamodb import FakeDynamoDB, alias, directory, domain, mailbox
from tests.fakes.resolve_step import resolve_step


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    return waits


def get(lookups: Directory, *keys: str) -> dict[str, Any]:
    """What a message that needs ``keys`` learns of them."""
    have = lookups.remembered(keys)
    missing = [key for key in keys if key not in have]
    return have | (lookups.read(missing) if missing else {})


def test_entries_and_their_absence() -> None:
    entries = [
        mailbox("bob@example.com", path="x", enabled=False, policy={"spam_fail": "junk"}, subaddress_folders=True),
        alias("info@example.com", "bob@example.com"),
        domain("example.com", separators="-", alias_of=None),
        {"address": "odd@example.com", "type": "list"},
    ]
    assert directory(FakeDynamoDB(entries)).read(["eve@example.com", *(one["address"] for one in entries)]) == {
        "eve@example.com": None,
        "bob@example.com": Mailbox("bob@example.com", "x", False, {"spam_fail": "junk"}, True),
        "info@example.com": Forward("info@example.com", "alias", ("bob@example.com",)),
        "@example.com": Domain("@example.com", "-"),
        "odd@example.com": Broken(
            "odd@example.com", "its type is 'list', which is none of mailbox, alias, group, catch_all and domain"
        ),
    }


def test_batches_of_a_hundred() -> None:
    dynamodb = FakeDynamoDB(map(mailbox, (f"m{n}@example.com" for n in range(250))))
    entries = directory(dynamodb).read([f"m{n}@example.com" for n in range(250)] * 2)
    assert [len(call) for call in dynamodb.calls] == [100, 100, 50]
    assert len(entries) == 250
    assert all(entries.values())


def test_unprocessed_keys_are_asked_for_again(no_waiting: list[float]) -> None:
    dynamodb = FakeDynamoDB(
        map(mailbox, (f"m{n}@example.com" for n in range(10))), before=lambda call: {1: 6, 2: 2}.get(call)
    )
    entries = directory(dynamodb).read([f"m{n}@example.com" for n in range(10)])
    assert [len(call) for call in dynamodb.calls] == [10, 6, 2]
    assert all(entries.values())
    assert len(no_waiting) == 2


def test_unprocessed_keys_are_not_asked_for_without_end(no_waiting: list[float]) -> None:
    dynamodb = FakeDynamoDB(before=lambda _call: 1)
    with pytest.raises(DirectoryUnavailable, match="1 of 3 keys unread in 5 calls"):
        directory(dynamodb).read(["a", "b", "c"])
    assert len(dynamodb.calls) == 5
    assert sum(no_waiting) < 2


@pytest.mark.parametrize("attempts", [2, 3, 10])
def test_how_often_and_after_what_wait_is_a_setting(no_waiting: list[float], attempts: int) -> None:
    dynamodb = FakeDynamoDB(before=lambda _call: 1)
    with pytest.raises(DirectoryUnavailable, match=f"in {attempts} calls"):
        directory(dynamodb, attempts=attempts, wait_seconds=0.001).read(["a"])
    assert len(dynamodb.calls) == attempts
    assert len(no_waiting) == attempts - 1
    assert max(no_waiting) <= 0.001


@pytest.mark.parametrize(
    "failure",
    [
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "BatchGetItem"),
        EndpointConnectionError(endpoint_url="https://dynamodb.example"),
    ],
)
def test_failures_are_temporary(failure: Exception) -> None:
    def fail(_call: int) -> None:
        raise failure

    with pytest.raises(DirectoryUnavailable, match=r"ProvisionedThroughput|EndpointConnectionError") as caught:
        directory(FakeDynamoDB(before=fail)).read(["bob@example.com"])
    assert isinstance(caught.value, TemporaryError)


def test_failure_of_the_second_call_remembers_nothing_of_the_first(no_waiting: list[float]) -> None:
    def fail(call: int) -> int | None:
        if call == 2:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "BatchGetItem")
        return 1

    lookups = directory(FakeDynamoDB([mailbox("a"), mailbox("b")], before=fail))
    with pytest.raises(DirectoryUnavailable, match="ThrottlingException"):
        lookups.read(["a", "b"])
    assert lookups.remembered(["a", "b"]) == {}


def test_a_change_takes_effect_within_the_cache_time() -> None:
    clock, dynamodb = Clock(), FakeDynamoDB([mailbox("bob@example.com")])
    lookups = directory(dynamodb, cache_seconds=60, cache_negative_seconds=15, clock=clock)
    get(lookups, "bob@example.com", "eve@example.com")
    dynamodb.entries["bob@example.com"]["path"] = "new"
    dynamodb.entries["eve@example.com"] = mailbox("eve@example.com")

    clock.now += 14.9
    assert get(lookups, "bob@example.com", "eve@example.com")["eve@example.com"] is None
    assert len(dynamodb.calls) == 1

    clock.now += 0.2
    assert get(lookups, "bob@example.com", "eve@example.com")["eve@example.com"] is not None
    assert dynamodb.calls[1:] == [["eve@example.com"]]

    clock.now += 44.8
    assert get(lookups, "bob@example.com")["bob@example.com"].path is None
    clock.now += 0.2
    assert get(lookups, "bob@example.com")["bob@example.com"].path == "new"
    assert len(dynamodb.calls) == 3


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    dynamodb = FakeDynamoDB()
    lookups = directory(dynamodb, cache_entries=3)
    lookups.read(["a", "b", "c"])
    lookups.remembered(["a"])
    lookups.read(["d"])
    assert set(lookups.remembered(["a", "b", "c", "d"])) == {"a", "c", "d"}


@pytest.mark.parametrize("options", [{"cache_entries": 0}, {"cache_seconds": 0}])
def test_the_cache_can_be_turned_off(options: dict[str, Any]) -> None:
    dynamodb = FakeDynamoDB([mailbox("bob@example.com")])
    lookups = directory(dynamodb, **options)
    for _ in range(2):
        resolve_step({"recipients": ["bob@example.com"]}, lookups, Rules())
    assert len(dynamodb.calls) == 2


def test_a_warm_worker_needs_no_call() -> None:
    dynamodb = FakeDynamoDB([mailbox("bob@example.com"), alias("info@example.com", "bob@example.com")])
    lookups = directory(dynamodb)
    for _ in range(3):
        resolve_step({"recipients": ["info@example.com"]}, lookups, Rules())
    assert len(dynamodb.calls) == lookups.calls == 2, "one for each level of the first message"


def test_a_consistent_read_corrects_the_cache() -> None:
    dynamodb = FakeDynamoDB()
    lookups = directory(dynamodb)
    assert lookups.read(["bob@example.com"]) == {"bob@example.com": None}
    dynamodb.late["bob@example.com"] = mailbox("bob@example.com")
    assert lookups.read(["bob@example.com"]) == {"bob@example.com": None}
    assert lookups.read(["bob@example.com"], consistent=True) == {"bob@example.com": Mailbox("bob@example.com")}
    assert dynamodb.consistent == [["bob@example.com"]]
    assert lookups.remembered(["bob@example.com"]) == {"bob@example.com": Mailbox("bob@example.com")}


def test_unprocessed_keys_of_a_consistent_read_are_asked_for_consistently(no_waiting: list[float]) -> None:
    dynamodb = FakeDynamoDB(before=lambda call: 1 if call < 3 else 0)
    directory(dynamodb).read(["a", "b"], consistent=True)
    assert dynamodb.consistent == dynamodb.calls == [["a", "b"], ["b"], ["b"]]


def test_whether_there_is_any_domain_is_found_out_once() -> None:
    entries = [*(mailbox(f"m{n}@example.com") for n in range(30)), domain("example.com")]
    dynamodb = FakeDynamoDB(entries)
    dynamodb.page_size = 10
    lookups = directory(dynamodb)
    assert lookups.remembered([ANY_DOMAIN]) == {}
    for _ in range(2):
        assert lookups.read([ANY_DOMAIN]) == {ANY_DOMAIN: Domain(ANY_DOMAIN)}
    assert dynamodb.scans == 4
    assert dynamodb.calls == []


def test_a_domain_that_was_met_saves_the_search() -> None:
    dynamodb = FakeDynamoDB([domain("example.com")])
    lookups = directory(dynamodb)
    lookups.read(["bob@example.com", "@example.com"])
    assert lookups.remembered([ANY_DOMAIN]) == {ANY_DOMAIN: Domain(ANY_DOMAIN)}
    assert dynamodb.scans == 0


def test_a_directory_without_domains_is_asked_again_after_a_while() -> None:
    clock, dynamodb = Clock(), FakeDynamoDB([mailbox("bob@example.com")])
    lookups = directory(dynamodb, cache_negative_seconds=15, clock=clock)
    for _ in range(2):
        assert lookups.read([ANY_DOMAIN]) == lookups.remembered([ANY_DOMAIN]) == {ANY_DOMAIN: None}
    assert dynamodb.scans == 1
    dynamodb.entries["@example.com"] = domain("example.com")
    clock.now += 15
    assert lookups.read([ANY_DOMAIN]) == {ANY_DOMAIN: Domain(ANY_DOMAIN)}


def test_an_empty_directory_knows_no_domain_until_it_has_entries() -> None:
    clock, dynamodb = Clock(), FakeDynamoDB()
    lookups = directory(dynamodb, cache_negative_seconds=15, clock=clock)
    assert lookups.read([ANY_DOMAIN]) == {ANY_DOMAIN: Domain(ANY_DOMAIN)}
    dynamodb.entries["bob@example.com"] = mailbox("bob@example.com")
    clock.now += 15
    assert lookups.read([ANY_DOMAIN]) == {ANY_DOMAIN: None}


def test_the_search_for_a_domain_ends() -> None:
    dynamodb = FakeDynamoDB(mailbox(f"m{n}@example.com") for n in range(SCANNED_PAGES + 1))
    dynamodb.page_size = 1
    assert directory(dynamodb).read([ANY_DOMAIN]) == {ANY_DOMAIN: Domain(ANY_DOMAIN)}
    assert dynamodb.scans == SCANNED_PAGES


def test_a_search_that_fails_is_temporary() -> None:
    def fail(_call: int) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "Scan")

    with pytest.raises(DirectoryUnavailable, match="ThrottlingException"):
        directory(FakeDynamoDB(before=fail)).read([ANY_DOMAIN])
