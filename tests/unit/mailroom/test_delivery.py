"""Reading the Map item, and until when its attempt may publish."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from mailroom.delivery import Delivery
from mailroom.errors import ClockWrong, InvalidEvent

SECONDS = 16
ENTERED = 1_796_000_000.0


def delivery(entered_at: Any = None, **changes: Any) -> Delivery:
    state = {
        "message": {"id": "m1", "bucket": "b", "key": "mail/m1", "received_at": "2026-11-24T02:47:00.123Z"},
        "delivery": {"mailbox": "bob@example.com", "path": "bob", "folder": "INBOX", "recipients": ["bob@example.com"]},
        "attempts": 1,
        "retry_count": 0,
        "entered_at": entered_at,
    }
    return Delivery.from_state(state | changes, request_id="request-1")


def text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The local clock, which tests set."""
    now = [ENTERED]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("entered_at", "seconds"),
    [
        ("2026-11-30T00:53:20Z", 0),
        ("2026-11-30T00:53:20.250Z", 0.25),
        ("2026-11-30T00:53:20.250000Z", 0.25),
        ("2026-11-30T00:53:20.250000999Z", 0.25),
        ("2026-11-30T00:53:20+00:00", 0),
        ("2026-11-30T00:53:20.250000+00:00", 0.25),
        ("2026-11-30T01:53:20+01:00", 0),
        ("2026-11-30T00:53:20.250", 0.25),
    ],
)
def test_the_time_of_entry_in_every_form(clock: list[float], entered_at: str, seconds: float) -> None:
    assert delivery(entered_at).publish_before(SECONDS) == ENTERED + seconds + SECONDS


@pytest.mark.parametrize("entered_at", ["", "soon", "Z", 1_796_000_000, [], True])
def test_a_time_of_entry_that_is_none_is_refused(entered_at: object) -> None:
    with pytest.raises(InvalidEvent, match="malformed"):
        delivery(entered_at)


def test_without_a_time_of_entry_there_is_no_deadline() -> None:
    assert delivery(None).publish_before(SECONDS) is None
    state = {"message": {"id": "m1", "bucket": "b", "key": "k", "received_at": "2026-11-24T02:47:00Z"}}
    state["delivery"] = {"mailbox": "bob", "path": "bob", "folder": "INBOX", "recipients": []}
    assert Delivery.from_state(state, request_id="request-1").publish_before(SECONDS) is None


@pytest.mark.parametrize("again", [{"attempts": 2}, {"retry_count": 1}])
@pytest.mark.parametrize("since", [-3600, 3600])
def test_a_recovery_has_no_deadline_and_needs_no_clock(clock: list[float], again: dict[str, int], since: int) -> None:
    assert delivery(text(ENTERED - since), **again).publish_before(SECONDS) is None


@pytest.mark.parametrize("behind", [-100, 0, 0.9, 1])
def test_a_clock_may_be_a_second_behind(clock: list[float], behind: float) -> None:
    clock[0] = ENTERED - behind
    assert delivery(text(ENTERED)).publish_before(SECONDS) == ENTERED + SECONDS


@pytest.mark.parametrize("behind", [1.01, 3600])
def test_a_clock_further_behind_is_wrong(clock: list[float], behind: float) -> None:
    clock[0] = ENTERED - behind
    with pytest.raises(ClockWrong, match=f"{behind:.1f} s behind the workflow's"):
        delivery(text(ENTERED)).publish_before(SECONDS)


def test_a_copy_is_for_the_address_and_known_by_the_name_of_its_records() -> None:
    known = {"mailbox": "bob@example.com", "path": "bob", "folder": "INBOX", "recipients": ["info@example.com"]}
    renamed = delivery(delivery=known | {"address": "robert@example.com"})
    before = delivery(delivery=known)
    assert renamed.headers[0] == ("Delivered-To", "robert@example.com")
    assert before.headers[0] == ("Delivered-To", "bob@example.com")
    assert renamed.delivery_id == before.delivery_id
