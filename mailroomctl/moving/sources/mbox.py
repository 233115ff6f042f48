"""Many messages in one file, each behind a line ``From sender date``: mboxrd, mboxo, Google Takeout.

Bytes stay what they are, with two exceptions, which are what the format adds: one ``>`` of ``>From `` (``Quoting`` says
where), and the one empty line between a message and the next one's line.

A line is taken for such a separator when an empty line, or nothing, is in front of it and a date in it. Programs that
follow no rule leave out one of these: then the next line must be a header field. So it must where nothing is quoted,
because a line of a message may look the same. ``Content-Length:`` is not believed.
"""

import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from mailroomctl.moving.content import CHUNK, Content
from mailroomctl.moving.dates import parse_separator
from mailroomctl.moving.folders import Levels
from mailroomctl.moving.headers import FIELD, Headers
from mailroomctl.moving.sources import takeout
from mailroomctl.moving.sources.eml import looks_like_mail
from mailroomctl.moving.sources.item import Item, Message, Quoting, Reading, SetAside

_FROM = b"From "
_QUOTE = ord(">")
_LF = ord("\n")
_LOOK_AHEAD = 256
# An editor's mark of UTF-8, and empty lines.
_BEFORE_FIRST_LINE = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*\r?\n)*")
_BEGINS_MESSAGE = re.compile(rb"\r?\n|>*From |%s" % FIELD.pattern)
_DATELESS = re.compile(rb"From (\S*)\s*\Z")
_BEFORE_ALL = b"\n\n"
_STATUS = {"R": "S"}
_X_STATUS = {"A": "R", "F": "F", "T": "D", "D": "T"}
_MOZILLA = {0x0001: "S", 0x0002: "R", 0x0004: "F", 0x0008: "T"}
_MOZILLA_FORWARDED = 0x1000


class Separator(NamedTuple):
    """The line in front of a message."""

    date: float | None


def before_first_line(beginning: bytes) -> int:
    """Return how many bytes of a file to pass over, because an mbox follows them; 0 where none does."""
    found = _BEFORE_FIRST_LINE.match(beginning)
    return found.end() if found and looks_like_mbox(beginning[found.end() :]) else 0


def looks_like_mbox(beginning: bytes) -> bool:
    """Tell whether a file that begins so is an mbox."""
    line, _, following = beginning.partition(b"\n")
    date = parse_separator(line)
    return beginning.startswith(_FROM) and _is_separator(line, date, True, following, loose=True, whole=True) is True


def read_mbox(
    stream: io.BufferedIOBase, where: str, folder: Levels, reading: Reading, otherwise: float, *, scope: str = ""
) -> Iterator[Item]:
    """Read all messages; ``scope`` is for those with Gmail's labels, which one export may hold in several files."""
    number = 0
    content: Content | None = None
    date, tail = None, b""

    def finished(whole: Content) -> Item:
        whole.add(_without_blank_line(tail))
        if not number and not looks_like_mail(whole.head()):
            whole.close()
            return SetAside(where, "there is something before the first message")
        return _message(whole, date, f"{where}, message {number}", folder, reading, otherwise, scope)

    try:
        for part in split(stream, reading.quoting):
            if isinstance(part, Separator):
                if content is not None:
                    done, content = content, None
                    yield finished(done)
                number += 1
                content, date, tail = Content(), part.date, b""
            else:
                content = content or Content()  # before the first separator, which may be lost
                tail += part
                content.add(tail[:-4])
                tail = tail[-4:]
        if content is not None:
            done, content = content, None
            yield finished(done)
    finally:
        if content is not None:
            content.close()


