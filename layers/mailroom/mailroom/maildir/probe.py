"""Can the mail root be written? For alarms and for operators."""

import contextlib
import errno
import os
import time

from mailroom.errors import StorageUnavailable
from mailroom.maildir.failures import describe

DIRECTORY = ".mailroom-probe"

_ROUNDS = 5
_ABANDONED_SECONDS = 600
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def probe(mail_root: str | os.PathLike[str]) -> float:
    """Write, sync, rename and remove a small file under the mail root, as a delivery does; returns seconds.

    Raises ``StorageUnavailable``. Nothing stays behind; what a killed probe left, a later one removes.
    """
    start = time.perf_counter()
    try:
        root = os.open(mail_root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _probe(root)
        finally:
            os.close(root)
    except OSError as error:
        raise StorageUnavailable(describe(error, "probing the mail root")) from error
    return time.perf_counter() - start


def _probe(root: int) -> None:
    """Probe in the probe's own folder, which another probe may remove under us when it is done."""
    for _ in range(_ROUNDS):
        with contextlib.suppress(FileExistsError):
            os.mkdir(DIRECTORY, 0o700, dir_fd=root)
        try:
            folder = os.open(DIRECTORY, _FOLDER, dir_fd=root)
            try:
                _write(folder)
                _clear(folder)
            finally:
                os.close(folder)
        except FileNotFoundError:
            continue
        _remove_folder(root)
        return
    raise StorageUnavailable("probing the mail root: the probe's folder disappears again and again")


def _write(folder: int) -> None:
    """One file's life, from its temporary name to its removal."""
    name = os.urandom(8).hex()
    names = [f"{name}.tmp", f"{name}.new"]
    try:
        descriptor = os.open(names[0], _CREATE, 0o600, dir_fd=folder)
        try:
            os.write(descriptor, b"probe\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(names[0], names[1], src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    finally:
        for entry in names:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(entry, dir_fd=folder)


def _clear(folder: int) -> None:
    """Remove what a killed probe left long ago."""
    for entry in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            if os.stat(entry, dir_fd=folder, follow_symlinks=False).st_mtime < time.time() - _ABANDONED_SECONDS:
                os.unlink(entry, dir_fd=folder)


def _remove_folder(root: int) -> None:
    """Leave nothing behind, unless another probe is at work."""
    try:
        os.rmdir(DIRECTORY, dir_fd=root)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise
