"""Ages and points in time as operators write them."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from mailroomctl.times import age, iso, parse_age, parse_moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90m", timedelta(minutes=90)), (" 2 H ", timedelta(hours=2)), ("3d", timedelta(3)), ("1w", timedelta(7))],
)
def test_parse_age(text: str, expected: timedelta) -> None:
    assert parse_age(text) == expected


@pytest.mark.parametrize("text", ["", "2", "d", "-2d", "2 years", "9999999d", "2026-11-24"])
def test_no_age(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a duration"):
        parse_age(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24", "2026-11-24T00:00:00.000Z"),
        ("2026-11-24T02:47", "2026-11-24T02:47:00.000Z"),
        ("2026-11-24T02:47Z", "2026-11-24T02:47:00.000Z"),
        ("2026-11-24T02:47+01:00", "2026-11-24T01:47:00.000Z"),
    ],
)
def test_parse_moment(text: str, expected: str) -> None:
    assert iso(parse_moment(text)) == expected


def test_an_age_is_before_now() -> None:
    assert abs((datetime.now(UTC) - parse_moment("2h") - timedelta(hours=2)).total_seconds()) < 5
    with pytest.raises(typer.BadParameter, match="is not a date or time"):
        parse_moment("yesterday")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-3, "0s"), (0, "0s"), (59, "59s"), (3600, "1h"), (3661, "1h 1m"), (90_061, "1d 1h"), (86_400, "1d")],
)
def test_age(seconds: float, expected: str) -> None:
    assert age(seconds) == expected


@pytest.mark.parametrize("text", ["999999w", "0001-01-01T00:00+14:00"])
def test_a_moment_that_cannot_be_counted(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="too long ago, or too far ahead"):
        parse_moment(text)
