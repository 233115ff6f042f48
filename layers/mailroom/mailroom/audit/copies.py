"""Delivered copies against the files of their mailboxes: in any folder, with any flags, wherever a reader put them.

A copy is known by the part of its name that derives from the delivery (``maildir.names``). Where a mail reader has
given it another name, as Dovecot does when a folder has that name already, by its size and its time, which is when SES
received it, to the millisecond. Nothing is opened, and nothing is changed.
"""

import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import batched
from pathlib import Path
from typing import NamedTuple

from mailroom.audit.notes import Notes, RecordNote
from mailroom.errors import MailboxPathRejected
from mailroom.mailbox_paths import mailbox_components
from mailroom.maildir.names import HOST, message_name
from mailroom.statuses import Status

_MARK = re.compile(rf"\.([0-9a-f]{{32}})\.{HOST}(?:[,:.]|$)")
_SIZE = re.compile(r",S=(\d+)(?:[,:]|$)")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST = 32  # folders in each other
_BATCH = 1000  # files written to the notes at once
_TIME_SECONDS = 0.001  # by which a copy's time may differ: records keep milliseconds

type Wanted = Callable[[RecordNote], bool]


class WrongRootError(Exception):
    """No mailbox on record is there."""


class Absent(NamedTuple):
    """A delivered copy that is nowhere in its mailbox; ``unreadable`` says that nobody could look, and why."""

    record: RecordNote
    unreadable: str = ""


def absent(
    notes: Notes, mail_root: str, wanted: Wanted = lambda record: True, progress: Callable[[int], None] = lambda n: None
) -> Iterator[Absent]:
    """Return the delivered copies that are nowhere in their mailboxes, mailbox by mailbox.

    Raises ``WrongRootError`` when none of the mailboxes is there: then this is not the mail root.

    Not promised: a copy that its reader moves to another mailbox while this goes on counts as absent, as one that was
    moved there before does.
    """
    paths = [path for (path,) in notes.database.execute(_PATHS, _WRITTEN)]
    if paths and not any(_is_folder(mail_root, path) for path in paths):
        raise WrongRootError(f"{mail_root} has none of the {len(paths)} mailboxes that are on record")
    for path in paths:
        try:
            _list(notes, mail_root, path)
            if any(wanted(one) for one in _without_file(notes, mail_root, path)):
                # Once more, because a file that is renamed while its folder is listed may be seen under neither name.
                _list(notes, mail_root, path, again=True)
                yield from (Absent(one) for one in _without_file(notes, mail_root, path) if wanted(one))
        except (OSError, MailboxPathRejected) as error:
            yield from (Absent(one, _words(error)) for one in _records(notes, path) if wanted(one))
        progress(1)


_PATHS = "SELECT DISTINCT path FROM records WHERE status IN (?, ?) AND path IS NOT NULL ORDER BY path"
_WRITTEN = (Status.DELIVERED, Status.RESTORING)


def _records(notes: Notes, path: str) -> Iterator[RecordNote]:
    query = "SELECT * FROM records WHERE path = ? AND status IN (?, ?)"
    return map(RecordNote.of_row, notes.database.execute(query, (path, *_WRITTEN)))


def _without_file(notes: Notes, mail_root: str, path: str) -> Iterator[RecordNote]:
    for record in _records(notes, path):
        delivery = f"{record.message_id}\n{record.mailbox}"
        mark = message_name(delivery, 0.0).mark.removeprefix(".").removesuffix(f".{HOST}")
        known = notes.database.execute("SELECT 1 FROM files WHERE mark = ?", (mark,)).fetchone()
        if not known and not _renamed(notes, mail_root, record):
            yield record


def _renamed(notes: Notes, mail_root: str, record: RecordNote) -> bool:
    """Whether a file of another name has the size and the time of the copy."""
    received_at = datetime.fromisoformat(record.received_at).timestamp()
    for (place,) in notes.database.execute("SELECT place FROM files WHERE mark IS NULL AND size = ?", (record.size,)):
        try:
            changed_at = Path(mail_root, os.fsdecode(place)).lstat().st_mtime
        except FileNotFoundError:
            continue
        # What was restored from a backup may have lost the parts of a second.
        exact = int(received_at) if changed_at.is_integer() else received_at
        if abs(changed_at - exact) < _TIME_SECONDS:
            return True
    return False


def _list(notes: Notes, mail_root: str, path: str, *, again: bool = False) -> None:
    """List a mailbox into the notes, where a large one takes no memory; ``again`` adds to what is there."""
    with notes.at_once() as database:
        if not again:
            database.execute("DELETE FROM files")
        for some in batched(_files(mail_root, path), _BATCH, strict=False):
            database.executemany("INSERT INTO files VALUES (?, ?, ?)", (_file(place, name) for place, name in some))


def _file(place: str, name: str) -> tuple[str | None, int | None, bytes]:
    mark, size = _MARK.search(name), _SIZE.search(name)
    # A name on disk need not be text.
    return mark[1] if mark else None, int(size[1]) if size else None, os.fsencode(f"{place}/{name}")


def _files(mail_root: str, path: str) -> Iterator[tuple[str, str]]:
    """The files in ``new`` and ``cur`` of a mailbox and of all folders in it; a mailbox that is not there has none.

    No symlink is followed below the mail root.
    """
    root = os.open(mail_root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        folder = root
        for component in mailbox_components(path):
            try:
                below = os.open(component, _FOLDER, dir_fd=folder)
            except FileNotFoundError:
                return
            finally:
                if folder != root:
                    os.close(folder)
            folder = below
        try:
            yield from _below(folder, path, 0)
        finally:
            os.close(folder)
    finally:
        os.close(root)


def _below(folder: int, place: str, depth: int) -> Iterator[tuple[str, str]]:
    with os.scandir(folder) as entries:
        folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    for name in folders:
        if name == "tmp" or depth == _DEEPEST:
            continue
        try:
            below = os.open(name, _FOLDER, dir_fd=folder)
        except FileNotFoundError:
            continue
        try:
            if name in ("new", "cur"):
                with os.scandir(below) as entries:
                    yield from ((f"{place}/{name}", entry.name) for entry in entries)
            else:
                yield from _below(below, f"{place}/{name}", depth + 1)
        finally:
            os.close(below)


def _is_folder(mail_root: str, path: str) -> bool:
    try:
        return Path(mail_root, path).is_dir()
    except OSError:
        return False


def _words(error: OSError | MailboxPathRejected) -> str:
    return f"{error.filename or ''} {error.strerror}".strip() if isinstance(error, OSError) else str(error)
