"""The key of a month: UTC, and its shards by the message's id."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from mailroom import months
from mailroom.months import keys_of, month_of, months_back, with_month

MOMENT = datetime(2026, 12, 1, 2, 47, tzinfo=UTC)


def test_the_month_is_utc() -> None:
    assert month_of(MOMENT, "m1") == "2026-12#0"
    assert month_of(MOMENT.astimezone(timezone(timedelta(hours=-5))), "m1") == month_of(MOMENT, "m1")


def test_more_shards_would_be_filled_by_the_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(months, "SHARDS", ("0", "1", "2", "3"))
    found = [month_of(MOMENT, f"0a1b2c3d4e{n}") for n in range(1600)]
    assert {*found} == {*keys_of(MOMENT)} == {f"2026-12#{shard}" for shard in "0123"}
    assert max(map(found.count, {*found})) < 500
    assert month_of(MOMENT + timedelta(days=1), "m1") == month_of(MOMENT, "m1"), "by the id alone"


@pytest.mark.parametrize(
    ("since", "wanted"),
    [
        (MOMENT, ["2026-12"]),
        (MOMENT - timedelta(hours=2), ["2026-12"]),
        (MOMENT - timedelta(hours=3), ["2026-12", "2026-11"]),
        (datetime(2026, 9, 30, tzinfo=timezone(timedelta(hours=14))), ["2026-12", "2026-11", "2026-10", "2026-09"]),
        (datetime(2026, 12, 1, tzinfo=UTC), ["2026-12"]),
    ],
)
def test_the_months_of_a_time_come_backwards(since: datetime, wanted: list[str]) -> None:
    assert [f"{one:%Y-%m}" for one in months_back(MOMENT, since)] == wanted


def test_an_earlier_versions_message_gets_its_month() -> None:
    message = {"id": "m1", "received_at": "2026-12-01T02:47:00.000Z"}
    assert with_month(message) == {**message, "month": month_of(MOMENT, "m1")}


@pytest.mark.parametrize("message", [{}, {"id": "m1"}, {"id": "m1", "received_at": "x", "month": "given"}])
def test_what_has_a_month_or_cannot_have_one_stays(message: dict[str, str]) -> None:
    assert with_month(message) == message
