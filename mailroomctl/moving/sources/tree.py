"""Which kind of mail each file of a tree is: a folder on disk, or an archive."""

import io
from collections.abc import Callable, Iterable, Iterator
from typing import IO, cast

from mailroomctl.moving.sources import eml, maildir, mbox
from mailroomctl.moving.sources.compression import ERRORS
from mailroomctl.moving.sources.item import Entry, Item, NoMail, Reading, SetAside, Unreadable

_PEEK = 8 * 1024
_MBOX = ".mbox"
#: What programs keep beside mail; nobody misses it, unless it looks like mail nevertheless.
_BESIDE = ("maildirfolder", "maildirsize", "subscriptions", "desktop.ini", "thumbs.db")
_BESIDE_BEGINNINGS = (".", "courier", "dovecot", "mailroom-import.")
_BESIDE_ENDINGS = (".msf",)
#: And what looks like mail in its name only.
_NEVER_MAIL_FOLDER, _NEVER_MAIL_BEGINNING = "__MACOSX", "._"
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz")
_FOREIGN = (".7z", ".rar", ".pst", ".ost", ".olm", ".nsf", ".msg", ".emlx", ".dbx")
_LARGEST_KEYWORDS = 64 * 1024


def read_entries(entries: Iterable[Entry], reading: Reading) -> Iterator[Item]:
    """Read all messages of all files; what is wrong with one of them does not stop the others."""
    for entry in entries:
        try:
            yield from read_entry(entry, reading)
        except (Unreadable, OSError) as error:
            yield SetAside(entry.where, reason(error))
        except ERRORS as error:
            yield SetAside(entry.where, f"it is damaged or not complete: {error}")


def reason(error: Exception) -> str:
    """Say in words what went wrong, without a path."""
    if isinstance(error, FileNotFoundError):
        return "it vanished while the source was read"
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def read_entry(entry: Entry, reading: Reading) -> Iterator[Item]:
    """Read all messages of one file."""
    path = entry.path
    name = path[-1] if path else ""
    if name == maildir.KEYWORDS_FILE and not entry.problem:
        with entry.open() as stream:
            reading.keywords[path[:-1]] = maildir.read_keywords(stream.read(_LARGEST_KEYWORDS))
        return
    if _is_never_mail(path):
        return
    in_maildir = maildir.is_message(path)
    if maildir.is_draft(path):
        yield NoMail(entry.where, "an unfinished delivery")
    elif entry.problem:
        # A link that begins with a dot may be a folder of a Maildir.
        if in_maildir or name.startswith(".") or not _is_beside(name):
            yield SetAside(entry.where, entry.problem)
    elif in_maildir:
        yield maildir.read_message(entry, reading)
    else:
        yield from _read_by_its_beginning(entry, reading)


def _read_by_its_beginning(entry: Entry, reading: Reading) -> Iterator[Item]:
    name = entry.path[-1].lower() if entry.path else ""
    with entry.open() as raw, io.BufferedReader(cast(io.RawIOBase, _Readable(raw)), _PEEK) as stream:
        beginning = stream.peek(_PEEK)
        if not name.endswith(eml.ENDING) and (skipped := mbox.before_first_line(beginning)):
            stream.read(skipped)
            beginning = stream.peek(_PEEK)
        if _is_mbox(entry, name, beginning):
            folder = mbox_folder(entry.path)
            scope = "/".join(entry.path)
            yield from mbox.read_mbox(stream, entry.where, folder, reading, entry.otherwise, scope=scope)
        elif name.endswith(eml.ENDING) or eml.looks_like_mail(beginning):
            yield eml.read_message(entry._replace(open=lambda: stream), reading)
        elif _is_beside(name):
            return
        elif not beginning:
            yield NoMail(entry.where, "an empty file")
        elif name.endswith(_ARCHIVES):
            yield SetAside(entry.where, "an archive; import it by itself")
        elif (name or entry.where.lower()).endswith(_FOREIGN):
            yield SetAside(entry.where, "mail in a format that is not read here; convert it to mbox or .eml")
        else:
            yield NoMail(entry.where, "no mail: it does not begin with header fields")


def _is_mbox(entry: Entry, name: str, beginning: bytes) -> bool:
    """Tell whether a file holds many messages; by its name alone also one whose beginning is lost."""
    if name.endswith(eml.ENDING):
        return False
    named = (name or entry.where.lower()).removesuffix(".gz").endswith(_MBOX)
    return mbox.looks_like_mbox(beginning) or (named and beginning != b"")


def mbox_folder(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folder that an mbox is, by its path.

    ``Work.mbox``, Apple's ``Work.mbox/mbox``, and Thunderbird's ``Work.sbd/Lists``, which lies below ``Work``.
    """
    levels = [_without_ending(name, (_MBOX, ".sbd")) for name in path]
    if len(path) > 1 and path[-1].lower() == "mbox" and path[-2].lower().endswith(_MBOX):
        levels.pop()
    return tuple(levels)


def _without_ending(name: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def _is_never_mail(path: tuple[str, ...]) -> bool:
    if _NEVER_MAIL_FOLDER in path or (path and path[-1].startswith(_NEVER_MAIL_BEGINNING)):
        return True
    # Maildir: names with a dot in front are passed over. NFS gives them to files that are deleted while open.
    return len(path) >= 2 and path[-2] in maildir.PARTS and path[-1].startswith(".")


def _is_beside(name: str) -> bool:
    name = name.lower()
    return name in _BESIDE or name.startswith(_BESIDE_BEGINNINGS) or name.endswith(_BESIDE_ENDINGS)


class _Readable(io.RawIOBase):
    """Any stream with a ``read``, for a BufferedReader, which adds the look ahead."""

    def __init__(self, stream: IO[bytes]) -> None:
        # What is there already, where a stream can say so: what comes behind it may be an error.
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
