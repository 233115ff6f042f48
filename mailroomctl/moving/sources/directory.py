"""Files of a folder on disk. Symbolic links are never followed, and nothing but plain files is opened."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from mailroomctl.moving.sources.item import Entry, Item, Reading, SetAside, Unreadable, shown
from mailroomctl.moving.sources.tree import read_entries, reason

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe that takes the place of a file must not make us wait for a writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DEEPEST = 100  # levels
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


class DirectorySource:
    """A folder and all below it; ``position`` counts files."""

    def __init__(self, path: Path, reading: Reading) -> None:
        """Count the files, to know how far the import is."""
        self._reading = reading
        self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._done = 0
        self.total: int | None = _count(self._root)

    def position(self) -> int:
        """Files so far."""
        return self._done

    def items(self) -> Iterator[Item]:
        """All that is in the folder."""
        yield from self._folder(self._root, ())

    def close(self) -> None:
        """Close the folder."""
        os.close(self._root)

    def _folder(self, descriptor: int, path: tuple[str, ...]) -> Iterator[Item]:
        """Files first: those beside a Maildir's ``cur`` say what is in it."""
        folders = []
        with os.scandir(descriptor) as found:
            for one in found:
                if one.is_dir(follow_symlinks=False):
                    folders.append(one.name)
                    continue
                self._done += 1
                yield from read_entries([self._entry(descriptor, path, one)], self._reading)
        for name in sorted(folders):
            below = (*path, name)
            if len(below) > _DEEPEST:
                yield SetAside(shown(below), f"folders lie in one another more than {_DEEPEST} deep")
                continue
            try:
                child = os.open(name, _FOLDER, dir_fd=descriptor)
            except OSError as error:
                yield SetAside(shown(below), reason(error))
                continue
            try:
                yield from self._folder(child, below)
            finally:
                os.close(child)

    def _entry(self, descriptor: int, path: tuple[str, ...], one: os.DirEntry[str]) -> Entry:
        below = (*path, one.name)
        try:
            status = one.stat(follow_symlinks=False)
        except OSError as error:
            return Entry(below, shown(below), _nothing, None, 0, reason(error))
        problem = None if stat.S_ISREG(status.st_mode) else _KINDS.get(stat.S_IFMT(status.st_mode), "no file")
        return Entry(
            below,
            shown(below),
            lambda: open_plain(one.name, dir_fd=descriptor),
            status.st_mtime,
            status.st_mtime,
            problem,
        )


def _count(descriptor: int, deep: int = 0) -> int:
    """Count the files of a folder and of all below it; folders that cannot be opened are told when they are read."""
    files, folders = 0, []
    with os.scandir(descriptor) as found:
        for one in found:
            if one.is_dir(follow_symlinks=False):
                folders.append(one.name)
            else:
                files += 1
    for name in folders if deep < _DEEPEST else ():
        with suppress(OSError):
            child = os.open(name, _FOLDER, dir_fd=descriptor)
            try:
                files += _count(child, deep + 1)
            finally:
                os.close(child)
    return files


def open_plain(path: str | Path, dir_fd: int | None = None) -> IO[bytes]:
    """Open a plain file; raises OSError or ``Unreadable``."""
    descriptor = os.open(path, _FILE, dir_fd=dir_fd)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise Unreadable(_KINDS.get(stat.S_IFMT(mode), "no file"))
    return os.fdopen(descriptor, "rb", buffering=0)


def _nothing() -> IO[bytes]:
    raise Unreadable("it cannot be read")
