import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroomctl.moving.dates import AHEAD, EARLIEST, parse, parse_separator, received_at
from mailroomctl.moving.headers import Headers

NOW = 1_795_500_000.0
OWN = 1_600_000_000.0
OLD, NEW = "Mon, 2 Mar 2020 10:00:00 +0000", "Tue, 3 Mar 2020 12:00:00 +0200"
NEW_SECONDS = 1_583_229_600.0


def date_of(*fields: str, own: float | None = None, otherwise: float = 0) -> float:
    return received_at(Headers("\r\n".join([*fields, "", "body"]).encode()), own, otherwise, NOW)


def test_the_source_goes_first() -> None:
    assert date_of(f"Received: x; {NEW}", own=OWN) == OWN


@pytest.mark.parametrize("own", [None, 0.0, EARLIEST - 1, NOW + AHEAD + 1])
def test_then_the_newest_of_the_servers(own: float | None) -> None:
    fields = [
        f"Received: by a;\r\n {OLD}",
        f"Received: from b; by c; {NEW} (CET)",
        f"Received: x; {OLD}",
        f"Date: {OLD}",
    ]
    assert date_of(*fields, own=own) == NEW_SECONDS


def test_a_server_s_date_that_cannot_be_does_not_count() -> None:
    future, never = "Tue, 3 Mar 2120 12:00:00 +0000", "yesterday"
    assert (
        date_of(f"Received: x; {future}", f"Received: x; {never}", "Received: x", f"Received: x; {NEW}") == NEW_SECONDS
    )


def test_then_the_sender_s() -> None:
    assert date_of("Received: x; nonsense", "Date: nonsense", f"Date: {NEW}") == NEW_SECONDS


def test_then_the_file_s_and_at_last_now() -> None:
    assert date_of("Subject: x", otherwise=OWN) == OWN
    assert date_of("Subject: x") == NOW
    assert date_of("Date: Fri, 1 Jan 2100 00:00:00 +0000") == NOW


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        (b"From a@b Tue Mar  3 10:00:00 2020\r\n", NEW_SECONDS),
        (b"From a@b Tue Mar 03 10:00:00 +0000 2020\n", NEW_SECONDS),
        (b"From a@b Tue Mar  3 12:00:00 +0200 2020\n", NEW_SECONDS),
        (b"From a@b Tue Mar  3 10:00 2020\n", NEW_SECONDS),
        (b"From a@b Tue, 3 Mar 2020 12:00:00 +0200\n", NEW_SECONDS),
        (b"From a@b Tue Mar  3 05:00:00 EST 2020\n", NEW_SECONDS),
        (b"From Mon Mar  2 10:00:00 2020 Tue Mar  3 10:00:00 2020 remote from x\n", NEW_SECONDS),
        (b"From a@b Tue Mar 93 10:00:00 2020\n", None),
        (b"From a@b Tue Abc  3 10:00:00 2020\n", None),
        (b"From a@b Tue Mar  3 10:00:00\n", None),
        (b"From - \n", None),
    ],
)
def test_the_separator_of_an_mbox_has_a_date(line: bytes, seconds: float | None) -> None:
    assert parse_separator(line) == seconds


@given(st.binary(max_size=80))
def test_no_text_is_too_wrong_to_be_none(text: bytes) -> None:
    assert parse(text) is None or isinstance(parse(text), float)
    parse_separator(b"From x " + text)


@pytest.mark.parametrize("text", [b"Mon, 2 Mar 99999999999 10:00:00 +0000", b"31 Feb 2020 10:00:00 +0000", b"\xff"])
def test_dates_that_no_clock_shows_are_none(text: bytes) -> None:
    assert parse(text) is None
