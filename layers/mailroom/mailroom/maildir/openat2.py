"""Linux's openat2(2): resolve a whole path in one call that refuses symlinks anywhere on it."""

import ctypes
import errno
import functools
import os
import struct
import sys
from collections.abc import Callable

PATH_ONLY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
READABLE = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

_AT_FDCWD = -100
_SYS_OPENAT2 = 437  # the same on every architecture of Linux
# RESOLVE_BENEATH would cost two more calls, to open and close the root, and adds nothing: without symlinks only ``..``
# leaves a folder, and `names.mailbox_components` refuses that.
_RESOLVE_NO_SYMLINKS = 0x04
_HOW = {flags: struct.pack("QQQ", flags, 0, _RESOLVE_NO_SYMLINKS) for flags in (PATH_ONLY, READABLE)}
_HOW_SIZE = 24


@functools.cache
def find_openat2() -> Callable[[str, int], int] | None:
    """The call as a function of path and flags; None where it is missing (before Linux 5.6) or forbidden."""
    if sys.platform != "linux":
        return None
    try:
        syscall = ctypes.CDLL(None, use_errno=True).syscall
    except (OSError, AttributeError):
        return None
    syscall.restype = ctypes.c_long
    syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t)

    def openat2(path: str, flags: int) -> int:
        how = _HOW[flags]
        while True:
            descriptor: int = syscall(_SYS_OPENAT2, _AT_FDCWD, path.encode(), how, _HOW_SIZE)
            if descriptor >= 0:
                return descriptor
            if (number := ctypes.get_errno()) != errno.EINTR:
                raise OSError(number, os.strerror(number))

    try:
        os.close(openat2("/", PATH_ONLY))
    except OSError:
        return None
    return openat2
