"""Files of a zip archive, one after the other as its directory lists them.

The standard library reads the whole directory first, into more memory than a hundred thousand messages may take. This
reads it record by record. Names are names of folders only; nothing is ever unpacked to a path.

Source: APPNOTE.TXT 6.3.10, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import calendar
import io
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, cast

from mailroomctl.moving.sources.item import Entry, Item, Reading, SourceBroken, Unreadable, shown
from mailroomctl.moving.sources.maildir import KEYWORDS_FILE
from mailroomctl.moving.sources.tree import read_entries

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_RECORD = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 65_535
_BUFFER = 256 * 1024
_STORED, _DEFLATED = 0, 8
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED, _UTF_8 = 0x1, 0x800
_UNIX = 3
_EXTRA_64, _EXTRA_TIME, _EXTRA_NAME = 0x0001, 0x5455, 0x7075
_INCOMPLETE = "the zip archive is not complete: its directory is missing at the end"


class _Directory(NamedTuple):
    """Where the archive's directory is."""

    offset: int
    size: int
    shift: int
    """Bytes in front of the archive itself."""


class _Member(NamedTuple):
    name: str
    method: int
    flags: int
    crc: int
    compressed: int
    size: int
    offset: int
    mode: int
    modified: float | None
    otherwise: float


class ZipSource:
    """A zip archive; ``position`` counts its bytes."""

    def __init__(self, path: Path, reading: Reading) -> None:
        """Find the directory; raises ``SourceBroken``."""
        self._reading = reading
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._done = 0
        try:
            self._directory = _find_directory(self._file)
        except BaseException:
            os.close(self._file)
            raise
        self.total: int | None = self._directory.offset

    def position(self) -> int:
        """Compressed bytes so far."""
        return self._done

    def items(self) -> Iterator[Item]:
        """All that is in the archive."""
        # The lists of keywords first, wherever they lie: there are a few at most.
        with suppress(SourceBroken):
            for entry in self._entries():
                if entry.path[-1] == KEYWORDS_FILE:
                    yield from read_entries([entry], self._reading)
        self._done = 0
        yield from read_entries(self._entries(), self._reading)

    def close(self) -> None:
        """Close the archive."""
        os.close(self._file)

    def _entries(self) -> Iterator[Entry]:
        for member in _members(self._file, self._directory):
            self._done += member.compressed
            path = _path(member.name)
            if member.name.endswith("/") or not path:
                continue
            kind = stat.S_IFMT(member.mode)
            problem = None if kind in (0, stat.S_IFREG) else "a symbolic link, or another special file"
            yield Entry(path, shown(path), partial(self._open, member), member.modified, member.otherwise, problem)

    def _open(self, member: _Member) -> IO[bytes]:
        if member.flags & _ENCRYPTED:
            raise Unreadable("it is encrypted")
        if member.method not in (_STORED, _DEFLATED):
            raise Unreadable(f"it is compressed by method {member.method}, which is not supported")
        head = os.pread(self._file, _LOCAL.size, member.offset)
        if len(head) < _LOCAL.size or not head.startswith(b"PK\3\4"):
            raise Unreadable("the archive is damaged: there is no file where its directory says so")
        *_, name_length, extra_length = _LOCAL.unpack(head)
        return cast(IO[bytes], _Stream(self._file, member, member.offset + _LOCAL.size + name_length + extra_length))


