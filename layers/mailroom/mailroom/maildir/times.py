"""When directories changed, by the file server's clock: what cannot hold a delivery's copy, and when a look is proof.

Every rename into, within and out of a directory sets its mtime and its ctime to the server's time. Its owner, or a
restore, can set the mtime back, but not the ctime, so the later one counts.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, Self

from mailroom.maildir.openat2 import READABLE

MARGIN_SECONDS = 60
"""How much older than the first claim a directory's change must be. The claim is made by another machine's clock."""
APART_SECONDS = 10
"""How far the server's clock may be from ours, which stands for that of the claim."""
TICK_SECONDS = 2
"""The unit in which a file system keeps times, generously: a second change within one may leave the time as it was."""


class Times(NamedTuple):
    """What a recovery knows of the server's clock and of the first claim; only directories that it opens tell more."""

    created: float
    """The server's time when it created this attempt's temporary file."""
    returned: float
    """The monotonic clock's time right after that."""
    earliest: float | None
    """A directory that changed before cannot hold a copy. None when nothing can be said."""

    @classmethod
    def learn(cls, descriptor: int, begun: float, first_claimed_at: float | None) -> Self:
        """Learn from a file that was created after ``begun`` (seconds since 1970 of our clock) and is still empty."""
        now, returned = time.time(), time.monotonic()
        created = _changed(descriptor)
        trusted = (
            first_claimed_at is not None
            and first_claimed_at <= now + APART_SECONDS
            and max(abs(created - begun), abs(created - now)) <= APART_SECONDS
        )
        earliest = first_claimed_at - MARGIN_SECONDS if trusted and first_claimed_at is not None else None
        return cls(created, returned, earliest)

    def checked(self, tmp_changed: float) -> Self:
        """Say nothing of directories when ``tmp``, read after the file's creation, does not show it.

        Such a file system does not keep directories' times, or what was read is old.
        """
        return self if tmp_changed >= self.created - TICK_SECONDS else self._replace(earliest=None)

    def cannot_hold_a_copy(self, changed: float) -> bool:
        """Tell whether a directory that changed last at that time cannot hold a copy of this delivery."""
        return self.earliest is not None and changed < self.earliest

    def now(self) -> float:
        """The server's time, or a little less."""
        return self.created + time.monotonic() - self.returned


@contextmanager
def reading(directory: int) -> Iterator[tuple[int, float]]:
    """Open a directory anew for reading, and give the descriptor and when the directory last changed.

    On NFS only this asks the server. A descriptor that is open already, one with O_PATH, and stat show what the client
    remembers, for up to a minute.
    """
    fresh = os.open(".", READABLE, dir_fd=directory)
    try:
        yield fresh, _changed(fresh)
    finally:
        os.close(fresh)


def last_change(directory: int) -> float:
    """When a directory last changed, as the server knows now."""
    with reading(directory) as (_, changed):
        return changed


def _changed(descriptor: int) -> float:
    """The later of both times, in seconds since 1970."""
    status = os.fstat(descriptor)
    return max(status.st_mtime_ns, status.st_ctime_ns) / 1e9
