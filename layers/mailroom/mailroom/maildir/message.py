"""Write one message to an open file: the lines in front, then the content as it comes, counted on the way."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mailroom.errors import InvalidEvent
from mailroom.maildir.failures import Storing

# Pieces are gathered up to this size and written with one call: on NFS a write may be a round trip, and the kernel
# takes no more than IOV_MAX (1024) pieces at once.
GATHER_BYTES = 256 * 1024
GATHER_PIECES = 512

# A literal first and a look behind it: twice as fast as counting LF and CRLF, and a good part of a small delivery.
_BARE_LF = re.compile(rb"\n(?<!\r\n)")
_WRITING = Storing("writing the message")


class Written(NamedTuple):
    """What Dovecot wants to know of a file without opening it."""

    size: int
    """Bytes on disk (S)."""
    virtual_size: int
    """Bytes when every line end is CRLF (W)."""


def check_headers(headers: Sequence[tuple[str, str]]) -> None:
    """Refuse a header that could start another header or end the header section (header injection)."""
    for name, value in headers:
        if not (name and name.isascii() and name.isprintable()) or ":" in name or " " in name:
            raise InvalidEvent("a header to put in front has an illegal name")
        if "\n" in value or "\r" in value or "\0" in value:
            raise InvalidEvent(f"the value for {name} contains a line break or NUL")


def write_message(descriptor: int, headers: Sequence[tuple[str, str]], content: Iterable[bytes]) -> Written:
    """Write headers and content; exceptions of ``content`` pass unchanged, those of the file become Mailroom's.

    The headers end their lines as the message does: CRLF (what SES stores), or LF when its first line does.
    """
    chunks = iter(content)
    first = next(chunks, b"")
    front = _header_block(headers, first)
    size = bare = 0
    after_cr = False
    for pieces in _gather(front, first, chunks):
        for piece in pieces:
            size += len(piece)
            bare += len(_BARE_LF.findall(piece))
            if after_cr and piece.startswith(b"\n"):
                bare -= 1
            after_cr = piece.endswith(b"\r")
        with _WRITING:
            _write_all(descriptor, pieces)
    return Written(size, size + bare)


def _header_block(headers: Sequence[tuple[str, str]], first: bytes) -> bytes:
    """The header lines as bytes; UTF-8 as RFC 6532 has it."""
    line_end = first.find(b"\n")
    eol = "\n" if line_end == 0 or (line_end > 0 and first[line_end - 1] != 0x0D) else "\r\n"
    return "".join(f"{name}: {value}{eol}" for name, value in headers).encode("utf-8", "backslashreplace")


def _gather(front: bytes, first: bytes, chunks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Group pieces into lists worth a system call; an empty piece is dropped."""
    pieces = [piece for piece in (front, first) if piece]
    waiting = len(front) + len(first)
    for chunk in chunks:
        if waiting >= GATHER_BYTES or len(pieces) >= GATHER_PIECES:
            yield pieces
            pieces, waiting = [], 0
        if chunk:
            pieces.append(chunk)
            waiting += len(chunk)
    if pieces:
        yield pieces


def _write_all(descriptor: int, pieces: list[bytes]) -> None:
    """Write all pieces, normally with one call; a short write (a nearly full disk) is continued."""
    waiting = sum(map(len, pieces))
    written = os.writev(descriptor, pieces)
    if written == waiting:
        return
    rest = memoryview(b"".join(pieces))
    while written < waiting:
        written += os.write(descriptor, rest[written:])
