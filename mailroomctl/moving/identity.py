"""What makes a message the same in every import, whatever its source calls it and wherever it lies in there.

Mailbox, folder, the hash of its bytes, and its ordinal among equal ones: so a second export in another order adds only
what is new, and two equal messages stay two. The file's name carries a hash of all four.
"""

import hashlib
import re

from mailroom.maildir.names import MessageName

HOST = "mailroom-import"

_MARK = re.compile(rf"\.([0-9a-f]{{32}})\.{HOST}(?![0-9a-z-])")


def identify(mailbox: str, folder: str, digest: bytes, ordinal: int) -> bytes:
    """Return the identity of the ``ordinal``-th (from 0) message with these bytes in a folder."""
    text = f"{mailbox}\n{folder}\n{ordinal}\n".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text + digest, digest_size=16).digest()


def message_name(identity: bytes, received_at: float) -> MessageName:
    """Name the file of a message; only the seconds in front depend on when it was received."""
    mark = f".{identity.hex()}.{HOST}"
    mtime = int(received_at * 1_000_000) * 1000
    return MessageName(f"{max(mtime, 0) // 1_000_000_000}{mark}", mark, mtime)


def identity_of(file_name: str) -> bytes | None:
    """Read the identity from a file's name; None when no import wrote the file."""
    found = _MARK.search(file_name)
    return bytes.fromhex(found[1]) if found else None
