"""Deliver one message to one mailbox."""

import itertools
import os
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from mailroom.errors import MailboxPathRejected, StorageUnavailable
from mailroom.folder_names import INBOX, folder_directory
from mailroom.mailbox_paths import mailbox_components
from mailroom.maildir import names, recovery
from mailroom.maildir.directories import Folder, Place, folder_exists, make_folder, open_folder
from mailroom.maildir.draft import Draft
from mailroom.maildir.failures import Cleared, Storing, patiently
from mailroom.maildir.message import check_headers
from mailroom.maildir.mounts import shows_what_it_remembers
from mailroom.maildir.recovery import Found

_PREPARING = Storing("preparing the delivery")


class Delivered(NamedTuple):
    """Where the copy is."""

    file_name: str
    """In ``new/``, until a mail reader moves it to ``cur/`` and adds flags after a colon."""
    folder: str
    size: int
    """Bytes on disk."""
    virtual_size: int
    """Bytes when every line end is CRLF."""
    already_delivered: bool
    """An earlier attempt had delivered it; this one wrote nothing."""


def deliver(
    mail_root: str | os.PathLike[str],
    *,
    mailbox_path: str,
    folder: str,
    delivery_id: str,
    received_at: datetime | float,
    headers: Sequence[tuple[str, str]],
    content: Iterable[bytes],
    attempt: str,
    recovering: bool,
    first_claimed_at: float | None = None,
    optional_folder: bool = False,
    publish_before: float | None = None,
    patience: float = 0.8,
) -> Delivered:
    """Put one copy of a message into a mailbox's ``new/`` and return when it is durable.

    Args:
        mail_root: folder that holds all mailboxes; must exist (else the file system is not mounted).
        mailbox_path: the Maildir, relative to ``mail_root``; made when missing.
        folder: ``INBOX``, or a folder's Unicode name with ``/`` between levels; made when missing.
        delivery_id: identity of this delivery; the same in every attempt of it, and in no other's.
        received_at: aware datetime or seconds since 1970; becomes the file's mtime, Dovecot's INTERNALDATE.
        headers: ``(name, value)`` lines to put in front.
        content: the raw message; not touched unless it is going to be written.
        attempt: text unique to this attempt; tells its temporary file apart.
        recovering: an earlier attempt of this delivery may have got anywhere: look for its message, and clear its
            temporary file. The first attempt does without.
        first_claimed_at: for a recovery, when this delivery was claimed for the first time, in seconds since 1970: what
            has not changed since cannot hold its copy and is not listed. None lists ``new`` and ``cur``.
        optional_folder: use the INBOX when ``folder`` does not exist or cannot exist.
        publish_before: when a recovery may begin, in seconds since 1970 of this machine's clock; an attempt that is
            none itself publishes nothing from then on. None for no such deadline.
        patience: seconds to spend on what may pass at once (ESTALE, rivals); 0 for none.

    Raises:
        MailboxPathRejected: the path or folder can never be used; nothing was created.
        InvalidEvent: a header could forge another one.
        StorageUnavailable: not now; the temporary file is removed. The copy may exist nevertheless (an error after
            the rename); a later attempt with ``recovering`` finds it.
        DeadlinePassed: ``publish_before`` has passed; this attempt made no copy, and its temporary file is removed.

    Not promised: that a call without ``recovering`` notices an earlier one's copy; that a recovery finds a message
    that the user deleted or moved to another folder meanwhile; that the folder's own ``cur`` exists (Dovecot's task).
    """
    name = names.message_name(delivery_id, received_at)
    places = _places(os.fspath(mail_root), mailbox_path, folder, optional=optional_folder)
    check_headers(headers)
    tries = itertools.count()

    def begin() -> tuple[list[Folder], Draft | Found]:
        folders = _open(places, optional=optional_folder, recovering=recovering)
        try:
            temporary = names.temporary_name(name, attempt)
            if recovering:
                return folders, _recover(folders, name, temporary, first_claimed_at, again=next(tries) > 0)
            return folders, Draft(folders[0], temporary)
        except BaseException:
            _close(folders)
            raise

    try:
        with _PREPARING:
            folders, begun = patiently(begin, patience)
    except Cleared:
        raise StorageUnavailable("another attempt of the same delivery is running") from None
    try:
        if isinstance(begun, Found):
            return Delivered(begun.file_name, begun.folder, begun.size, begun.virtual_size, already_delivered=True)
        file_name, written = begun.publish(name, headers, content, None if recovering else publish_before)
        place = folders[0].place
        return Delivered(file_name, place.name, written.size, written.virtual_size, already_delivered=False)
    finally:
        _close(folders)


def _places(mail_root: str, mailbox_path: str, folder: str, *, optional: bool) -> list[Place]:
    """The folders to consider, the wanted one first; the INBOX is always among them."""
    inbox = Place(INBOX, mail_root, mailbox_components(mailbox_path), None)
    if folder == INBOX:
        return [inbox]
    try:
        directory = folder_directory(folder)
    except MailboxPathRejected:
        if optional:
            return [inbox]
        raise
    return [inbox._replace(name=folder, directory=directory), inbox] if directory else [inbox]


def _open(places: list[Place], *, optional: bool, recovering: bool) -> list[Folder]:
    """Open the folder to deliver to and, for a recovery, the INBOX beside it.

    An earlier attempt may have used the INBOX, because the folder did not exist or the policy was another then.
    """
    wanted, inbox = places[0], places[-1]
    try:
        folders = [open_folder(wanted)]
    except (FileNotFoundError, NotADirectoryError):
        if optional and not folder_exists(wanted):
            wanted = inbox
            folders = [_open_or_make(inbox)]
        else:
            folders = [make_folder(wanted)]
    if recovering and wanted is not inbox:
        try:
            folders.append(_open_or_make(inbox))
        except BaseException:
            _close(folders)
            raise
    return folders


def _open_or_make(place: Place) -> Folder:
    """Open a folder, made, or completed when a part of it is missing."""
    try:
        return open_folder(place)
    except FileNotFoundError:
        return make_folder(place)


def _recover(
    folders: list[Folder], name: names.MessageName, temporary: str, first_claimed_at: float | None, *, again: bool
) -> Draft | Found:
    """Look around, and create the temporary file where the message has to be written (again)."""
    if again and (found := recovery.find(name, folders)):
        # A rival has finished. To begin another round of clearing would only disturb those that still try.
        recovery.clear(name, folders)
        return found
    if shows_what_it_remembers(folders[0].place.mail_root):
        raise StorageUnavailable("looking for a copy: a mail root mounted with nocto shows what was there a minute ago")
    begun = time.time()
    draft = Draft(folders[0], temporary)
    try:
        earlier = recovery.fence(draft, draft.times(begun, first_claimed_at), name, folders)
    except BaseException:
        draft.discard()
        raise
    if earlier is not None:
        draft.discard()
    return earlier or draft


def _close(folders: list[Folder]) -> None:
    """Close what `_open` opened. Nothing was written through it, so a failure loses nothing."""
    for folder in folders:
        try:
            folder.close()
        except OSError:
            continue
