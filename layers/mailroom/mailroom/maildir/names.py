"""The names that a delivery uses: its path under the mail root, its base name, its temporary name.

Pure functions; nothing here touches a file. What is wrong with a name is found here, before anything is created.
"""

import hashlib
import os
import unicodedata
from base64 import b64encode
from binascii import crc32
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from mailroom.errors import MailboxPathRejected

INBOX = "INBOX"
HOST = "mailroom"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Linux's NAME_MAX, and EFS's; a file system with a lower limit answers ENAMETOOLONG, which is the same rejection.
_NAME_MAX = 255
# Linux's PATH_MAX less room for the root, `tmp/` and the longest name of a message: Dovecot opens whole paths.
_PATH_MAX = 3072


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


def mailbox_components(mailbox_path: str) -> list[str]:
    """Split a mailbox path; raises ``MailboxPathRejected`` for everything that is not plain names below the root."""
    components = mailbox_path.split("/")
    if "" in components or "." in components or ".." in components:
        raise MailboxPathRejected(
            "the mailbox path must be relative to the mail root, without empty, '.' or '..' components"
        )
    _check_name(mailbox_path, _PATH_MAX)
    if len(mailbox_path) > _NAME_MAX // 4:
        for component in components:
            _check_name(component, _NAME_MAX)
    return components


def folder_directory(folder: str) -> str | None:
    """The Maildir++ directory of a folder, None for the INBOX: ``Lists/Ünï`` → ``.Lists.&ANw-n&AO8-``.

    ``/`` separates levels. A dot inside a level is refused: on disk it would be a separator too.
    https://doc.dovecot.org/2.3/admin_manual/mailbox_formats/maildir/#maildir-directory-layout
    """
    if folder.upper() == INBOX:
        return None
    levels = unicodedata.normalize("NFC", folder).split("/")
    for level in levels:
        if not level or "." in level or level.startswith("~"):
            raise MailboxPathRejected("a level of the folder's name is empty, contains '.', or starts with '~'")
        if any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000 for char in level):
            raise MailboxPathRejected("the folder's name contains control characters")
    directory = "".join(f".{modified_utf7(level)}" for level in levels)
    _check_name(directory, _NAME_MAX)
    return directory


def modified_utf7(text: str) -> str:
    """Encode a folder's name as IMAP does (RFC 3501 section 5.1.3); what ASCII prints stays as it is."""
    encoded: list[str] = []
    run = ""
    for char in [*text, ""]:
        if char and not " " <= char <= "~":
            run += char
            continue
        if run:
            base64 = b64encode(run.encode("utf-16-be")).decode("ascii").rstrip("=").replace("/", ",")
            encoded.append(f"&{base64}-")
            run = ""
        encoded.append("&-" if char == "&" else char)
    return "".join(encoded)


def _check_name(name: str, limit: int) -> None:
    """Refuse what no file system can hold."""
    if "\0" in name:
        raise MailboxPathRejected("a name on the mailbox path contains NUL")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise MailboxPathRejected("a name on the mailbox path is not valid Unicode") from None
    if length > limit:
        raise MailboxPathRejected(f"the mailbox path or a name on it is longer than {limit} bytes")
