"""Files of a tar archive, compressed or not, in the order in which they come: nothing is kept, nothing unpacked."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

from mailroomctl.moving.sources.item import Entry, Item, Reading, SourceBroken, Unreadable, shown
from mailroomctl.moving.sources.tree import read_entries

_BLOCK = 512
_COMPRESSIONS: dict[bytes, Callable[[IO[bytes]], object]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
_ERRORS = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError)


# Else tarfile remembers every file. Its types do not know of it yet.
_NOTHING_KEPT: Any = {"stream": True}


def decompressed(stream: "io.BufferedReader[Any]") -> "io.BufferedReader[Any]":
    """Look through a compression."""
    beginning = stream.peek(_BLOCK)
    for magic, opened in _COMPRESSIONS.items():
        if beginning.startswith(magic):
            return io.BufferedReader(cast(io.RawIOBase, opened(stream)), 256 * 1024)
    return stream


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
        self.total = total_of(file)

    def position(self) -> int:
        """Bytes of the file so far."""
        return position_of(self._file)

    def items(self) -> Iterator[Item]:
        """All that is in the archive; raises ``SourceBroken`` where it ends too early or is damaged."""
        try:
            with tarfile.TarFile.open(fileobj=self._stream, mode="r|", **_NOTHING_KEPT) as archive:
                for member in archive:
                    if not member.isdir():
                        yield from read_entries([self._entry(archive, member)], self._reading)
        except _ERRORS as error:
            raise SourceBroken(f"the archive is damaged or not complete: {error}") from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._stream.close()

    def _entry(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
        path = tuple(level for level in member.name.split("/") if level not in ("", ".", ".."))
        problem = None if member.isreg() else "a link, or another special file"

        def opened() -> IO[bytes]:
            stream = archive.extractfile(member)
            if stream is None:
                raise Unreadable("it cannot be read")
            return cast(IO[bytes], _Broken(stream))

        return Entry(path, shown(path), opened, float(member.mtime), float(member.mtime), problem)


def total_of(file: io.FileIO) -> int | None:
    """The size of a file; None for a pipe."""
    return os.fstat(file.fileno()).st_size or None


def position_of(file: io.FileIO) -> int:
    """How much of a file has been read; 0 for a pipe."""
    try:
        return os.lseek(file.fileno(), 0, os.SEEK_CUR)
    except OSError:
        return 0


class _Broken(io.RawIOBase):
    """A file of the archive: what is wrong with it is wrong with all that follows."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Read a piece."""
        try:
            return self._stream.read(size)
        except _ERRORS as error:
            raise SourceBroken(f"the archive is damaged or not complete: {error}") from None

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
