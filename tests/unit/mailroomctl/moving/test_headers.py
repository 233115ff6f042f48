import pytest

from mailroomctl.moving.headers import Headers, decoded


def test_fields_are_found_however_they_are_written() -> None:
    headers = Headers(b"From: a\r\nX: 1\r\n folded\r\n\tmore\r\nx : 2\r\nXY: 3\r\nno field\r\n\r\nX: body\r\n")
    assert list(headers.all("X")) == [b"1 folded\tmore", b"2"]
    assert headers.first("from") == b"a"
    assert headers.first("body") is None


@pytest.mark.parametrize(
    ("head", "section"),
    [
        (b"\nX: body\n", b""),
        (b"\r\nX: body\n", b""),
        (b"A: 1\n\nX: body", b"A: 1\n"),
        (b"A: 1\r\n\r\nX: body", b"A: 1\r\n"),
        (b"A: 1", b"A: 1"),
        (b"", b""),
    ],
)
def test_the_section_ends_at_the_first_empty_line(head: bytes, section: bytes) -> None:
    headers = Headers(head)
    assert headers.section == section
    assert headers.first("X") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"=?UTF-8?Q?B=C3=BCro?=", "Büro"),
        (b"=?UTF-8?B?QsO8cm8=?= x", "Büro x"),
        (b"=?nonsense?Q?x?=", "=?nonsense?Q?x?="),
        (b"B\xc3\xbcro", "Büro"),
        (b"plain", "plain"),
    ],
)
def test_encoded_words_are_decoded(value: bytes, text: str) -> None:
    assert decoded(value) == text