def split(stream: io.BufferedIOBase, quoting: Quoting) -> Iterator[bytes | Separator]:
    """Cut a stream at its separators, and take quotes away; lines may be of any length."""
    buffer, before = b"", _BEFORE_ALL
    first = True
    fresh = True  # the buffer begins where a line does
    loose: bool | None = None
    ended = False
    while not ended:
        data = stream.read1(CHUNK)
        ended = not data
        buffer += data
        limit = len(buffer) if ended else buffer.rfind(b"\n") + 1
        partial = not limit
        if partial:
            if len(buffer) < CHUNK:
                continue
            limit = len(buffer)  # a line that is longer than any separator
        if loose is None:
            loose = buffer.startswith(_FROM) and parse_separator(buffer[: buffer.find(b"\n") + 1]) is None
        start = search = 0
        cut = limit
        while (hit := buffer.find(_FROM, search, limit)) >= 0:
            search = hit + len(_FROM)
            line = hit
            while line > start and buffer[line - 1] == _QUOTE:
                line -= 1
            if not (buffer[line - 1] == _LF if line else fresh):
                continue
            if line < hit:
                if quoting is Quoting.RD or (quoting is Quoting.O and hit - line == 1):
                    yield buffer[start:line]
                    start = line + 1
                continue
            if partial:
                continue
            end = buffer.find(b"\n", hit, limit) + 1 or limit
            blank = (before + buffer[max(0, line - 3) : line]).endswith((b"\n\n", b"\n\r\n"))
            following = buffer[end : end + _LOOK_AHEAD]
            whole = ended or len(following) == _LOOK_AHEAD
            date = parse_separator(buffer[line:end])
            strict = quoting is Quoting.NONE and not first
            answer = _is_separator(buffer[line:end], date, blank, following, loose=loose, whole=whole, strict=strict)
            if answer is None:
                cut = line
                break
            if answer:
                if line > start:
                    yield buffer[start:line]
                yield Separator(date)
                first = False
                start = search = end
        if cut > start:
            yield buffer[start:cut]
        before = (before + buffer[max(0, cut - 3) : cut])[-3:]
        fresh = buffer[cut - 1] == _LF if cut else fresh
        buffer = buffer[cut:]


def _is_separator(
    line: bytes,
    date: float | None,
    blank: bool,
    following: bytes,
    *,
    loose: bool,
    whole: bool,
    strict: bool = False,
) -> bool | None:
    """Judge a line that begins with ``From ``; None when more must be seen of what follows.

    ``blank`` says that an empty line, or nothing, is in front of it; ``loose``, that the file's first one has no date;
    ``strict``, that such lines are not quoted within messages.
    """
    dated = date is not None
    if dated and blank:
        if not strict:
            return True
        return (not following or _BEGINS_MESSAGE.match(following) is not None) if whole else None
    dateless = _DATELESS.match(line)
    if not (dated or dateless or loose):
        return False
    if not whole:
        return None
    if not FIELD.match(following):
        return False
    return blank or dated or (dateless is not None and dateless[1] == b"-")


def _without_blank_line(tail: bytes) -> bytes:
    """Take the empty line away that the format puts behind a message."""
    if tail in (b"\n", b"\r\n"):
        return b""
    if tail.endswith(b"\n\r\n"):
        return tail[:-2]
    return tail[:-1] if tail.endswith(b"\n\n") else tail


def _message(
    content: Content, date: float | None, where: str, folder: Levels, reading: Reading, otherwise: float, scope: str
) -> Item:
    headers = Headers(content.head())
    flags, keywords = _flags(headers)
    message = Message(where, folder, content, headers, flags, keywords, date, otherwise)
    if (labels := takeout.labels(headers)) is not None:
        sorted_out = takeout.sort_out(labels, reading.label)
        message.folder, message.flags, message.keywords = sorted_out
        message.scope = scope
    return message


def _flags(headers: Headers) -> tuple[str | None, tuple[str, ...]]:
    """Read what mail programs note in header fields of an mbox; None where they note nothing."""
    status, more = headers.first("Status"), headers.first("X-Status")
    mozilla = headers.first("X-Mozilla-Status")
    keywords = [word for name in ("X-Keywords", "X-Mozilla-Keys") for word in (headers.first(name) or b"").split()]
    flags = {_STATUS[one] for one in (status or b"").decode("ascii", "replace") if one in _STATUS}
    flags |= {_X_STATUS[one] for one in (more or b"").decode("ascii", "replace") if one in _X_STATUS}
    if mozilla is not None:
        try:
            bits = int(mozilla, 16)
        except ValueError:
            bits = 0
        flags |= {flag for bit, flag in _MOZILLA.items() if bits & bit}
        if bits & _MOZILLA_FORWARDED:
            keywords.append(b"$Forwarded")
    told = status is not None or more is not None or mozilla is not None
    return "".join(sorted(flags)) if told else None, tuple(word.decode("utf-8", "replace") for word in keywords)
