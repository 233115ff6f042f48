"""Folders of a mailbox: which names they may have, as Unicode with ``/`` between the levels, and their directories."""

import unicodedata
from base64 import b64encode

from mailroom.errors import MailboxPathRejected

INBOX = "INBOX"
MAX_FOLDER = 100  # characters; its modified UTF-7 must fit a file name of 255 bytes
MAX_DIRECTORY = 255  # bytes, NAME_MAX of Linux and of EFS


def folder_name(text: str) -> str | None:
    """Return ``text`` when a tag or a policy may name a folder so, else ``None``.

    Narrower than what ``folder_directory`` takes: what only looks like another name, or like nothing, is refused.
    ``INBOX`` is the mailbox itself.
    """
    name = unicodedata.normalize("NFC", text)
    levels = name.split("/")
    if len(name) > MAX_FOLDER or levels[0].upper() == INBOX:
        return None
    if any(_wrong_level(level) or level != level.strip() for level in levels):
        return None
    if any(unicodedata.category(character) in ("Cf", "Cn", "Zl", "Zp") for character in name):
        return None
    # Base64 of UTF-16 takes 8 characters for 3, and each run two more.
    return name if len(name.encode("utf-16-be")) * 4 // 3 + 2 * len(name) < 250 or name.isascii() else None


def folder_directory(folder: str) -> str | None:
    """Return the Maildir++ directory of a folder, None for the INBOX: ``Lists/Ünï`` → ``.Lists.&ANw-n&AO8-``.

    Source: https://doc.dovecot.org/2.3/admin_manual/mailbox_formats/maildir/#maildir-directory-layout

    Raises:
        MailboxPathRejected: No directory can stand for this name.
    """
    if folder.upper() == INBOX:
        return None
    levels = unicodedata.normalize("NFC", folder).split("/")
    for level in levels:
        if wrong := _wrong_level(level):
            raise MailboxPathRejected(wrong)
    directory = "".join(f".{modified_utf7(level)}" for level in levels)
    if len(directory) > MAX_DIRECTORY:
        raise MailboxPathRejected(f"the folder's directory would have a name of more than {MAX_DIRECTORY} bytes")
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


def _wrong_level(level: str) -> str | None:
    """Say what no level of a folder's name can be: on disk, ``.`` separates levels."""
    if not level or "." in level or level.startswith("~"):
        return "a level of the folder's name is empty, contains '.', or starts with '~'"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in level):
        return "the folder's name contains control characters"
    return None
