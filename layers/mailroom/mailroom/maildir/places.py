"""Where below a mail root a delivery can be tried: in mailboxes, and in the folders above them."""

import os
from collections.abc import Generator

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

MOST_FOLDERS = 100
"""How many folders are looked into. In a usual tree the fourth is a mailbox."""
MOST_ENTRIES = 1000
"""How many entries of one are looked at."""
DEEPEST = 8
"""How many folders lie in each other, at most."""
_NO_MAILBOX = "lost+found"
"""What ext4 has in its root is closed to all but root, and would pass for a folder with mailboxes out of sight."""


class Places:
    """Gives places one after the other: what kind it is, and its descriptor, which stays open until the next one.

    No symlink is followed below the mail root. What cannot be opened is passed over.
    """

    def __init__(self, root: int) -> None:
        """Begin at the mail root."""
        self._root = root
        self._looked_into = 0
        self._folders: list[tuple[str, ...]] = []
        self.all_seen = True
        """Whether no mailbox can have been missed so far: nothing was closed to us, too deep or too much."""

    @property
    def empty(self) -> bool:
        """Whether the mail root holds no folder, as far as could be seen."""
        return self.all_seen and not self._folders

    def all(self) -> Generator[tuple[str, int]]:
        """Give ``tmp`` of each mailbox as it is found, then the other folders, the deepest first, and the mail root."""
        yield from self._mailboxes(self._root, ())
        for path in sorted(self._folders, key=len, reverse=True):
            yield from self._within(self._root, path, "a folder")
        yield from self._within(self._root, (".",), "the mail root")

    def _mailboxes(self, folder: int, path: tuple[str, ...]) -> Generator[tuple[str, int]]:
        names = self._folders_in(folder)
        if {"tmp", "new"} <= set(names):
            yield from self._within(folder, ("tmp",), "a mailbox")
            return
        for name in names:
            if self._looked_into == MOST_FOLDERS or len(path) == DEEPEST:
                self.all_seen = False
                return
            below = (*path, name)
            self._folders.append(below)
            for _, found in self._within(folder, (name,), ""):
                yield from self._mailboxes(found, below)

    def _folders_in(self, folder: int) -> list[str]:
        """The names of the folders in one; hidden ones are Maildir++ folders, snapshots and the like."""
        self._looked_into += 1
        names = []
        for _, readable in self._within(folder, (".",), ""):
            with os.scandir(readable) as entries:
                for number, entry in enumerate(entries):
                    if number == MOST_ENTRIES:
                        self.all_seen = False
                        break
                    hidden = entry.name.startswith(".") or entry.name == _NO_MAILBOX
                    if not hidden and entry.is_dir(follow_symlinks=False):
                        names.append(entry.name)
        return sorted(names)

    def _within(self, folder: int, path: tuple[str, ...], kind: str) -> Generator[tuple[str, int]]:
        """Open what lies at the path, and close it afterwards; nothing when that is not possible."""
        try:
            opened = os.open(path[0], FOLDER, dir_fd=folder)
        except OSError:
            self.all_seen = False
            return
        try:
            if path[1:]:
                yield from self._within(opened, path[1:], kind)
            else:
                yield kind, opened
        finally:
            os.close(opened)
