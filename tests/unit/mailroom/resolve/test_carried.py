"""However many recipients lead nowhere, each has its outcome, and those that lead somewhere their copies."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mailroom.errors import FanOutLimitExceeded
from mailroom.resolve.carried import MAX_STATE, OUTCOME
from mailroom.resolve.mailboxes import printable

from tests.fakes.dynamodb import domain, mailbox
from tests.unit.mailroom.resolve.resolving import resolve, ways

KNOWN = [domain("example.com"), mailbox("bob@example.com")]
STATE_LIMIT = 262_144  # octets, of Step Functions


def made(one: dict[str, Any]) -> dict[str, Any]:
    """What the workflow makes of an undelivered recipient."""
    recipient, code = one["recipient"], one["code"]
    fields = {"Action": "failed", "Status": code, "DiagnosticCode": f"smtp; 550 {code} Recipient rejected"}
    return {
        "outcome": {"recipient": recipient, "status": one["status"], "code": code},
        "bounce": {"Recipient": recipient, "RecipientDsnFields": fields},
    }


@pytest.mark.parametrize(
    ("count", "length", "place"),
    [(500, 40, "example.com"), (500, 90, "example.com"), (200, 320, "example.com"), (300, 60, "unknown.example")],
)
def test_unknown_recipients_park_nobody(count: int, length: int, place: str) -> None:
    names = [f"{n:03}{'x' * (60 if length > 60 else length - len(place) - 4)}@{place}" for n in range(count)]
    if length > 90:
        names = [f"{n:03}{'x' * 60}@{'.'.join(['d' * 60] * 4)}.example" for n in range(count)]
    result = resolve(KNOWN, *names, "bob@example.com")
    assert ways(result) == {"bob@example.com": ["bob@example.com"]}
    assert [one["recipient"] for one in result["undelivered"]] == names
    assert len(json.dumps(result)) < STATE_LIMIT
    outcomes = [made(one) for one in result["undelivered"]]
    assert max(len(json.dumps(one)) - 2 * len(json.dumps(one["outcome"]["recipient"])) for one in outcomes) <= OUTCOME
    assert len(json.dumps({"recipients": names, "deliveries": result["deliveries"], "outcomes": outcomes})) < MAX_STATE


def test_few_recipients_keep_their_reasons_whole() -> None:
    [one] = resolve(KNOWN, "eve@example.com", "bob@example.com")["undelivered"]
    assert one["reason"] == "there is no such address, and its domain has no catch-all"


def test_reasons_become_shorter_before_anything_is_refused() -> None:
    names = [f"{n:03}{'x' * 57}@{'d' * 60}.unknown.example" for n in range(360)]
    undelivered = resolve(KNOWN, *names)["undelivered"]
    assert len(undelivered) == len(names)
    assert all(0 < len(one["reason"].encode()) <= 150 for one in undelivered)
    assert undelivered[0]["entry"] == f"@{'d' * 60}.unknown.example"


def test_what_no_state_could_carry_is_refused() -> None:
    names = [f"{n:04}{'x' * 60}@{'.'.join(['d' * 60] * 4)}.example" for n in range(500)]
    with pytest.raises(FanOutLimitExceeded, match=f"500 recipients without one make .* more than {MAX_STATE}"):
        resolve(KNOWN, *names)


@given(st.one_of(st.text(max_size=2000), st.integers(), st.none(), st.dictionaries(st.text(), st.integers())))
def test_whatever_is_no_address_can_be_a_key(given: object) -> None:
    shown = printable(given)
    assert shown.isprintable()
    assert 1 <= len(shown.encode()) <= 320


@pytest.mark.parametrize("text", ["👍" * 320, "é" * 400, "x" * 5000, "\n" * 900])
def test_long_texts_are_cut_by_octets_and_stay_different(text: str) -> None:
    shown = {printable(f"{text}{end}") for end in "abc"}
    assert len(shown) == 3
    assert all(len(one.encode()) <= 320 for one in shown)


def test_the_same_text_twice_is_one_outcome() -> None:
    result = resolve(KNOWN, "no address", "no address", "")
    assert [one["recipient"] for one in result["undelivered"]] == ["no address", "(empty)"]


@settings(max_examples=30)
@given(st.integers(1, 400), st.integers(1, 64), st.sampled_from(["example.com", "unknown.example", "é.example"]))
def test_either_all_have_an_outcome_or_the_message_is_parked(count: int, length: int, place: str) -> None:
    names = [f"{n}{'x' * (length - len(str(n)))}@{place}" for n in range(count)]
    try:
        result = resolve(KNOWN, *names)
    except FanOutLimitExceeded:
        assert count > 200
        return
    assert len(result["undelivered"]) == len(set(names))
    assert len(json.dumps(result)) <= MAX_STATE
