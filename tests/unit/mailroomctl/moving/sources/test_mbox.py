import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailroomctl.moving.content import CHUNK
from mailroomctl.moving.sources.item import Message, Quoting, Reading, SetAside
from mailroomctl.moving.sources.mbox import read_mbox
from tests.unit.mailroomctl.moving.one_import import DATE, SECONDS, mbox, messages, raw, read

SEPARATOR = f"From a@example.org {DATE}\n".encode()
LINES = st.sampled_from(
    [
        b"From ",
        b">From ",
        b">>From x\n",
        b"From a@example.org Tue Nov 24 10:00:00 2026\n",
        b"\n",
        b"\r\n",
        b"\0\n",
        b"Subject: x\n",
        b"body\xff\r\n",
        b">",
        b"x" * 300 + b"\n",
    ]
)


def read_bytes(content: bytes, quoting: Quoting = Quoting.RD, *, piece: int = CHUNK) -> list[Message | SetAside]:
    class Slow(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(min(size if size and size > 0 else piece, piece))

    items = list(read_mbox(Slow(content), "x", (), Reading(quoting), 0))
    assert all(isinstance(item, Message | SetAside) for item in items)
    return items  # type: ignore[return-value]


def bytes_of(items: list[Message | SetAside]) -> list[bytes]:
    return [raw(item) for item in items if isinstance(item, Message)]


@given(st.lists(st.lists(LINES).map(lambda lines: b"".join(lines) + b"\n"), min_size=1), st.integers(1, 700))
@example([b"\n"], 1)
@example([b"From \n", b"\n\n"], 3)
def test_what_an_mboxrd_holds_comes_out_as_it_went_in(mails: list[bytes], piece: int) -> None:
    assert bytes_of(read_bytes(mbox(*mails), piece=piece)) == mails


@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_file_stops_the_reader_and_no_byte_is_lost_but_the_format_s(content: bytes, piece: int) -> None:
    items = read_bytes(SEPARATOR + content, Quoting.NONE, piece=piece)
    assert SEPARATOR + content in (
        SEPARATOR + b"".join(bytes_of(items)) + end for end in (b"", b"\n", b"\r\n")
    ) or content.count(b"From ")


def test_line_ends_stay(tmp_path: Path) -> None:
    mail = b"Subject: x\r\n\r\nbody\r\nFrom here\r\n"
    path = tmp_path / "a.mbox"
    path.write_bytes((SEPARATOR + b"Subject: x\n\n>From here\n\n" + SEPARATOR).replace(b"\n", b"\r\n") + mail + b"\r\n")
    first, second = messages(path)
    assert raw(first) == b"Subject: x\r\n\r\nFrom here\r\n"
    assert raw(second) == mail
    assert first.own_date == SECONDS


@pytest.mark.parametrize(
    ("quoting", "expected"),
    [
        (Quoting.RD, b"From a\n>From b\n>>From c\n> From d\n"),
        (Quoting.O, b"From a\n>>From b\n>>>From c\n> From d\n"),
        (Quoting.NONE, b">From a\n>>From b\n>>>From c\n> From d\n"),
    ],
)
def test_quotes_are_taken_away_by_the_rule_of_the_format(quoting: Quoting, expected: bytes) -> None:
    content = SEPARATOR + b"\n>From a\n>>From b\n>>>From c\n> From d\n\n"
    assert bytes_of(read_bytes(content, quoting)) == [b"\n" + expected]


@pytest.mark.parametrize(
    ("line", "separates"),
    [
        (b"From b@example.org Fri Jul  8 12:08:34 2011", True),
        (b"From b Fri Jul 08 12:08:34 +0200 2011", True),
        (b"From b@example.org Fri, 8 Jul 2011 12:08:34 +0000", True),
        (b"From 1844347792267117879@xxx", False),  # no header field follows
        (b"From here on it is text", False),
        (b"From Monday to Friday", False),
        (b"From ", False),
        (b" From b Fri Jul  8 12:08:34 2011", False),
    ],
)
def test_a_separator_has_a_date(line: bytes, separates: bool) -> None:
    content = SEPARATOR + b"Subject: 1\n\nbody\n\n" + line + b"\nno field\n"
    assert len(read_bytes(content)) == (2 if separates else 1)


@pytest.mark.parametrize("first", [b"From 1844@xxx\n", b"From - \n", b"From somebody at some time\n"])
def test_separators_without_a_date_are_taken_where_header_fields_follow(tmp_path: Path, first: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(first + b"Subject: 1\n\nFrom me\nto you\n\n" + first + b"Subject: 2\n\nbody\n")
    assert [raw(one) for one in messages(path)] == [b"Subject: 1\n\nFrom me\nto you\n", b"Subject: 2\n\nbody\n"]


def test_a_date_and_a_header_field_separate_without_an_empty_line() -> None:
    content = SEPARATOR + b"Subject: 1\n\nend\n" + SEPARATOR + b"Subject: 2\n\n" + SEPARATOR + b"text\n"
    assert bytes_of(read_bytes(content)) == [b"Subject: 1\n\nend\n", b"Subject: 2\n", b"text\n"]


def test_lines_of_any_length_and_nul_stay() -> None:
    long = b"x" * (3 * CHUNK) + b"\n"
    mails = [b"Subject: 1\n\n" + long + b"\nFrom " + long, b"Subject: 2\0\n\n" + b"From " + long[:100_000] + b"\n"]
    assert bytes_of(read_bytes(mbox(*mails))) == mails
    assert bytes_of(read_bytes(mbox(b"\n" + b"x" * CHUNK + b"From y\n"))) == [b"\n" + b"x" * CHUNK + b"From y\n"]


def test_a_large_message_is_kept_outside_of_the_memory() -> None:
    mail = b"Subject: large\n\n" + b"line\n" * 200_000
    [message] = read_bytes(mbox(mail))
    assert isinstance(message, Message)
    assert sum(map(len, message.content._pieces)) < 100_000
    assert message.headers.first("Subject") == b"large"
    assert raw(message) == mail


@pytest.mark.parametrize(
    ("fields", "flags", "keywords"),
    [
        (b"Subject: x\n", None, ()),
        (b"Status: O\n", "", ()),
        (b"Status: RO\nX-Status: AFTD\n", "DFRST", ()),
        (b"X-Keywords: $Label1 work  \n", None, ("$Label1", "work")),
        (b"X-Mozilla-Status: 1007\nX-Mozilla-Keys: junk\n", "FRS", ("junk", "$Forwarded")),
        (b"X-Mozilla-Status: 0008\n", "T", ()),
        (b"X-Mozilla-Status: nonsense\n", "", ()),
    ],
)
def test_flags_are_in_header_fields(fields: bytes, flags: str | None, keywords: tuple[str, ...]) -> None:
    [message] = read_bytes(SEPARATOR + fields + b"\nbody\n\n")
    assert isinstance(message, Message)
    assert (message.flags, message.keywords) == (flags, keywords)


def test_a_message_in_hand_is_closed_when_reading_fails() -> None:
    class Failing(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            if self.tell() > 2 * CHUNK:
                raise OSError(5, "Input/output error")
            return super().read1(size)

    # A file that is left open is a warning, which is an error.
    with pytest.raises(OSError, match="Input/output"):
        list(read_mbox(Failing(mbox(b"b\n" * 4 * CHUNK)), "x", (), Reading(), 0))


def test_where_nothing_is_quoted_a_separator_has_a_message_behind_it() -> None:
    one = b"Subject: 1\n\nhe wrote:\n\n" + SEPARATOR + b"that was a separator\n"
    content = SEPARATOR + one + b"\n" + SEPARATOR + b"Subject: 2\n\n\n" + SEPARATOR + b"\nbody alone\n\n" + SEPARATOR
    expected = [one, b"Subject: 2\n\n", b"\nbody alone\n", b""]
    for piece in (7, CHUNK):
        assert bytes_of(read_bytes(content, Quoting.NONE, piece=piece)) == expected
    assert len(bytes_of(read_bytes(content, Quoting.RD))) == 5


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n", b"\r\n \t\n", b"\xef\xbb\xbf\n"])
def test_an_editor_s_mark_and_empty_lines_may_be_in_front(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(before + mbox(b"1\n", b"2\n"))
    assert [raw(message) for message in messages(path)] == [b"1\n", b"2\n"]


def test_a_file_whose_beginning_is_lost_is_read_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.mbox"
    path.write_bytes(b"half a line\nand another\n\n" + mbox(b"1\n"))
    told, message = read(path)
    assert told == SetAside(str(path), "there is something before the first message")
    assert isinstance(message, Message)
    assert raw(message) == b"1\n"


def test_a_first_message_without_its_separator_is_one(tmp_path: Path) -> None:
    path = tmp_path / "a.mbox"
    first = b"Subject: 1\nFrom: a@example.org\n\nbody\n"
    path.write_bytes(first + b"\n" + mbox(b"2\n"))
    assert [raw(message) for message in messages(path)] == [first, b"2\n"]


def test_what_is_in_front_of_the_first_message_is_set_aside() -> None:
    assert read_bytes(b"preface\n\n" + mbox(b"a\n"))[0] == SetAside("x", "there is something before the first message")


def test_a_file_that_only_looks_like_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"From me to you,\na letter.\n")
    [told] = read(path)
    assert not isinstance(told, Message)
