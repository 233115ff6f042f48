"""Addresses are looked for as they are on record: normalised, or as they came."""

import pytest

from mailroomctl.addresses import normalised


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bob@example.com", "bob@example.com"),
        ("Bob@EXAMPLE.com", "bob@example.com"),
        ("bob@Bücher.example", "bob@xn--bcher-kva.example"),
        ("No Address", "No Address"),
        ("Bob@", "Bob@"),
        ("", ""),
    ],
)
def test_normalised_or_left(text: str, found: str) -> None:
    assert normalised(text) == found
