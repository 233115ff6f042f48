"""Open and make a mailbox's folders below the mail root without ever following a symlink.

The mail root is the operator's and trusted; what lies below may belong to hostile users. So no path below the root
is used twice: it is resolved once, to directory descriptors, and everything else is relative to these.
"""

import errno
import functools
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mailroom.errors import StorageUnavailable
from mailroom.maildir.failures import describe
from mailroom.maildir.mounts import names_are_durable_at_once
from mailroom.maildir.openat2 import PATH_ONLY, READABLE, find_openat2

DIRECTORY_MODE = 0o700
MARKER = "maildirfolder"
TMP = "tmp"

# What would be a hostile path below the mail root is, for the root itself, a file system that is not mounted.
_NOT_MOUNTED = frozenset({errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG})


class Place(NamedTuple):
    """Where a folder lies: the mailbox below the mail root, and the Maildir++ directory in it (None: the INBOX)."""

    name: str
    mail_root: str
    components: list[str]
    directory: str | None

    def path(self) -> str:
        """The folder's whole path."""
        path = f"{self.mail_root}/{'/'.join(self.components)}"
        return f"{path}/{self.directory}" if self.directory else path


class Folder(NamedTuple):
    """A folder's ``tmp`` and ``new``, as open descriptors.

    They are not kept from one delivery to the next: a mailbox that was renamed would get another one's mail.
    """

    place: Place
    tmp: int
    new: int

    def sync(self) -> None:
        """Make a name in ``new`` durable."""
        if not names_are_durable_at_once(self.place.mail_root):
            os.fsync(self.new)

    def close(self) -> None:
        """Give the descriptors back."""
        try:
            os.close(self.tmp)
        finally:
            os.close(self.new)


def open_folder(place: Place) -> Folder:
    """Open a folder that exists, two calls in all; raises FileNotFoundError when a part of it is missing."""
    openat2 = find_openat2()
    if openat2 is not None:
        path = place.path()
        tmp = openat2(f"{path}/{TMP}", PATH_ONLY)
        if tmp >= 0:
            new = openat2(f"{path}/new", _new_flags(place))
            if new >= 0:
                return Folder(place, tmp, new)
            os.close(tmp)
    # The walk finds out what is wrong, or copes: the root may lie behind the operator's own symlink.
    parent = _walk(place, create=False)
    try:
        return _open_parts(place, parent)
    finally:
        os.close(parent)


def open_cur(place: Place) -> int:
    """Open a folder's ``cur``; raises FileNotFoundError when it is missing.

    An NFS client remembers for up to a minute that something is missing, unless it asks when the folder has changed.
    """
    parent = _walk(place, create=False)
    try:
        try:
            return _step(parent, "cur")
        except FileNotFoundError:
            os.close(_step(parent, ".", READABLE))
            return _step(parent, "cur")
    finally:
        os.close(parent)


def new_and_cur(folder: Folder) -> Iterator[int]:
    """``new`` and then ``cur``, the way that messages go; ``cur`` is opened, and perhaps there, only after ``new``."""
    yield folder.new
    try:
        cur = open_cur(folder.place)
    except FileNotFoundError:
        return
    try:
        yield cur
    finally:
        os.close(cur)


def folder_exists(place: Place) -> bool:
    """Tell whether the folder's own directory is there; a symlink or a file in its place counts as not."""
    try:
        os.close(_walk(place, create=False))
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def make_folder(place: Place) -> Folder:
    """Make what is missing of a folder and of its mailbox, then open it. What exists stays as it is.

    ``tmp`` is made last, after everything above it is durable: whoever finds ``tmp`` and ``new`` needs to check
    nothing else, although the attempt that made them may have died meanwhile.
    """
    parent = _walk(place._replace(directory=None), create=True)
    try:
        _complete(place, parent, marker=False)
        if place.directory:
            child = _make_step(place, parent, place.directory)
            os.close(parent)
            parent = child
            _complete(place, parent, marker=True)
        return _open_parts(place, parent)
    finally:
        os.close(parent)


def _open_parts(place: Place, parent: int) -> Folder:
    """Open what a delivery needs of a folder."""
    tmp = _step(parent, TMP)
    try:
        return Folder(place, tmp, _step(parent, "new", _new_flags(place)))
    except BaseException:
        os.close(tmp)
        raise


def _new_flags(place: Place) -> int:
    """How to open ``new``: for reading only where it must be synced, since that is a round trip on NFS."""
    return PATH_ONLY if names_are_durable_at_once(place.mail_root) else READABLE


def _complete(place: Place, folder: int, *, marker: bool) -> None:
    """Make the three directories, and the file that Maildir++ wants in each sub-folder."""
    if marker:
        os.close(os.open(MARKER, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder))
    _make(folder, "cur")
    _make(folder, "new")
    _sync(place, folder)
    _make(folder, TMP)
    _sync(place, folder)


def _walk(place: Place, *, create: bool) -> int:
    """Walk to the folder one component at a time and return its descriptor."""
    try:
        current = os.open(place.mail_root, PATH_ONLY)
    except OSError as error:
        if error.errno not in _NOT_MOUNTED:
            raise
        raise StorageUnavailable(describe(error, "opening the mail root; is the file system mounted?")) from error
    step: Callable[[int, str], int] = functools.partial(_make_step, place) if create else _step
    for component in (*place.components, *([place.directory] if place.directory else ())):
        try:
            following = step(current, component)
        finally:
            os.close(current)
        current = following
    return current


def _step(parent: int, name: str, flags: int = PATH_ONLY) -> int:
    """Open a directory in a directory, not following a symlink (which is ENOTDIR with O_DIRECTORY)."""
    return os.open(name, flags | os.O_NOFOLLOW, dir_fd=parent)


def _make_step(place: Place, parent: int, name: str) -> int:
    """Open a directory in a directory, made where it is missing, and durable in either case.

    An attempt that died after mkdir did not sync, so what exists is synced too.
    """
    try:
        directory = _step(parent, name)
    except FileNotFoundError:
        _make(parent, name)
        directory = _step(parent, name)
    try:
        _sync(place, parent)
    except BaseException:
        os.close(directory)
        raise
    return directory


def _make(parent: int, name: str) -> None:
    """Make a directory; that another attempt was faster is fine."""
    try:
        os.mkdir(name, DIRECTORY_MODE, dir_fd=parent)
    except FileExistsError:
        return


def _sync(place: Place, directory: int) -> None:
    """Make a directory's entries durable; one that we may not read is not one that we made."""
    if names_are_durable_at_once(place.mail_root):
        return
    try:
        readable = _step(directory, ".", READABLE)
    except PermissionError:
        return
    try:
        os.fsync(readable)
    finally:
        os.close(readable)
