"""Gmail's labels in Google Takeout: one folder for each message, flags, and the rest as keywords.

Takeout writes ``X-GM-THRID:`` and ``X-Gmail-Labels:`` above everything else. Only there they are believed: further down
a sender may have written them, and would decide where mail goes.
"""

import csv
from collections.abc import Callable

from mailroom.folder_names import INBOX

from mailroomctl.moving.folders import Levels
from mailroomctl.moving.headers import Headers, decoded

ARCHIVE = "Archive"
_TOP = b"x-gm-thrid:"
#: Where Gmail itself shows a message first, whatever other labels it has.
_SPECIAL = {"trash": "Trash", "spam": "Junk", "drafts": "Drafts", "draft": "Drafts", "inbox": INBOX}
_SENT = "Sent"
_NO_FOLDER = ("opened", "unread", "starred", "important", "archived", "muted", "snoozed")
_NO_FOLDER_BEGINNINGS = ("category ", "imap_")
#: What the flags say is told once.
_AS_FLAGS = ("opened", "unread", "starred", "archived")


def labels(headers: Headers) -> list[str] | None:
    """Read the labels; None for a message that Takeout has not written."""
    if headers.section[: len(_TOP)].lower() != _TOP:
        return None
    value = headers.first("X-Gmail-Labels")
    text = decoded(value or b"").replace("\r", "").replace("\n", "")
    rows = list(csv.reader([text], skipinitialspace=True))
    return [label.strip() for row in rows for label in row if label.strip()]


def sort_out(names: list[str], translated: Callable[[str], str]) -> tuple[Levels, str, tuple[str, ...]]:
    """Return folder, flags, and the labels for which neither stands."""
    names = [translated(name) for name in names]
    low = [name.lower() for name in names]
    chosen = next((low.index(special) for special in _SPECIAL if special in low), None)
    if chosen is None:
        own = (number for number, name in enumerate(low) if name != _SENT.lower() and _may_be_folder(name))
        chosen = next(own, low.index(_SENT.lower()) if _SENT.lower() in low else None)
    folder = (ARCHIVE,) if chosen is None else _levels(names[chosen])
    flags = ("D" if folder == ("Drafts",) else "") + ("F" if "starred" in low else "")
    flags += "S" if "unread" not in low else ""
    rest = [name for number, name in enumerate(names) if number != chosen and low[number] not in _AS_FLAGS]
    return folder, flags, tuple(rest)


def _may_be_folder(name: str) -> bool:
    return name not in _NO_FOLDER and not name.startswith(_NO_FOLDER_BEGINNINGS)


def _levels(label: str) -> Levels:
    special = _SPECIAL.get(label.lower())
    return (special,) if special else tuple(level for level in label.split("/") if level)
