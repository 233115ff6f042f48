"""One mailbox while an import writes into it: its lock, its folders, and the names in them.

The names of a folder are read once, when its first message comes. Nobody else writes messages under an import's names
meanwhile: the lock is held, and Mailroom's own deliveries have names of another kind.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from mailroom.errors import StorageUnavailable
from mailroom.folder_names import INBOX, folder_directory
from mailroom.mailbox_paths import mailbox_components
from mailroom.maildir.directories import Folder, Place, make_folder, open_cur, open_folder
from mailroom.maildir.failures import Storing
from mailroom.maildir.times import TICK_SECONDS, reading

from mailroomctl.errors import CommandError
from mailroomctl.moving.drafting import Drafting
from mailroomctl.moving.identity import HOST, identity_of
from mailroomctl.moving.index import Index
from mailroomctl.moving.owner import Owner, acting_as

LOCK = "mailroom-import.lock"
#: Folders that are open at the same time; each takes two descriptors.
MOST_OPEN = 100
_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LOOKS = 4
_OPENING = Storing("opening the folder")
_READING = Storing("reading the names of the folder")
_SYNCING = Storing("making the imported messages durable")


class Mailbox:
    """Where messages go."""

    def __init__(self, mail_root: str, path: str, owner: Owner | None, index: Index, *, dry_run: bool) -> None:
        """With ``dry_run`` nothing is made, and the names of what is there are read nevertheless."""
        self._root = os.fspath(mail_root)
        self._components = mailbox_components(path)
        self.owner = owner
        self._index = index
        self._dry_run = dry_run
        self._open: dict[str, Folder] = {}
        self._known: set[str] = set()
        self._missing: set[str] = set()  # in a dry run
        self._written: set[str] = set()
        self.made: set[str] = set()
        """Folders that were not there before; in a dry run those that would be made."""
        self._lock: int | None = None
        self.drafting = Drafting(self._root)

    def lock(self) -> None:
        """Make the mailbox where it is missing, and keep other imports out.

        Raises ``CommandError`` when one is in, or its owner may not do this.
        """
        if self._dry_run:
            self.folder(INBOX)
            return
        try:
            self._lock_it()
        except StorageUnavailable as error:
            if not isinstance(error.__cause__, PermissionError):
                raise
            path = "/".join(self._components)
            uid = self.owner.uid if self.owner else os.geteuid()
            who = "give another --owner" if self.owner else "run this as root, or as who owns the mail"
            raise CommandError(
                f"user {uid} may not write to {path} below {self._root}: chown what is there, or {who}."
            ) from None

    def _lock_it(self) -> None:
        with acting_as(self.owner), _OPENING:
            inbox = self._folder(INBOX)
            while self._lock is None:
                # From "tmp" upwards: the descriptor's parent is the mailbox, whatever its path means by now.
                lock = os.open(f"../{LOCK}", _LOCK_FLAGS, 0o600, dir_fd=inbox.tmp)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(lock)
                    raise CommandError("another import into this mailbox is running.") from None
                self._lock = lock if self._is_there(inbox, lock) else self._lock
                if self._lock is None:
                    os.close(lock)  # the import before us has just removed it
            self.drafting.begin(inbox)

    def folder(self, name: str) -> Folder | None:
        """Open a folder, made where it is missing, its names read; None in a dry run for one that is missing.

        Raises ``MailboxPathRejected`` for one that cannot be, ``StorageUnavailable``.
        """
        if name in self._known and (name in self._open or name in self._missing):
            return self._open.get(name)
        with acting_as(self.owner):
            with _OPENING:
                try:
                    folder = self._folder(name)
                except FileNotFoundError:
                    self._known.add(name)
                    self._missing.add(name)
                    self.made.add(name)
                    return None
            if name not in self._known:
                with _READING:
                    self._read_names(folder)
                self._known.add(name)
        return folder

    def full(self) -> bool:
        """Whether so many folders are open that some have to be closed before the next one."""
        return len(self._open) >= MOST_OPEN

    def close_folders(self) -> None:
        """Close all folders; they are synced, and nothing is being written."""
        for folder in self._open.values():
            folder.close()
        self._open.clear()

    def wrote(self, name: str) -> None:
        """Remember that a folder has a message whose name is not durable yet."""
        self._written.add(name)

    def sync(self) -> None:
        """Make all names durable."""
        with acting_as(self.owner), _SYNCING:
            for name in list(self._written):
                self._open[name].sync()
                self._written.discard(name)

    def close(self) -> None:
        """Let others in."""
        if self._lock is not None:
            with acting_as(self.owner), _OPENING:
                self.drafting.end()
                os.unlink(f"../{LOCK}", dir_fd=self._folder(INBOX).tmp)
            os.close(self._lock)
            self._lock = None
        self.close_folders()

    def places(self) -> list[Place]:
        """All folders that are there now, the INBOX first; the others are called by their directories."""
        inbox = self._place(INBOX)
        try:
            names = sorted(path.name for path in Path(inbox.path()).iterdir())
        except FileNotFoundError:
            return []
        found = [name for name in names if name.startswith(".") and name.strip(".")]
        below = (Place(name, self._root, self._components, name) for name in found)
        return [inbox, *(place for place in below if Path(place.path(), "cur").is_dir())]

    def _place(self, name: str) -> Place:
        return Place(name, self._root, self._components, folder_directory(name))

    def _folder(self, name: str) -> Folder:
        if name not in self._open:
            place = self._place(name)
            try:
                folder = open_folder(place)
            except FileNotFoundError:
                if self._dry_run:
                    raise
                folder = make_folder(place)
                self.made.add(name)
            self._open[name] = folder
        return self._open[name]

    @staticmethod
    def _is_there(inbox: Folder, lock: int) -> bool:
        """Tell whether what we have locked is what others would lock."""
        ours = os.fstat(lock)
        try:
            there = os.stat(f"../{LOCK}", dir_fd=inbox.tmp, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return (ours.st_ino, ours.st_dev) == (there.st_ino, there.st_dev)

    def _read_names(self, folder: Folder) -> None:
        """Read which messages imports have put here, and clear what a killed one has left in ``tmp``.

        A directory that changes while it is listed may show an entry under neither of its names. So it is listed again
        when it has changed just now, until nothing has changed since the last time, or a few times at most.
        """
        if not self._dry_run:
            with reading(folder.tmp) as (tmp, _), os.scandir(tmp) as entries:
                left = [entry.name for entry in entries if f".{HOST}." in entry.name]
            for name in left:
                os.unlink(name, dir_fd=folder.tmp)
        changed: tuple[float, float] | None = None
        for _ in range(_MOST_LOOKS):
            begun, before = time.time(), changed
            changed = self._list(folder.new), self._list_cur(folder)
            if max(changed) < begun - TICK_SECONDS or changed == before:
                return

    def _list_cur(self, folder: Folder) -> float:
        try:
            cur = open_cur(folder.place)
        except FileNotFoundError:
            return 0
        try:
            return self._list(cur)
        finally:
            os.close(cur)

    def _list(self, directory: int) -> float:
        """Read one directory's names; returns when it changed last."""
        with reading(directory) as (readable, _):
            self._index.add_present(_identities(readable))
        with reading(directory) as (_, changed):
            return changed


def _identities(readable: int) -> Iterator[bytes]:
    with os.scandir(readable) as entries:
        for entry in entries:
            if (identity := identity_of(entry.name)) is not None:
                yield identity
