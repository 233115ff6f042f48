"""Which kind of source a path is."""

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from mailroomctl.errors import CommandError
from mailroomctl.moving.sources.compression import ERRORS, decompressed
from mailroomctl.moving.sources.directory import DirectorySource
from mailroomctl.moving.sources.item import Entry, Item, NoMail, Reading, SetAside, Source, SourceBroken
from mailroomctl.moving.sources.tar_file import TarSource, looks_like_tar, position_of, total_of
from mailroomctl.moving.sources.tree import read_entries
from mailroomctl.moving.sources.zip_file import ZipSource

STDIN = "-"
_BUFFER = 256 * 1024
_ZIP = (b"PK\3\4", b"PK\5\6")


class FileSource:
    """A single file: an mbox, or one message."""

    def __init__(self, stream: io.BufferedReader, raw: io.FileIO, name: str, reading: Reading) -> None:
        """``stream`` gives the bytes of the file ``raw``, decompressed."""
        self._reading = reading
        self._stream = stream
        self._raw = raw
        self._name = name
        self.total = total_of(raw)

    def position(self) -> int:
        """Bytes of the file so far."""
        # Read to its end it is closed.
        return (self.total or 0) if self._raw.closed else position_of(self._raw)

    def items(self) -> Iterator[Item]:
        """All that is in the file. It was named as a source: where it is something else, that is no success."""
        status = os.fstat(self._raw.fileno())
        entry = Entry((), self._name, lambda: self._stream, None, status.st_mtime)
        for item in read_entries([entry], self._reading):
            yield SetAside(*item) if isinstance(item, NoMail) and status.st_size else item

    def close(self) -> None:
        """Close the file."""
        self._raw.close()
        self._stream.close()


def open_source(path: str, reading: Reading) -> Source:
    """Open a path, or standard input; raises ``CommandError``."""
    try:
        if path != STDIN and Path(path).is_dir():
            return DirectorySource(Path(path), reading)
        raw = io.FileIO(sys.stdin.fileno() if path == STDIN else path, closefd=path != STDIN)
        try:
            return _opened(raw, path, reading)
        except BaseException:
            raw.close()
            raise
    except (OSError, *ERRORS) as error:
        raise CommandError(f"{path}: {getattr(error, 'strerror', None) or error}.") from None
    except SourceBroken as error:
        raise CommandError(f"{path}: {error}.") from None


def _opened(raw: io.FileIO, path: str, reading: Reading) -> Source:
    buffered = io.BufferedReader(raw, _BUFFER)
    if buffered.peek(4).startswith(_ZIP):
        if path == STDIN:
            raise CommandError("a zip archive has its directory at the end: give it as a file, not as -.")
        raw.close()
        return ZipSource(Path(path), reading)
    stream = decompressed(buffered)
    if looks_like_tar(stream.peek(512)):
        return TarSource(stream, raw, reading)
    return FileSource(stream, raw, path, reading)
