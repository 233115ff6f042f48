"""Find out what earlier attempts of the same delivery left, and make sure that none of them finishes later.

Several recoveries may run at once, beside an attempt that was believed dead. Each creates its own temporary file,
*then* removes all others of the delivery, *then* looks for the message. Two that both publish are impossible: let P
publish before Q does, and Q not see it. Then Q looked before P published, so P's file was still in tmp/. Had P
created it before Q cleared, Q had removed it. So P created it after Q had begun to clear, hence after Q created its
own, so P's clearing found Q's file, and Q's rename fails.

And one of them finishes: whoever clears last is not cleared any more. Those that find themselves cleared before they
have read the content begin again after a random wait; later ones fail as temporary.
"""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mailroom.maildir.directories import Folder, open_cur
from mailroom.maildir.failures import Cleared
from mailroom.maildir.names import MessageName

# A directory that others change while it is read may show a renamed entry under neither name (POSIX readdir), so
# one look that finds nothing proves nothing. Look until nothing was renamed meanwhile, within these bounds.
MIN_LOOKS = 2
MAX_LOOKS = 6


class Found(NamedTuple):
    """A message that an earlier attempt delivered."""

    file_name: str
    """Without the flags that a mail reader may have added."""
    folder: str
    size: int
    virtual_size: int


def fence(own: str, name: MessageName, folders: Sequence[Folder]) -> Found | None:
    """Clear every other attempt's file, then look for the message; ``own`` lies in the first folder's ``tmp``.

    Raises ``Cleared`` when another recovery removed ``own`` meanwhile, for it may be about to finish. Only to find that
    out early: the rename would fail too, but by then the content has been read.
    """
    clear(name, folders, keep=own)
    _check(own, folders)
    found = find(name, folders)
    if found is None:
        _check(own, folders)
    return found


def _check(own: str, folders: Sequence[Folder]) -> None:
    """Raise ``Cleared`` when our own file is gone."""
    try:
        os.stat(own, dir_fd=folders[0].tmp, follow_symlinks=False)
    except FileNotFoundError:
        raise Cleared from None


def clear(name: MessageName, folders: Sequence[Folder], keep: str | None = None) -> None:
    """Remove the delivery's temporary files; an attempt that still writes one fails when it renames it."""
    for folder in folders:
        for entry in list(_matching(folder.tmp, name.mark)):
            if entry != keep:
                remove(entry, folder)


def remove(entry: str, folder: Folder) -> None:
    """Remove a temporary file; that it is gone already is fine."""
    try:
        os.unlink(entry, dir_fd=folder.tmp)
    except FileNotFoundError:
        return


def find(name: MessageName, folders: Sequence[Folder]) -> Found | None:
    """Look in ``new`` and then in ``cur``, the way that messages go; what is found is made durable.

    The attempt that renamed it may have died before it synced the directory.
    """
    for folder in folders:
        try:
            cur = open_cur(folder.place)
        except FileNotFoundError:
            cur = -1
        try:
            entry = _look(folder.new, cur, name.mark)
            if entry is not None:
                os.fsync(folder.new)
                if cur >= 0:
                    os.fsync(cur)
                return _found(entry, folder, cur)
        finally:
            if cur >= 0:
                os.close(cur)
    return None


def _look(new: int, cur: int, mark: str) -> str | None:
    """The name of the message in ``new`` or ``cur``, None when it is surely in neither."""
    for look in range(1, MAX_LOOKS + 1):
        before = _changed(cur)
        for directory in (new, cur):
            for entry in _matching(directory, mark):
                return entry
        if look >= MIN_LOOKS and _changed(cur) == before:
            return None
    return None


def _changed(directory: int) -> int:
    """When an entry of the directory last changed."""
    return os.stat(directory).st_mtime_ns if directory >= 0 else 0


def _matching(directory: int, mark: str) -> Iterator[str]:
    """The entries of this delivery. Opened anew for each look: on NFS only open asks the server what is new."""
    if directory < 0:
        return
    fresh = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    try:
        with os.scandir(fresh) as entries:
            yield from (entry.name for entry in entries if mark in entry.name)
    finally:
        os.close(fresh)


def _found(entry: str, folder: Folder, cur: int) -> Found:
    """Read the sizes from the message's name, where its attempt put them."""
    file_name = entry.partition(":")[0]
    fields = dict(field.partition("=")[::2] for field in file_name.split(",")[1:])
    if not (fields.get("S", "").isdecimal() and fields.get("W", "").isdecimal()):
        directory = cur if ":" in entry else folder.new
        fields["S"] = fields["W"] = str(os.stat(entry, dir_fd=directory, follow_symlinks=False).st_size)
    return Found(file_name, folder.place.name, int(fields["S"]), int(fields["W"]))
