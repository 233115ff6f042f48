"""What a message costs in DynamoDB calls does not depend on how large the directory is."""

from typing import Any

import pytest
from mailroom.resolve.mailboxes import Rules

from tests.fakes.dynamodb import FakeDynamoDB, alias, directory, domain, mailbox
from tests.fakes.resolve_step import resolve_step


def company(size: int) -> list[dict[str, Any]]:
    """A directory of ``size`` addresses: 80 % mailboxes, 20 % aliases of five mailboxes each, in one domain."""
    people = [f"person{n}@example.com" for n in range(size * 4 // 5)]
    aliases = [
        alias(f"role{n}@example.com", *(people[(n * 5 + k) % len(people)] for k in range(5)))
        for n in range(size - len(people) - 2)
    ]
    rest = [domain("example.com", policy={"spam_fail": "quarantine"}), alias("*@example.com", "role0@example.com")]
    return [*map(mailbox, people), *aliases, *rest]


@pytest.fixture(scope="module")
def large() -> list[dict[str, Any]]:
    entries = company(100_000)
    assert len({entry["address"] for entry in entries}) == 100_000
    return entries


def calls(entries: list[dict[str, Any]], recipients: list[str], **message: Any) -> int:
    dynamodb = FakeDynamoDB(entries)
    state = {"recipients": recipients, "message": message}
    result = resolve_step(state, directory(dynamodb), Rules())
    assert not result["undelivered"]
    return len(dynamodb.calls)


MESSAGES = {
    "one mailbox": (["person7@example.com"], 1),
    "one mailbox with a tag": (["person7+lists@example.com"], 1),
    "one alias": (["role7@example.com"], 2),
    "an unknown address, over the catch-all": (["nobody@example.com"], 3),
    "49 mailboxes": ([f"person{n}@example.com" for n in range(49)], 1),
    "100 mailboxes": ([f"person{n}@example.com" for n in range(100)], 1),
    "100 recipients, 20 of them aliases": (
        [f"person{n}@example.com" for n in range(80)] + [f"role{n}@example.com" for n in range(20)],
        2,
    ),
    "100 recipients over 20 aliases": ([f"role{n % 20}+tag{n}@example.com" for n in range(100)], 3),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_calls_do_not_grow_with_the_directory(large: list[dict[str, Any]], name: str) -> None:
    recipients, most = MESSAGES[name]
    assert calls(company(1000), recipients) == calls(large, recipients) == most


def test_a_verdict_costs_no_call_more_than_the_domain(large: list[dict[str, Any]]) -> None:
    assert calls(large, ["person7@example.com"], verdicts={"spam": "FAIL"}) == 1
    recipients, most = MESSAGES["100 recipients, 20 of them aliases"]
    assert calls(large, recipients, verdicts={"spam": "FAIL"}) <= most + 1
    recipients, _ = MESSAGES["100 recipients over 20 aliases"]
    assert calls(large, recipients, verdicts={"spam": "FAIL"}) <= 3
