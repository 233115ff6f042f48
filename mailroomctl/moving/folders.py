"""Which folder of the mailbox a source's folder becomes.

A source's folder is a tuple of names, its levels. Names stay as they are, nested and in any script, where a Maildir++
folder can have them; what it cannot hold is replaced, and told.
"""

import hashlib
import unicodedata
from collections.abc import Mapping

from mailroom.errors import MailboxPathRejected
from mailroom.folder_names import INBOX, folder_directory

from mailroomctl.errors import CommandError

type Levels = tuple[str, ...]

_SUBSTITUTE = "_"
_LONGEST_DIRECTORY = 200  # bytes, so that a folder below it still has room


class Folders:
    """Maps a source's folders, and remembers what had to be replaced."""

    def __init__(self, mapping: Mapping[Levels, Levels], left_out: frozenset[Levels], base: Levels = ()) -> None:
        """``mapping`` and ``left_out`` hold for a folder and all below it; ``base`` is put in front of every folder."""
        self._mapping = mapping
        self._left_out = left_out
        self._base = base
        self._done: dict[Levels, str | None] = {}
        self.replaced: dict[str, str] = {}
        """The folders whose names could not be kept, and their names now."""

    def map(self, levels: Levels) -> str | None:
        """Return a name that ``folder_directory`` takes; None for a folder that is left out."""
        if levels not in self._done:
            self._done[levels] = self._map(levels)
        return self._done[levels]

    def _map(self, levels: Levels) -> str | None:
        for length in range(len(levels), 0, -1):
            if _same(levels[:length]) in self._left_out:
                return None
        mapped = levels
        for length in range(len(levels), 0, -1):
            if (target := self._mapping.get(_same(levels[:length]))) is not None:
                # What lies below a folder that becomes the INBOX goes beside it.
                mapped = (() if _is_inbox(target) else target) + levels[length:] or (INBOX,)
                break
        if not _is_inbox(mapped):
            mapped = self._base + mapped
        elif self._base:
            mapped = self._base
        name, kept = possible(mapped)
        if not kept:
            self.replaced["/".join(_shown(level) for level in levels)] = name
        return name


def possible(levels: Levels) -> tuple[str, bool]:
    """Return the nearest name that a Maildir++ folder can have, and whether nothing had to be replaced."""
    if _is_inbox(levels):
        return INBOX, True
    wanted = [unicodedata.normalize("NFC", level) for level in levels]
    clean = [replaced for level in wanted if (replaced := _level(level))]
    if not clean:
        return INBOX, False
    if clean[0].upper() == INBOX:
        clean[0] = INBOX
        if len(clean) == 1:
            return INBOX, False
    name = "/".join(clean)
    kept = clean == wanted or (len(clean) == len(wanted) and clean[1:] == wanted[1:] and wanted[0].upper() == INBOX)
    if not _fits(name):
        name, kept = _shortened(name), False
    return name, kept


def parse_mapping(pairs: list[str]) -> dict[Levels, Levels]:
    """Read ``FROM=TO``; raises ``CommandError``."""
    mapping = {}
    for pair in pairs:
        source, separator, target = pair.partition("=")
        if not separator or not source.strip("/") or not target.strip("/"):
            raise CommandError(f"--folder-map takes FROM=TO, such as 'Sent Items=Sent', not {pair!r}.")
        levels = parse_folder(target)
        if possible(levels) != (target := "/".join(levels), True) and target.upper() != INBOX:
            raise CommandError(f"no folder of a mailbox can have the name {target!r}.")
        mapping[_same(parse_folder(source))] = levels
    return mapping


def parse_folder(text: str) -> Levels:
    """Split a name as a user types it, with ``/`` between the levels."""
    return tuple(level for level in text.split("/") if level)


def left_out_folders(names: list[str]) -> frozenset[Levels]:
    """Read the folders to leave out."""
    return frozenset(_same(parse_folder(name)) for name in names)


def _same(levels: Levels) -> Levels:
    """What two spellings of one folder have in common: users do not see the difference."""
    return tuple(unicodedata.normalize("NFC", level).casefold() for level in levels)


def _is_inbox(levels: Levels) -> bool:
    return not levels or (len(levels) == 1 and levels[0].upper() == INBOX)


def _level(level: str) -> str:
    """Replace in one level what it cannot hold; empty for what is no name at all."""
    if level in ("", ".", ".."):
        return ""
    text = "".join(_SUBSTITUTE if _cannot_be(character) else character for character in level)
    return _SUBSTITUTE + text[1:] if text.startswith("~") else text


def _cannot_be(character: str) -> bool:
    return character in "./" or unicodedata.category(character) in ("Cc", "Cs")


def _fits(name: str) -> bool:
    try:
        return len(folder_directory(name) or "") <= _LONGEST_DIRECTORY
    except MailboxPathRejected:
        return False


def _shortened(name: str) -> str:
    """Cut a name off, with something at its end that tells it from others with the same beginning."""
    mark = _SUBSTITUTE + hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=4).hexdigest()
    while not _fits(name + mark):
        name = name[:-1].rstrip("/")
    return name + mark


def _shown(text: str) -> str:
    """A name without what a terminal would take for a command."""
    return "".join("?" if unicodedata.category(one) in ("Cc", "Cs") else one for one in text)
