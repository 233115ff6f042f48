"""Write one message to an open file: the lines in front, then the content as it comes, counted on the way."""

import contextlib
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
# After so many bytes the kernel is told to begin to store them, while the next ones are still on their way from S3.
START_BYTES = 4 * 1024 * 1024

# A literal first and a look behind it: twice as fast as counting LF and CRLF, and a good part of a small delivery.
_BARE_LF = re.compile(rb"\n(?<!\r\n)")
_LARGE = 64 * 1024
# A first line that is longer tells nothing of the message's line ends, and need not be in memory.
_LONGEST_LINE = 64 * 1024
_CR, _LF = b"\r\n"
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
    first = _until_first_line_ends(chunks)
    eol = _line_end(first)
    front = "".join([f"{name}: {value}{eol}" for name, value in headers]).encode("utf-8", "backslashreplace")
    pieces = [front, first] if front else [first]
    scratch = bytearray()
    waiting = size = len(front) + len(first)
    bare = (len(headers) if eol == "\n" else 0) + _bare_line_feeds(first, scratch)
    last = first
    started = 0
    for chunk in chunks:
        if not chunk:
            continue
        if waiting >= GATHER_BYTES or len(pieces) >= GATHER_PIECES:
            _write(descriptor, pieces, waiting)
            pieces, waiting = [], 0
            if size - started >= START_BYTES:
                _start_writeback(descriptor, started, size - started)
                started = size
        pieces.append(chunk)
        waiting += len(chunk)
        size += len(chunk)
        bare += _bare_line_feeds(chunk, scratch)
        if chunk[0] == _LF and last and last[-1] == _CR:
            bare -= 1  # a CRLF that two chunks share
        last = chunk
    _write(descriptor, pieces, waiting)
    return Written(size, size + bare)


def _until_first_line_ends(chunks: Iterator[bytes]) -> bytes:
    """Return the first chunks, of which the last one ends the first line: a connection may break within it."""
    first = b""
    for chunk in chunks:
        first += chunk
        if b"\n" in first or len(first) >= _LONGEST_LINE:
            break
    return first


def _bare_line_feeds(chunk: bytes, scratch: bytearray) -> int:
    """Count the LFs that no CR precedes.

    What makes a message large is base64: lines of one length. To compare every n-th byte, and to find no other LF,
    proves such a chunk to be pure CRLF in a small part of the time that looking behind each LF takes. ``scratch`` is
    kept from chunk to chunk: fresh memory costs more than what is done in it.
    """
    if len(chunk) >= _LARGE:
        first = chunk.find(b"\n")
        step = chunk.find(b"\n", first + 1) - first
        if first > 0 and step > 1:
            ends = chunk[first::step]
            if ends == b"\n" * len(ends) and chunk[first - 1 : -1 : step] == b"\r" * len(ends):
                if len(scratch) != len(chunk):
                    scratch[:] = chunk
                memoryview(scratch)[:] = chunk
                scratch[first::step] = bytes(len(ends))
                if scratch.find(b"\n") < 0:
                    return 0
    return len(_BARE_LF.findall(chunk))


def _line_end(first: bytes) -> str:
    """How the first line ends."""
    end = first.find(b"\n")
    return "\n" if end == 0 or (end > 0 and first[end - 1] != _CR) else "\r\n"


def _write(descriptor: int, pieces: list[bytes], waiting: int) -> None:
    """Write the pieces, normally with one call; a short write (a nearly full disk) is continued."""
    with _WRITING:
        written = os.writev(descriptor, pieces)
        if written == waiting:
            return
        rest = memoryview(b"".join(pieces))
        while written < waiting:
            written += os.write(descriptor, rest[written:])


def _start_writeback(descriptor: int, offset: int, length: int) -> None:
    """Let the disk, or the network behind it, work before fsync waits for it; only advice, so failure is no matter."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)
