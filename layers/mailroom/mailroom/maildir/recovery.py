"""Find out what earlier attempts of the same delivery left, and make sure that none of them finishes later.

Several recoveries may run at once, beside an attempt that was believed dead. Each creates its own temporary file,
*then* removes all others of the delivery, *then* looks for the message. Two that both publish are impossible: let P
publish before Q does, and Q not see it. Then Q looked before P published, so P's file was still in tmp/. Had P
created it before Q cleared, Q had removed it. So P created it after Q had begun to clear, hence after Q created its
own, so P's clearing found Q's file, and Q's rename fails.

And one of them finishes: whoever clears last is not cleared any more. Those that find themselves cleared before they
have read the content begin again after a random wait; later ones fail as temporary.

Nor does a recovery overlook a message that is there. Whoever published it did so after the delivery's first claim and,
as just shown, before the look: since then it has been in ``new`` or ``cur``, or its owner has taken it away. The look
goes to ``new`` first, then to ``cur``, and reads of each, before anything else, when it changed last by the server's
clock (``times``).

- A directory that changed last before the first claim, by more than clocks may differ, is passed over. A message in
  ``new`` has made ``new`` young when it came. One that was moved to ``cur`` has made ``cur`` young; if that happened
  after ``new`` was read, then before ``cur`` was, or ``new`` has shown it.
- A directory that is listed shows every entry that keeps its name meanwhile, but one that is renamed perhaps under
  neither name (POSIX readdir). So a look that finds nothing is proof when nothing in what it listed was renamed since
  it began: when the last change of each, read again after the listing, lies before that, by more than the unit in
  which file systems keep times. A move between ``new`` and ``cur``, in either direction, changes both.
- Where a mailbox is so busy that no look is proof, another one follows. From the second on, it is enough that ``cur``
  has not changed since the one before, and the sixth is the last: then a reader would have had to rename the message
  within each of them, unseen.

This needs of the world: a directory that is opened shows what the server knows, as NFS does unless it is mounted with
``nocto``, and then no recovery begins; directories show the time of their last change, which the creation of the
temporary file in ``tmp`` puts to the test; the server's clock, which that file shows, has not been set forward since
the first attempt, nor back during the look; and the clock of the claim is not ahead of it by more than the margin.
"""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mailroom.maildir.directories import Folder, new_and_cur
from mailroom.maildir.draft import Draft
from mailroom.maildir.failures import Cleared
from mailroom.maildir.mounts import names_are_durable_at_once
from mailroom.maildir.names import MessageName
from mailroom.maildir.times import TICK_SECONDS, Times, last_change, reading

MIN_LOOKS = 2
MAX_LOOKS = 6


class Found(NamedTuple):
    """A message that an earlier attempt delivered."""

    file_name: str
    """Without the flags that a mail reader may have added."""
    folder: str
    size: int
    virtual_size: int


def fence(own: Draft, times: Times, name: MessageName, folders: Sequence[Folder]) -> Found | None:
    """Clear every other attempt's file, then look for the message; ``own`` lies in the first folder's ``tmp``.

    Raises ``Cleared`` when another recovery removed ``own`` meanwhile, for it may be about to finish. Only to find that
    out early: the rename would fail too, but by then the content has been read.
    """
    seen = clear(name, folders, keep=own.temporary)
    if not seen.kept:
        raise Cleared
    found = find(name, folders, times.checked(seen.changed))
    if found is None and not own.exists():
        raise Cleared
    return found


class Seen(NamedTuple):
    """The first folder's ``tmp`` before the clearing."""

    kept: bool
    """What was to be kept is there."""
    changed: float
    """When the directory changed last."""


def clear(name: MessageName, folders: Sequence[Folder], keep: str | None = None) -> Seen:
    """Remove the delivery's temporary files; an attempt that still writes one fails when it renames it."""
    seen = []
    for folder in folders:
        with reading(folder.tmp) as (tmp, changed):
            entries = list(_matching(tmp, name.mark))
        seen.append(Seen(keep in entries, changed))
        for entry in entries:
            if entry != keep:
                remove(entry, folder)
    return seen[0]


def remove(entry: str, folder: Folder) -> None:
    """Remove a temporary file; that it is gone already is fine."""
    try:
        os.unlink(entry, dir_fd=folder.tmp)
    except FileNotFoundError:
        return


def find(name: MessageName, folders: Sequence[Folder], times: Times | None = None) -> Found | None:
    """Look in ``new`` and then in ``cur``, the way that messages go; what is found is made durable.

    The attempt that renamed it may have died before it synced the directory. Without ``times`` it is one look at each
    folder, which proves nothing when it finds nothing.
    """
    for folder in folders:
        found = _look_once(folder, name.mark).found if times is None else _look(folder, name.mark, times)
        if found is not None:
            _make_durable(folder)
            return found
    return None


class _Look(NamedTuple):
    """What one look at a folder has shown."""

    found: Found | None = None
    changed: float = 0.0
    """When something that was listed changed last, read afterwards; 0 when nothing was listed."""
    cur_changed: float | None = None
    """The same of ``cur`` alone."""


def _look(folder: Folder, mark: str, times: Times) -> Found | None:
    """Look until the message is found, or until it is surely not there."""
    before = None
    for number in range(1, MAX_LOOKS + 1):
        start = times.now()
        look = _look_once(folder, mark, times)
        if look.found is not None or look.changed <= start - TICK_SECONDS:
            return look.found
        if number >= MIN_LOOKS and look.cur_changed == before:
            return None
        before = look.cur_changed
    return None


def _look_once(folder: Folder, mark: str, times: Times | None = None) -> _Look:
    """List what may hold the message."""
    changed, cur_changed = 0.0, None
    for part in new_and_cur(folder):
        with reading(part) as (readable, before):
            if times is not None and times.cannot_hold_a_copy(before):
                continue
            for entry in _matching(readable, mark):
                return _Look(_found(entry, folder, part))
        after = last_change(part)
        changed = max(changed, after)
        cur_changed = after if part != folder.new else None
    return _Look(None, changed, cur_changed)


def _make_durable(folder: Folder) -> None:
    """Make the names in both directories durable."""
    if not names_are_durable_at_once(folder.place.mail_root):
        for part in new_and_cur(folder):
            with reading(part) as (readable, _):
                os.fsync(readable)


def _matching(readable: int, mark: str) -> Iterator[str]:
    """The entries of this delivery."""
    with os.scandir(readable) as entries:
        yield from (entry.name for entry in entries if mark in entry.name)


def _found(entry: str, folder: Folder, part: int) -> Found:
    """Read the sizes from the message's name, where its attempt put them."""
    file_name = entry.partition(":")[0]
    fields = dict(field.partition("=")[::2] for field in file_name.split(",")[1:])
    if not (fields.get("S", "").isdecimal() and fields.get("W", "").isdecimal()):
        fields["S"] = fields["W"] = str(os.stat(entry, dir_fd=part, follow_symlinks=False).st_size)
    return Found(file_name, folder.place.name, int(fields["S"]), int(fields["W"]))
