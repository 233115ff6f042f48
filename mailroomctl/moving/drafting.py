"""A directory for each of several writers on NFS, for the files that have no name in ``new`` yet.

Linux makes one file at a time in a directory, and on NFS waits for the server meanwhile: with one ``tmp``, all writers
would wait for each other. The directories lie beside the lock, where neither Dovecot nor a delivery looks, and are gone
when the import ends; the next one clears what a killed one has left.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from threading import Lock

from mailroom.maildir.directories import DIRECTORY_MODE, Folder
from mailroom.maildir.mounts import names_are_durable_at_once
from mailroom.maildir.openat2 import PATH_ONLY, READABLE

DRAFTS = "mailroom-import.tmp"


class Drafting:
    """The directories of one import; made when they are needed. The mailbox's lock is held meanwhile."""

    def __init__(self, mail_root: str) -> None:
        """Where calls do not wait for a server, a folder's own ``tmp`` is used."""
        self._mail_root = mail_root
        self._parent = -1
        self._device = 0
        self._top = -1
        self._made: list[int] = []
        self._free: list[int] = []
        self._near: dict[str | None, bool] = {}
        self._making = Lock()

    def begin(self, inbox: Folder) -> None:
        """Remove what a killed import has left. To be opened for reading, an NFS client asks what is there now."""
        self._parent = os.open("..", READABLE, dir_fd=inbox.tmp)
        self._device = os.fstat(self._parent).st_dev
        self._clear()

    @contextlib.contextmanager
    def alone(self, folder: Folder) -> Iterator[Folder]:
        """The folder with a ``tmp`` in which nobody else makes files meanwhile, where that is of use."""
        if not self._is_of_use(folder):
            yield folder
            return
        with self._making:
            directory = self._free.pop() if self._free else self._make()
        try:
            yield folder._replace(tmp=directory)
        finally:
            self._free.append(directory)

    def end(self) -> None:
        """Remove the directories; one that cannot be removed is left to the next import."""
        if self._parent < 0:
            return
        for number, directory in enumerate(self._made):
            os.close(directory)
            with contextlib.suppress(OSError):
                os.rmdir(str(number), dir_fd=self._top)
        if self._top >= 0:
            os.close(self._top)
            with contextlib.suppress(OSError):
                os.rmdir(DRAFTS, dir_fd=self._parent)
        os.close(self._parent)
        self._parent = self._top = -1
        self._made, self._free = [], []

    def _is_of_use(self, folder: Folder) -> bool:
        """A folder that is a mount of its own cannot be renamed into from outside."""
        which = folder.place.directory
        if which not in self._near:
            on_nfs = self._parent >= 0 and names_are_durable_at_once(self._mail_root)
            self._near[which] = on_nfs and os.fstat(folder.new).st_dev == self._device
        return self._near[which]

    def _make(self) -> int:
        if self._top < 0:
            os.mkdir(DRAFTS, DIRECTORY_MODE, dir_fd=self._parent)
            self._top = os.open(DRAFTS, PATH_ONLY | os.O_NOFOLLOW, dir_fd=self._parent)
        name = str(len(self._made))
        os.mkdir(name, DIRECTORY_MODE, dir_fd=self._top)
        self._made.append(os.open(name, PATH_ONLY | os.O_NOFOLLOW, dir_fd=self._top))
        return self._made[-1]

    def _clear(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(DRAFTS, dir_fd=self._parent)
