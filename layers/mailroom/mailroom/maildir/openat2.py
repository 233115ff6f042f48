"""Linux's openat2(2): resolve a whole path in one call that refuses symlinks anywhere on it."""

import ctypes
import functools
import os
import struct
import sys
from collections.abc import Callable

PATH_ONLY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
READABLE = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

_AT_FDCWD = ctypes.c_long(-100)
_SYS_OPENAT2 = ctypes.c_long(437)  # the same on every architecture of Linux
# RESOLVE_BENEATH would cost two more calls, to open and close the root, and adds nothing: without symlinks only ``..``
# leaves a folder, and `mailbox_paths.mailbox_components` refuses that.
_RESOLVE_NO_SYMLINKS = 0x04
_HOW = {flags: struct.pack("QQQ", flags, 0, _RESOLVE_NO_SYMLINKS) for flags in (PATH_ONLY, READABLE)}
_HOW_SIZE = ctypes.c_long(24)


@functools.cache
def find_openat2() -> Callable[[str, int], int] | None:
    """The call as a function of path and flags; None where it is missing (before Linux 5.6) or forbidden.

    The function gives a descriptor, or -1 without a reason: who needs one walks the path step by step.
    """
    if sys.platform != "linux":
        return None
    try:
        syscall = ctypes.CDLL(None).syscall
    except (OSError, AttributeError):
        return None
    syscall.restype = ctypes.c_long

    def openat2(path: str, flags: int) -> int:
        descriptor: int = syscall(_SYS_OPENAT2, _AT_FDCWD, path.encode(), _HOW[flags], _HOW_SIZE)
        return descriptor

    root = openat2("/", PATH_ONLY)
    if root < 0:
        return None
    os.close(root)
    return openat2
