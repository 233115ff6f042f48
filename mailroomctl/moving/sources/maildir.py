"""One message a file: its flags are in the file's name, its date is the file's, and its folder is in the path.

Maildir++ puts folders beside the INBOX, as ``.Lists.Work``; Dovecot's other layout puts them into one another. Both are
read, also within one tree.
"""

import binascii
import re
from base64 import b64decode

from mailroom.folder_names import INBOX

from mailroomctl.moving.content import read_content
from mailroomctl.moving.folders import Levels
from mailroomctl.moving.headers import Headers
from mailroomctl.moving.sources.compression import plain_content
from mailroomctl.moving.sources.item import Entry, Message, Reading

FLAGS = "DFRST"
KEYWORDS_FILE = "dovecot-keywords"
#: A folder of this name is the mailbox, not one of its folders.
ROOT = "maildir"
PARTS = ("cur", "new")

# The colon becomes another character where files cannot have one, as on Windows and in some archives.
_INFO = re.compile(r"[:;!\uf03a]2,([A-Za-z]*)")
_SHIFTED = re.compile(r"&([^-]*)-")
_FORWARDED = "P"


def is_message(path: tuple[str, ...]) -> bool:
    """Tell whether a file is a message of a Maildir."""
    return len(path) >= 2 and path[-2] in PARTS and not _is_eml(path[-1])


def is_draft(path: tuple[str, ...]) -> bool:
    """Tell whether a file is one that a delivery to a Maildir has not finished."""
    name = path[-1] if path else ""
    return len(path) >= 2 and path[-2] == "tmp" and re.match(r"\d+\.", name) is not None and not _is_eml(name)


def _is_eml(name: str) -> bool:
    """A folder may be called ``new`` or ``tmp`` and hold files that are no Maildir's."""
    return name.lower().endswith(".eml")


def read_message(entry: Entry, reading: Reading) -> Message:
    """Read one message."""
    with entry.open() as stream:
        content = plain_content(read_content(stream))
    letters = "".join(_INFO.findall(entry.path[-1])[-1:])
    names = reading.keywords.get(entry.path[:-2], {})
    keywords = [names.get(letter, f"keyword {letter}") for letter in letters if letter.islower()]
    if _FORWARDED in letters:
        keywords.append("$Forwarded")
    return Message(
        entry.where,
        folder_of(entry.path[:-2]),
        content,
        Headers(content.head()),
        "".join(sorted(set(letters) & set(FLAGS))),
        tuple(keywords),
        entry.modified,
        entry.otherwise,
    )


def read_keywords(text: bytes) -> dict[str, str]:
    """Read Dovecot's list of keywords: a number and a name on each line; 0 is the letter a."""
    names = {}
    for line in text.decode("utf-8", "replace").splitlines():
        number, _, name = line.partition(" ")
        if number.isdecimal() and int(number) < 26 and name:
            names[chr(ord("a") + int(number))] = name
    return names


def folder_of(path: tuple[str, ...]) -> Levels:
    """Read the folder's levels from the directories above ``cur`` and ``new``."""
    roots = [number for number, name in enumerate(path) if name.lower() == ROOT]
    plus = [number for number, name in enumerate(path) if _is_plus(name)]
    # What is above the mailbox is the way to it.
    path = path[roots[-1] + 1 :] if roots else path[plus[0] :] if plus else path
    levels: list[str] = []
    for name in path:
        levels += [decode_utf7(level) for level in name[1:].split(".")] if _is_plus(name) else [decode_utf7(name)]
    return tuple(levels) or (INBOX,)


def decode_utf7(text: str) -> str:
    """Decode IMAP's modified UTF-7 (RFC 3501, 5.1.3); what is none stays as it is."""

    def decode(match: re.Match[str]) -> str:
        if not match[1]:
            return "&"
        base64 = match[1].replace(",", "/")
        return b64decode(base64 + "=" * (-len(base64) % 4), validate=True).decode("utf-16-be")

    try:
        return _SHIFTED.sub(decode, text)
    except (binascii.Error, UnicodeDecodeError):
        return text


def _is_plus(name: str) -> bool:
    return name.startswith(".") and name.strip(".") != ""
