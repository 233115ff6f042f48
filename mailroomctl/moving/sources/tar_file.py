"""Files of a tar archive, compressed or not, in the order in which they come: nothing is kept, nothing unpacked.

A hard link has no bytes of its own: Dovecot makes one where somebody copies a message. Only the names of links are
remembered; where there are any, the archive is read a second time for the files that they are links to.
"""

import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import IO, Any, NamedTuple, cast

from mailroomctl.moving.content import read_content
from mailroomctl.moving.sources.compression import ERRORS, decompressed
from mailroomctl.moving.sources.item import Entry, Item, Reading, SetAside, SourceBroken, Unreadable, shown
from mailroomctl.moving.sources.tree import read_entries

_BLOCK = 512
_BUFFER = 256 * 1024
_ERRORS = (tarfile.TarError, OSError, *ERRORS)
_SPECIAL = "a link, or another special file"
_READ_ONCE = "a hard link, whose bytes came earlier: give the archive as a file, not as -"
_TOO_LARGE = "it is larger than any mail"
_NO_TARGET = "a hard link to something that is not in the archive"


# Else tarfile remembers every file. Its types do not know of it yet.
_NOTHING_KEPT: Any = {"stream": True}

type Path = tuple[str, ...]


class _Link(NamedTuple):
    """A second name of a file, met behind it."""

    path: Path
    modified: float


def looks_like_tar(beginning: bytes) -> bool:
    """Tell whether a file that begins so is a tar archive."""
    try:
        tarfile.TarInfo.frombuf(beginning[:_BLOCK], "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


class TarSource:
    """A tar archive."""

    def __init__(self, stream: IO[bytes], file: io.FileIO, reading: Reading) -> None:
        """``stream`` gives the bytes of ``file``, decompressed."""
        self._reading = reading
        self._stream = stream
        self._file = file
        self._links: dict[Path, list[_Link]] = {}
        self.total = total_of(file)

    def position(self) -> int:
        """Bytes of the file so far."""
        return position_of(self._file)

    def items(self) -> Iterator[Item]:
        """All that is in the archive; raises ``SourceBroken`` where it ends too early or is damaged."""
        for archive, member in _members(self._stream):
            if member.islnk() and self._file.seekable():
                link = _Link(_path(member.name), float(member.mtime))
                self._links.setdefault(_path(member.linkname), []).append(link)
            elif not member.isdir():
                yield from read_entries([_entry(archive, member)], self._reading)
        if self._links:
            yield from self._linked()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._stream.close()

    def _linked(self) -> Iterator[Item]:
        """Read the archive again, for the files that have other names."""
        with io.FileIO(os.dup(self._file.fileno())) as raw:
            raw.seek(0)
            with io.BufferedReader(raw, _BUFFER) as file, decompressed(file) as stream:
                for archive, member in _members(stream):
                    links = self._links.pop(_path(member.name), ()) if member.isreg() else ()
                    if links:
                        yield from read_entries(_entries(archive, member, links), self._reading)
        for links in self._links.values():
            yield from (SetAside(shown(link.path), _NO_TARGET) for link in links)


def _members(stream: IO[bytes]) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    try:
        with tarfile.TarFile.open(fileobj=stream, mode="r|", **_NOTHING_KEPT) as archive:
            for member in archive:
                yield archive, member
    except _ERRORS as error:
        raise _broken(error) from None


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    path = _path(member.name)
    problem = None if member.isreg() else _READ_ONCE if member.islnk() else _SPECIAL
    modified = float(member.mtime)
    return Entry(path, shown(path), lambda: _opened(archive, member), modified, modified, problem)


def _entries(archive: tarfile.TarFile, member: tarfile.TarInfo, links: Iterable[_Link]) -> Iterator[Entry]:
    """One file under each of its other names; the archive gives its bytes once."""
    with closing(read_content(_opened(archive, member))) as content:
        problem = _TOO_LARGE if content.too_large else None
        for link in links:
            where, date = shown(link.path), link.modified
            yield Entry(link.path, where, lambda: cast(IO[bytes], _Kept(content.stream())), date, date, problem)


def _opened(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    if stream is None:
        raise Unreadable("it cannot be read")
    return cast(IO[bytes], _Broken(stream))


def _path(name: str) -> Path:
    return tuple(level for level in name.split("/") if level not in ("", ".", ".."))


def _broken(error: Exception) -> SourceBroken:
    return SourceBroken(f"the archive is damaged or not complete: {error}")


def total_of(file: io.FileIO) -> int | None:
    """The size of a file; None for a pipe."""
    return os.fstat(file.fileno()).st_size or None


def position_of(file: io.FileIO) -> int:
    """How much of a file has been read; 0 for a pipe."""
    try:
        return os.lseek(file.fileno(), 0, os.SEEK_CUR)
    except OSError:
        return 0


class _Kept(io.RawIOBase):
    """A file that stays open when whoever has read it closes this."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Read a piece."""
        return self._stream.read(size)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Broken(_Kept):
    """A file of the archive: what is wrong with it is wrong with all that follows."""

    def read(self, size: int = -1) -> bytes:
        """Read a piece."""
        try:
            return super().read(size)
        except _ERRORS as error:
            raise _broken(error) from None
