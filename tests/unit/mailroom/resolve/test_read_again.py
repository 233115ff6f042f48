"""A no never comes from a cache: what it rests on is read again, consistently, and only then."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from mailroom.errors import DirectoryUnavailable, FanOutLimitExceeded
from mailroom.resolve.directory import Directory
from mailroom.resolve.mailboxes import Rules

from tests.fakes.dynamodb import FakeDynamoDB, alias, directory, domain, group, mailbox
from tests.fakes.resolve_step import resolve_step
from tests.unit.mailroom.resolve.resolving import held, rejected, ways

COMPANY = [domain("example.com"), mailbox("bob@example.com"), alias("info@example.com", "bob@example.com")]
SPAM = {"id": "m1", "verdicts": {"spam": "FAIL"}}


def run(lookups: Directory, *recipients: str, **state: Any) -> Any:
    return resolve_step({"recipients": list(recipients), **state}, lookups, Rules())


def test_mail_that_arrives_is_read_once() -> None:
    dynamodb = FakeDynamoDB([*COMPANY, group("all@example.com", "bob@example.com", "nobody@example.com")])
    run(directory(dynamodb), "bob@example.com", "info+x@example.com", "all@example.com")
    assert dynamodb.consistent == []


@pytest.mark.parametrize("recipient", ["eve@example.com", "eve+x@example.com", "x@unknown.example"])
def test_one_call_more_for_whoever_would_be_refused(recipient: str) -> None:
    dynamodb = FakeDynamoDB(COMPANY)
    lookups = directory(dynamodb)
    run(lookups, "bob@example.com")
    before = len(dynamodb.calls)
    for _ in range(2):
        run(lookups, "bob@example.com", recipient)
    assert len(dynamodb.consistent) == 2, "each no is read anew"
    assert len(dynamodb.calls) == before + 3
    assert "bob@example.com" not in {key for call in dynamodb.consistent for key in call}
    assert dynamodb.scans == 0


def test_what_is_no_address_costs_no_call() -> None:
    dynamodb = FakeDynamoDB(COMPANY)
    assert rejected(run(directory(dynamodb), "no address")) == {"no address": "5.1.3"}
    assert dynamodb.calls == []


@pytest.mark.parametrize(
    "new",
    [
        mailbox("eve@example.com"),
        alias("eve@example.com", "bob@example.com"),
        alias("eve@example.com", "new@example.com"),
        alias("*@example.com", "bob@example.com"),
        domain("example.com", alias_of="example.org"),
        domain("example.com", separators="v"),
    ],
    ids=lambda entry: f"{entry['type']} {entry['address']}",
)
def test_an_entry_of_a_second_ago_is_found(new: dict[str, Any]) -> None:
    dynamodb = FakeDynamoDB([*COMPANY, mailbox("eve@example.org"), mailbox("e@example.com")])
    lookups = directory(dynamodb)
    assert rejected(run(lookups, "eve@example.com")) == {"eve@example.com": "5.1.1"}
    dynamodb.late = {entry["address"]: entry for entry in (new, mailbox("new@example.com"))}
    result = run(lookups, "eve@example.com", "bob@example.com")
    assert result["undelivered"] == []
    assert sum("eve@example.com" in names for names in ways(result).values()) == 1
    calls = len(dynamodb.calls)
    assert run(lookups, "eve@example.com", "bob@example.com") == result
    assert len(dynamodb.calls) == calls, "the cache has been corrected"


def test_a_new_alias_does_not_meet_what_the_cache_says_of_its_target() -> None:
    dynamodb = FakeDynamoDB(COMPANY)
    lookups = directory(dynamodb)
    run(lookups, "new@example.com")
    entries = (alias("eve@example.com", "new@example.com"), mailbox("new@example.com"))
    dynamodb.late = {entry["address"]: entry for entry in entries}
    # The group arrives, so that what it says of its absent member comes from the cache.
    dynamodb.entries["all@example.com"] = group("all@example.com", "bob@example.com", "new@example.com")
    result = run(lookups, "all@example.com", "eve@example.com")
    assert "eve@example.com" in ways(result)["new@example.com"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (mailbox("eve@example.com", enabled=False), mailbox("eve@example.com"), {}),
        (mailbox("eve@example.com", path="/x"), mailbox("eve@example.com"), {}),
        ({"address": "eve@example.com", "type": "x"}, mailbox("eve@example.com"), {}),
        (alias("eve@example.com", "nobody@example.com"), alias("eve@example.com", "bob@example.com"), {}),
        (mailbox("eve@example.com", policy={"spam_fail": "reject"}), mailbox("eve@example.com"), SPAM),
    ],
    ids=["disabled", "path", "broken", "dangling", "policy"],
)
def test_a_mended_entry_delivers_at_once(before: Any, after: Any, message: dict[str, Any]) -> None:
    dynamodb = FakeDynamoDB([*COMPANY, before])
    lookups = directory(dynamodb)
    assert run(lookups, "eve@example.com", message=message)["undelivered"]
    dynamodb.late = {"eve@example.com": after}
    assert run(lookups, "eve@example.com", message=message)["undelivered"] == []


def test_a_domain_that_rejects_is_asked_again() -> None:
    strict = domain("example.com", policy={"spam_fail": "reject"})
    dynamodb = FakeDynamoDB([strict, mailbox("bob@example.com")])
    lookups = directory(dynamodb)
    assert rejected(run(lookups, "bob@example.com", message=SPAM)) == {"bob@example.com": "5.7.1"}
    dynamodb.late = {"@example.com": domain("example.com")}
    assert run(lookups, "bob@example.com", message=SPAM)["undelivered"] == []


def test_a_domain_of_a_second_ago_is_known() -> None:
    dynamodb = FakeDynamoDB(COMPANY)
    lookups = directory(dynamodb)
    assert held(run(lookups, "x@new.example")) == {"x@new.example": ("5.1.2", "@new.example")}
    dynamodb.late = {"@new.example": domain("new.example")}
    assert rejected(run(lookups, "x@new.example")) == {"x@new.example": "5.1.1"}


def test_a_no_that_cannot_be_read_again_is_none() -> None:
    def fail(call: int) -> None:
        if call > 1:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "BatchGetItem")

    with pytest.raises(DirectoryUnavailable):
        run(directory(FakeDynamoDB(COMPANY, before=fail)), "eve@example.com")


def test_the_fan_out_limit_counts_both_readings() -> None:
    dynamodb = FakeDynamoDB(COMPANY)
    lookups = directory(dynamodb)
    run(lookups, "bob@example.com", "eve@example.com")
    dynamodb.late = {"eve@example.com": mailbox("eve@example.com")}
    with pytest.raises(FanOutLimitExceeded, match="more than 1 mailboxes"):
        resolve_step({"recipients": ["bob@example.com", "eve@example.com"]}, lookups, Rules(fan_out_limit=1))
