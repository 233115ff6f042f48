"""Names on disk: deterministic, and legal for Dovecot."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from mailroom.maildir import names

AT = datetime(2026, 11, 24, 2, 47, 0, 123456, UTC)


@given(delivery_id=st.text(), at=st.datetimes(timezones=st.just(UTC)))
def test_a_base_name_is_deterministic_and_legal(delivery_id: str, at: datetime) -> None:
    name = names.message_name(delivery_id, at)
    assert name == names.message_name(delivery_id, at)
    assert name.base.endswith(name.mark)
    assert name.base[0].isdigit()
    assert not set(name.base) & set("/:,\0 \n")
    assert len(name.base) < 100


def test_the_receive_time_is_the_first_field_and_the_mtime() -> None:
    name = names.message_name("x", AT)
    assert name.base.split(".")[0] == str(int(AT.timestamp()))
    assert name.mtime == int(AT.timestamp()) * 1_000_000_000 + 123_456_000


def test_the_same_instant_in_another_zone_or_as_a_number_is_the_same() -> None:
    assert names.message_name("x", AT.astimezone(timezone(timedelta(hours=9)))) == names.message_name("x", AT)
    assert names.message_name("x", int(AT.timestamp())).base == names.message_name("x", AT).base


def test_another_receive_time_keeps_the_mark() -> None:
    """A repeated notification may carry another time; the recovery must find the first copy nevertheless."""
    assert names.message_name("x", AT).mark == names.message_name("x", AT + timedelta(days=1)).mark


@given(st.text(), st.text())
def test_different_deliveries_have_different_names(one: str, other: str) -> None:
    assert (names.message_name(one, AT) == names.message_name(other, AT)) == (one == other)


def test_temporary_names_differ_even_for_the_same_attempt() -> None:
    name = names.message_name("x", AT)
    one, other = names.temporary_name(name, "a"), names.temporary_name(name, "a")
    assert one != other
    assert one.startswith(name.base)
