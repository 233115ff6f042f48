"""The names of a delivery's files: its base name, its temporary name.

Pure functions; nothing here touches a file. ``mailroom.mailbox_paths`` and ``mailroom.folder_names`` say where
they lie.
"""

import hashlib
import os
from binascii import crc32
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

HOST = "mailroom"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MessageName(NamedTuple):
    """One delivery's identity on disk."""

    base: str
    """``<seconds>.<unique>.mailroom``: what Dovecot takes for the message's GUID, together with S and W."""
    mark: str
    """The part that every file of this delivery, and no other's, has in its name."""
    mtime: int
    """Nanoseconds since 1970: Dovecot's INTERNALDATE."""


def message_name(delivery_id: str, received_at: datetime | float) -> MessageName:
    """Name a delivery; the same arguments give the same name at any time on any machine.

    ``unique`` depends on ``delivery_id`` alone, so that a recovery finds the message even when a repeated
    notification carries another receive time.
    """
    if isinstance(received_at, datetime):
        mtime = (received_at - _EPOCH) // timedelta(microseconds=1) * 1000
    else:
        mtime = int(received_at * 1_000_000) * 1000
    unique = hashlib.blake2b(delivery_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    mark = f".{unique}.{HOST}"
    return MessageName(f"{max(mtime, 0) // 1_000_000_000}{mark}", mark, mtime)


def temporary_name(name: MessageName, attempt: str) -> str:
    """A name in ``tmp/`` that no other attempt has, not even one that was given the same ``attempt`` by mistake.

    Two attempts with one temporary name could publish each other's half-written file.
    """
    return f"{name.base}.{crc32(attempt.encode('utf-8', 'surrogatepass')):08x}{os.urandom(8).hex()}"
