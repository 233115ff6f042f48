"""Reading the directory table: batches, what DynamoDB leaves over, failures, and the cache."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from mailroom.errors import DirectoryUnavailable, TemporaryError
from mailroom.resolve.directory import ATTEMPTS, Directory
from mailroom.resolve.entries import Broken, Domain, Forward, Mailbox
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
    with pytest.raises(DirectoryUnavailable, match=f"1 of 3 keys unread in {ATTEMPTS} calls"):
        directory(dynamodb).read(["a", "b", "c"])
    assert len(dynamodb.calls) == ATTEMPTS
    assert sum(no_waiting) < 2


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
        resolve_step({"recipients": ["info@example.com", "eve@example.com"]}, lookups, Rules())
    assert len(dynamodb.calls) == lookups.calls == 2, "one for each level of the first message"
