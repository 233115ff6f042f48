"""Open and make a mailbox's folders below the mail root without ever following a symlink.

The mail root is the operator's and trusted; what lies below may belong to hostile users. So no path below the root
is used twice: it is resolved once, to directory descriptors, and everything else is relative to these.
"""

import ctypes
import errno
import functools
import os
import struct
import sys
from collections.abc import Callable
from typing import NamedTuple, Self

from mailroom.errors import StorageUnavailable

DIRECTORY_MODE = 0o700
MARKER = "maildirfolder"

_PATH_ONLY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_READABLE = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_AT_FDCWD = -100
_SYS_OPENAT2 = 437  # the same on every architecture of Linux
_RESOLVE_NO_SYMLINKS = 0x04
# Errors of the one-call walk that the step-by-step walk can explain or mend: a folder that is missing, a root behind
# the operator's own symlink, a path that is too long in one piece.
_WALK_INSTEAD = frozenset({errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ENOSYS})


class Place(NamedTuple):
    """Where a folder lies: the mailbox below the mail root, and the Maildir++ directory in it (None: the INBOX)."""

    mail_root: str
    components: list[str]
    directory: str | None

    def path(self) -> str:
        """The folder's whole path."""
        return "/".join((self.mail_root, *self.components, *([self.directory] if self.directory else ())))


class Folder(NamedTuple):
    """A folder's ``tmp`` and ``new``, as open descriptors."""

    place: Place
    tmp: int
    new: int

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self.tmp)
        os.close(self.new)

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close, whatever happened in the block."""
        self.close()


def open_folder(place: Place) -> Folder:
    """Open a folder that exists, two calls in all; raises FileNotFoundError when a part of it is missing."""
    tmp = open_directory(place, "tmp", _PATH_ONLY)
    try:
        return Folder(place, tmp, open_directory(place, "new", _READABLE))
    except BaseException:
        os.close(tmp)
        raise


def open_directory(place: Place, name: str, flags: int = _READABLE) -> int:
    """Open one directory of a folder: in one call where the kernel can, else step by step.

    RESOLVE_BENEATH would cost two more calls, to open and close the root, and adds nothing: without symlinks only
    ``..`` leaves a folder, and `names.mailbox_components` refuses it.
    """
    openat2 = _openat2()
    if openat2 is not None:
        try:
            return openat2(f"{place.path()}/{name}", flags)
        except OSError as error:
            if error.errno not in _WALK_INSTEAD:
                raise
    parent = _walk(place, create=False)
    try:
        return _step(parent, name, flags)
    finally:
        os.close(parent)


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
    nothing else, although the attempt that made them may have died on the way.
    """
    parent = _walk(place._replace(directory=None), create=True)
    try:
        _complete(parent, marker=False)
        if place.directory:
            child = _make_step(parent, place.directory)
            os.close(parent)
            parent = child
            _complete(parent, marker=True)
        tmp = _step(parent, "tmp", _PATH_ONLY)
        try:
            return Folder(place, tmp, _step(parent, "new", _READABLE))
        except BaseException:
            os.close(tmp)
            raise
    finally:
        os.close(parent)


def _complete(folder: int, *, marker: bool) -> None:
    """Make the three directories, and the file that Maildir++ wants in each sub-folder."""
    if marker:
        os.close(os.open(MARKER, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder))
    _make(folder, "cur")
    _make(folder, "new")
    _sync(folder)
    _make(folder, "tmp")
    _sync(folder)


def _walk(place: Place, *, create: bool) -> int:
    """Walk to the folder one component at a time and return its descriptor."""
    try:
        current = os.open(place.mail_root, _PATH_ONLY)
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "?")
        raise StorageUnavailable(f"the mail root cannot be opened: {name}; is the file system mounted?") from error
    step: Callable[[int, str], int] = _make_step if create else _step
    for component in (*place.components, *([place.directory] if place.directory else ())):
        try:
            following = step(current, component)
        finally:
            os.close(current)
        current = following
    return current


def _step(parent: int, name: str, flags: int = _PATH_ONLY) -> int:
    """Open a directory in a directory, not following a symlink (which is ENOTDIR with O_DIRECTORY)."""
    return os.open(name, flags | os.O_NOFOLLOW, dir_fd=parent)


def _make_step(parent: int, name: str) -> int:
    """Open a directory in a directory, made where it is missing, and durable in either case.

    An attempt that died after mkdir did not sync, so what exists is synced too.
    """
    try:
        directory = _step(parent, name)
    except FileNotFoundError:
        _make(parent, name)
        directory = _step(parent, name)
    try:
        _sync(parent)
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


def _sync(directory: int) -> None:
    """Make a directory's entries durable; one that we may not read is not one that we made."""
    try:
        readable = os.open(".", _READABLE, dir_fd=directory)
    except PermissionError:
        return
    try:
        os.fsync(readable)
    finally:
        os.close(readable)


@functools.cache
def _openat2() -> Callable[[str, int], int] | None:
    """The system call of Linux 5.6, None where it is missing or forbidden (an old kernel, a strict sandbox)."""
    if sys.platform != "linux":
        return None
    try:
        syscall = ctypes.CDLL(None, use_errno=True).syscall
    except (OSError, AttributeError):
        return None
    syscall.restype = ctypes.c_long
    syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)

    def openat2(path: str, flags: int) -> int:
        how = struct.pack("QQQ", flags, 0, _RESOLVE_NO_SYMLINKS)
        while True:
            descriptor: int = syscall(_SYS_OPENAT2, _AT_FDCWD, os.fsencode(path), how, len(how))
            if descriptor >= 0:
                return descriptor
            if (number := ctypes.get_errno()) != errno.EINTR:
                raise OSError(number, os.strerror(number))

    try:
        os.close(openat2("/", _PATH_ONLY))
    except OSError:
        return None
    return openat2
