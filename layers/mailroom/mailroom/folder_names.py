"""Folder names that a message may be delivered to, as Unicode with ``/`` between the levels."""

import unicodedata

INBOX = "INBOX"
MAX_FOLDER = 100  # characters; its modified UTF-7 must fit a file name of 255 bytes


def folder_name(text: str) -> str | None:
    """Return ``text`` when it can name a folder of a Maildir++ mailbox, else ``None``.

    ``.`` separates the levels on disk, so no level can hold one; ``INBOX`` is the mailbox itself.
    """
    name = unicodedata.normalize("NFC", text)
    levels = name.split("/")
    if len(name) > MAX_FOLDER or "." in name or levels[0].upper() == INBOX:
        return None
    if any(not level or level != level.strip() or level.startswith("~") for level in levels):
        return None
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp") for character in name):
        return None
    # Base64 of UTF-16 takes 8 characters for 3, and each run two more.
    return name if len(name.encode("utf-16-be")) * 4 // 3 + 2 * len(name) < 250 or name.isascii() else None
