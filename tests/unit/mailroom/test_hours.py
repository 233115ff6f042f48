"""The key of an hour: UTC, and one of sixteen shards by the message's id."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from mailroom.hours import SHARDS, hour_of, with_hour

MOMENT = datetime(2026, 11, 24, 2, 47, 0, 123_000, UTC)


def test_the_hour_is_utc() -> None:
    assert hour_of(MOMENT, "m1").startswith("2026-11-24T02#")
    assert hour_of(MOMENT.astimezone(timezone(timedelta(hours=-5))), "m1") == hour_of(MOMENT, "m1")


def test_the_shard_is_the_ids_alone() -> None:
    later = hour_of(MOMENT + timedelta(days=3), "m1")
    assert later.rpartition("#")[2] == hour_of(MOMENT, "m1").rpartition("#")[2]


def test_messages_spread_over_all_shards() -> None:
    shards = [hour_of(MOMENT, f"0a1b2c3d4e{n}").rpartition("#")[2] for n in range(1600)]
    assert {*shards} == {*SHARDS}
    assert max(map(shards.count, SHARDS)) < 160


def test_an_earlier_versions_message_gets_its_hour() -> None:
    message = {"id": "m1", "received_at": "2026-11-24T02:47:00.123Z"}
    assert with_hour(message) == {**message, "hour": hour_of(MOMENT, "m1")}


@pytest.mark.parametrize("message", [{}, {"id": "m1"}, {"id": "m1", "received_at": "x", "hour": "given"}])
def test_what_has_an_hour_or_cannot_have_one_stays(message: dict[str, str]) -> None:
    assert with_hour(message) == message
