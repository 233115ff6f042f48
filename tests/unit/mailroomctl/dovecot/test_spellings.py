"""The names under which a person may log in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mailroom.addresses import parse
from mailroom.errors import InvalidAddress

from mailroomctl.dovecot.spellings import escaped, listable, looked_up, spellings
from tests.unit.mailroom.test_addresses import SAME


def test_an_ascii_name_is_spelled_one_way() -> None:
    assert spellings(parse("O'Brien@Example.com")) == ["o'brien@example.com"]


def test_letters_in_capitals_and_in_two_parts() -> None:
    assert spellings(parse("müller@example.com")) == [
        "müller@example.com",
        "mu\u0308ller@example.com",
        "mÜller@example.com",
    ]


def test_a_domain_as_people_write_it() -> None:
    found = spellings(parse("anna@bücher.example"))
    assert found[0] == "anna@xn--bcher-kva.example"
    assert {"anna@bücher.example", "anna@bu\u0308cher.example", "anna@bÜcher.example"} == set(found[1:])


def test_the_small_letters_of_capitals() -> None:
    assert looked_up("σίσυφος@example.com") in spellings(parse("ΣΊΣΥΦΟΣ@example.com"))


@pytest.mark.parametrize("written", [written for written, _ in SAME])
def test_every_spelling_is_of_the_address_and_the_usual_one_is_first(written: str) -> None:
    address = parse(written)
    found = spellings(address)
    assert found[0] == address.text
    assert len(found) == len(set(found))
    assert {parse(one) for one in found} == {address}


@settings(max_examples=50)
@given(st.text(max_size=20))
def test_two_addresses_share_no_spelling(local_part: str) -> None:
    try:
        address = parse(f"{local_part}@example.com")
    except InvalidAddress:
        return
    assert all(parse(one) == address and looked_up(one) == one for one in spellings(address))


def test_what_a_passwd_file_cannot_hold() -> None:
    assert all(map(listable, ("bob@example.com", '"john smith"@example.com', "a#b", "\u0646\u200c\u0647@example.com")))
    assert not any(map(listable, ("", '"a:b"@example.com', "#1@example.com", "a\nb", "a\x7fb")))


def test_quotes_and_backslashes_are_escaped_as_dovecot_does() -> None:
    assert escaped("""o'brien "a\\b" %""") == """o\\'brien \\"a\\\\b\\" %"""
