"""What is written: every byte of the content, the headers in front, and the sizes that Dovecot expects."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailroom.errors import InvalidEvent, StorageUnavailable
from mailroom.maildir import message
from mailroom.maildir.message import Written

HEADERS = [("Delivered-To", "bob@example.com"), ("X-Original-To", "böb@example.com")]


def write(path: Path, chunks: Iterable[bytes], headers: list[tuple[str, str]] = HEADERS) -> Written:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        return message.write_message(descriptor, headers, chunks)
    finally:
        os.close(descriptor)


def virtual_size(data: bytes) -> int:
    """The definition of W: every line end as CRLF."""
    return len(re.sub(b"(?<!\r)\n", b"\r\n", data))


@given(st.lists(st.text("a\r\n", max_size=4).map(str.encode), max_size=12))
def test_bytes_and_sizes_are_exact_wherever_the_chunks_end(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "message"
    written = write(path, chunks, [])
    assert path.read_bytes() == b"".join(chunks)
    assert written == Written(len(b"".join(chunks)), virtual_size(b"".join(chunks)))


@given(
    length=st.integers(0, 200),
    changes=st.lists(
        st.tuples(st.integers(0, 100_000), st.sampled_from([b"\n", b"\r", b"\r\n", b"x", b""])), max_size=4
    ),
    start=st.integers(0, 90),
)
def test_lines_of_one_length_are_counted_exactly_too(length: int, changes: list[tuple[int, bytes]], start: int) -> None:
    data = (b"A" * length + b"\r\n") * (100_000 // (length + 2))
    for position, insertion in changes:
        data = data[:position] + insertion + data[position + 1 :]
    data = data[start:]
    assert message._bare_line_feeds(data, bytearray()) == data.count(b"\n") - data.count(b"\r\n")


@pytest.mark.parametrize(
    ("content", "eol"),
    [
        (b"A: b\r\n\r\nx\r\n", b"\r\n"),
        (b"A: b\n\nx\n", b"\n"),
        (b"A: b\r\n\nx\n", b"\r\n"),
        (b"\n", b"\n"),
        (b"", b"\r\n"),
        (b"no line end", b"\r\n"),
    ],
)
def test_the_headers_end_their_lines_as_the_message_does(tmp_path: Path, content: bytes, eol: bytes) -> None:
    written = write(tmp_path / "m", [content])
    expected = b"Delivered-To: bob@example.com" + eol + "X-Original-To: böb@example.com".encode() + eol + content
    assert (tmp_path / "m").read_bytes() == expected
    assert written == Written(len(expected), virtual_size(expected))


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_connection_that_breaks_within_the_first_line_changes_no_line_end(tmp_path: Path, end: bytes) -> None:
    content = end.join([b"From: bob@example.com", b"", b"text", b""])
    write(tmp_path / "whole", [content])
    for at in range(len(content)):
        write(tmp_path / "broken", [content[:at], b"", content[at:]])
        assert (tmp_path / "broken").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("pieces", [1, 7, 511, 512, 513, 3000])
def test_many_small_chunks_become_few_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    calls: list[int] = []
    writev = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, buffers: calls.append(len(buffers)) or writev(fd, buffers))
    write(tmp_path / "m", [b"line\r\n"] * pieces, [])
    assert (tmp_path / "m").read_bytes() == b"line\r\n" * pieces
    assert len(calls) == -(-pieces // message.GATHER_PIECES)


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "writev", lambda fd, buffers: os.write(fd, b"".join(buffers)[:7]))
    write_all = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write_all(fd, bytes(data)[:5]))
    write(tmp_path / "m", [b"abc" * 100, b"def"], [])
    assert (tmp_path / "m").read_bytes() == b"abc" * 100 + b"def"


def test_writeback_of_a_large_message_begins_early_and_never_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advised: list[tuple[int, int]] = []

    def refuse(descriptor: int, offset: int, length: int, advice: int) -> None:
        advised.append((offset, length))
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "posix_fadvise", refuse)
    data = os.urandom(message.GATHER_BYTES)
    write(tmp_path / "m", [data] * 40, [])
    assert (tmp_path / "m").read_bytes() == data * 40
    assert advised == [(0, message.START_BYTES), (message.START_BYTES, message.START_BYTES)]


def test_content_is_written_as_it_comes(tmp_path: Path) -> None:
    """No more than two gatherings are ever in memory."""
    on_disk: list[int] = []
    path = tmp_path / "m"

    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            on_disk.append(path.stat().st_size)
            yield b"x" * message.GATHER_BYTES

    write(path, chunks(), [])
    assert on_disk[-1] >= 17 * message.GATHER_BYTES


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nBcc: b"),
        ("X", "a\nb"),
        ("X", "a\rb"),
        ("X", "a\0"),
        ("X:", "a"),
        ("", "a"),
        ("X Y", "a"),
        ("Ä", "a"),
    ],
)
def test_a_header_that_could_forge_another_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        message.check_headers([(name, value)])
    assert "Bcc" not in str(caught.value)


def test_an_error_of_the_file_is_temporary_and_one_of_the_content_is_its_own(tmp_path: Path) -> None:
    read_only = os.open(tmp_path / "m", os.O_RDONLY | os.O_CREAT)
    try:
        with pytest.raises(StorageUnavailable, match="EBADF"):
            message.write_message(read_only, [], [b"x"])

        def broken() -> Iterator[bytes]:
            yield b"x"
            raise ConnectionResetError("the source broke")

        with pytest.raises(ConnectionResetError):
            message.write_message(read_only, [], broken())
    finally:
        os.close(read_only)
