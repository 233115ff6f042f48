"""Would a delivery work? For the storage breaker and for operators.

It is tried where deliveries happen: in ``tmp`` of a mailbox that is found below the mail root; where there is none yet,
in the folders in which one could be made. The mail root itself comes last, since it may belong to root. One place that
works is enough: what is wrong in another is that place's trouble, not the storage's.
"""

import contextlib
import itertools
import os
import threading
import time
from typing import NamedTuple

from mailroom.errors import StorageUnavailable
from mailroom.maildir.failures import describe
from mailroom.maildir.mounts import shows_what_it_remembers
from mailroom.maildir.openat2 import PATH_ONLY
from mailroom.maildir.places import Places

LIMIT_SECONDS = 10
"""Less than the function's timeout, so that a mount that hangs is reported in words."""
PREFIX = ".mailroom-probe."
"""Mail readers pass over such names, and over all of ``tmp``."""

_MOST_PLACES = 20
_ABANDONED_SECONDS = 600
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CONTENT = b"probe\r\n" * 40_000  # what a larger mail takes: on a disk that is nearly full, a few bytes still fit
_MTIME = 1_000_000_000


class Probed(NamedTuple):
    """How a probe went that worked."""

    where: str
    """``a mailbox``, ``a folder``, ``the mail root``; ``nowhere``: it could not be tried, but the storage answers."""
    seconds: float


class _Failure(NamedTuple):
    text: str
    permission: bool
    """Mailroom's user may not write there, which says nothing of the storage."""


def probe(mail_root: str | os.PathLike[str], limit: float = LIMIT_SECONDS) -> Probed:
    """Create, write, date, sync, rename and remove a file, as a delivery does; returns within ``limit`` seconds.

    Raises ``StorageUnavailable``, which says in words what is wrong, without a path. What a killed probe left, a later
    one in the same place removes, or Dovecot, which clears ``tmp``.

    Not promised: that a delivery to every mailbox works, nor that a message larger than 280 KB finds room.
    """
    start = time.perf_counter()
    outcome: list[str | Exception] = []

    def attempt() -> None:
        try:
            outcome.append(_probe(os.fspath(mail_root)))
        except Exception as error:
            outcome.append(error)

    # Nothing interrupts a call to a server that does not answer. The thread ends when it does, or with the process.
    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(limit)
    if not outcome:
        raise StorageUnavailable(f"probing: the mail root hangs, the file server gave no answer within {limit:g} s")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return Probed(outcome[0], time.perf_counter() - start)


def _probe(mail_root: str) -> str:
    """Try one place after the other; returns what kind of place works."""
    if shows_what_it_remembers(mail_root):
        raise StorageUnavailable("probing: the mail root is mounted with nocto, with which no recovery can be trusted")
    doing = "opening the mail root; is the file system mounted?"
    try:
        root = os.open(mail_root, PATH_ONLY)
        try:
            doing = "looking for a place"
            places = Places(root)
            failures = []
            with contextlib.closing(places.all()) as found:
                for kind, place in itertools.islice(found, _MOST_PLACES):
                    failure = _try(place)
                    if failure is None:
                        return kind
                    failures.append(failure)
            doing = "looking at the file system"
            return _judge(root, places, failures)
        finally:
            os.close(root)
    except OSError as error:
        raise StorageUnavailable(describe(error, f"probing: {doing}")) from error


def _judge(root: int, places: Places, failures: list[_Failure]) -> str:
    """Nothing worked: say why, unless we may just not write where we looked, and mailboxes may lie where we did not."""
    storage = [failure for failure in failures if not failure.permission]
    if storage or places.all_seen:
        hint = "; the mail root is empty: is the file system mounted?" if places.empty else ""
        raise StorageUnavailable(f"probing: {(storage or failures)[0].text}{hint}")
    system = os.fstatvfs(root)
    if system.f_flag & os.ST_RDONLY:
        raise StorageUnavailable("probing: the file system is mounted read-only")
    if system.f_blocks and not system.f_bavail:
        raise StorageUnavailable("probing: the file system is full")
    return "nowhere"


def _try(place: int) -> _Failure | None:
    """Do in one place what a delivery does."""
    name = PREFIX + os.urandom(8).hex()
    doing = "creating a file"
    try:
        descriptor = os.open(name, _CREATE, 0o600, dir_fd=place)
        try:
            try:
                doing = "writing"
                content = memoryview(_CONTENT)
                while content:
                    content = content[os.write(descriptor, content) :]
                doing = "setting a file's time"
                os.utime(descriptor, (_MTIME, _MTIME))
                doing = "storing what is written"
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            doing = "renaming a file"
            renamed = f"{name}.renamed"
            os.rename(name, renamed, src_dir_fd=place, dst_dir_fd=place)
            name = renamed
            doing = "looking at a file"
            kept = os.stat(name, dir_fd=place, follow_symlinks=False).st_mtime
        finally:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=place)
        doing = "removing what an earlier probe left"
        _clear(place)
    except OSError as error:
        return _Failure(describe(error, doing) + _owners(place, error), isinstance(error, PermissionError))
    if int(kept) != _MTIME:
        return _Failure(f"the file system does not keep a file's time: set {_MTIME}, kept {kept:.0f}", False)
    return None


def _owners(place: int, error: OSError) -> str:
    """Whose the place is, where a permission is missing."""
    if not isinstance(error, PermissionError):
        return ""
    try:
        return f"; it belongs to user {os.fstat(place).st_uid}, Mailroom is user {os.geteuid()}"
    except OSError:
        return ""


def _clear(place: int) -> None:
    """Remove what a killed probe left long ago."""
    with os.scandir(place) as entries:
        left = [entry.name for entry in entries if entry.name.startswith(PREFIX)]
    for name in left:
        with contextlib.suppress(FileNotFoundError):
            if os.stat(name, dir_fd=place, follow_symlinks=False).st_ctime < time.time() - _ABANDONED_SECONDS:
                os.unlink(name, dir_fd=place)