class _Stream(io.RawIOBase):
    """The bytes of one file; its end checks that they are the right ones."""

    def __init__(self, archive: int, member: _Member, offset: int) -> None:
        self._archive = archive
        self._member = member
        self._offset = offset
        self._left = member.compressed
        self._inflate = zlib.decompressobj(-15) if member.method == _DEFLATED else None
        self._crc = 0
        self._size = 0
        self._checked = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes, or a piece; raises ``Unreadable``."""
        wanted = size if 0 < size < _BUFFER else _BUFFER
        data = self._read(wanted)
        if data:
            self._crc = zlib.crc32(data, self._crc)
            self._size += len(data)
            if self._size > self._member.size:
                raise Unreadable("the archive is damaged: there is more than its directory says")
        elif not self._checked:
            self._checked = True
            if self._crc != self._member.crc or self._size != self._member.size:
                raise Unreadable("the archive is damaged: the checksum is wrong")
        return data

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read(self, wanted: int) -> bytes:
        if self._inflate is None:
            return self._raw(wanted)
        try:
            while not self._inflate.eof:
                compressed = self._inflate.unconsumed_tail or self._raw(_BUFFER)
                data = self._inflate.decompress(compressed, wanted)
                if data:
                    return data
                if not compressed:
                    raise Unreadable("the archive is damaged: a file ends too early")
        except zlib.error as error:
            raise Unreadable(f"the archive is damaged: {error}") from None
        return b""

    def _raw(self, wanted: int) -> bytes:
        data = os.pread(self._archive, min(wanted, self._left), self._offset)
        if not data and self._left:
            raise Unreadable("the archive is damaged: it ends too early")
        self._offset += len(data)
        self._left -= len(data)
        return data


def _find_directory(file: int) -> _Directory:
    """Read the end of the archive."""
    length = os.fstat(file).st_size
    begin = max(0, length - _END.size - _LONGEST_COMMENT)
    tail = os.pread(file, length - begin, begin)
    at = tail.rfind(b"PK\5\6", 0, max(0, len(tail) - _END.size) + 4)
    if at < 0:
        raise SourceBroken(_INCOMPLETE)
    *_, size, offset, _ = _END.unpack_from(tail, at)
    end = begin + at
    locator = os.pread(file, _LOCATOR_64.size, end - _LOCATOR_64.size) if end >= _LOCATOR_64.size else b""
    if locator.startswith(b"PK\6\7"):
        wide = os.pread(file, _END_64.size, end - _LOCATOR_64.size - _END_64.size)
        if len(wide) == _END_64.size and wide.startswith(b"PK\6\6"):
            *_, size, offset = _END_64.unpack(wide)
            end -= _LOCATOR_64.size + _END_64.size
    shift = end - size - offset
    if shift < 0:
        raise SourceBroken("the zip archive is damaged: its directory is not where its end says")
    return _Directory(offset + shift, size, shift)


def _members(file: int, directory: _Directory) -> Iterator[_Member]:
    """Read the directory record by record."""
    buffer, at, end = b"", directory.offset, directory.offset + directory.size
    while True:
        if len(buffer) < _BUFFER and at < end:
            data = os.pread(file, min(_BUFFER, end - at), at)
            at += len(data)
            buffer += data
            if not data:
                raise SourceBroken("the zip archive is damaged: its directory ends too early")
        if not buffer:
            return
        if len(buffer) < _RECORD.size or not buffer.startswith(b"PK\1\2"):
            raise SourceBroken("the zip archive is damaged: its directory cannot be read")
        fields = _RECORD.unpack_from(buffer)
        name, extra, comment = fields[10], fields[11], fields[12]
        length = _RECORD.size + name + extra + comment
        if len(buffer) < length:
            raise SourceBroken("the zip archive is damaged: its directory cannot be read")
        yield _member(fields, buffer[_RECORD.size : length - comment], name, directory.shift)
        buffer = buffer[length:]


def _member(fields: tuple[int, ...], texts: bytes, name_length: int, shift: int) -> _Member:
    _, made_by, _, flags, method, time, date, crc, compressed, size, _, _, _, _, _, external, offset = fields
    name = texts[:name_length].decode("utf-8" if flags & _UTF_8 else "cp437", "replace")
    modified = None
    for kind, data in _extras(texts[name_length:]):
        if kind == _EXTRA_64:
            wide = iter(struct.unpack(f"<{len(data) // 8}Q", data[: len(data) // 8 * 8]))
            size = next(wide, size) if size == _FULL_32 else size
            compressed = next(wide, compressed) if compressed == _FULL_32 else compressed
            offset = next(wide, offset) if offset == _FULL_32 else offset
        elif kind == _EXTRA_TIME and len(data) >= 5 and data[0] & 1:
            modified = float(struct.unpack_from("<l", data, 1)[0])
        elif kind == _EXTRA_NAME and len(data) > 5 and not flags & _UTF_8:
            name = data[5:].decode("utf-8", "replace")
    mode = external >> 16 if made_by >> 8 == _UNIX else 0
    otherwise = modified if modified is not None else _dos_time(date, time)
    return _Member(name, method, flags, crc, compressed, size, offset + shift, mode, modified, otherwise)


def _extras(extra: bytes) -> Iterator[tuple[int, bytes]]:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        yield kind, extra[4 : 4 + length]
        extra = extra[4 + length :]


def _dos_time(date: int, time: int) -> float:
    """The local time of whoever made the archive; taken for UTC, because nothing says where that was."""
    parts = ((date >> 9) + 1980, max(1, date >> 5 & 0xF), max(1, date & 0x1F), time >> 11, time >> 5 & 0x3F)
    try:
        return float(calendar.timegm((*parts, (time & 0x1F) * 2, 0, 0, 0)))
    except (ValueError, OverflowError):
        return 0


def _path(name: str) -> tuple[str, ...]:
    """The levels of a name; ``..`` and empty ones mean nothing in an archive."""
    if "/" not in name:
        name = name.replace("\\", "/")
    return tuple(level for level in name.split("/") if level not in ("", ".", ".."))
