"""Which mail has come another way: for the days in which one arrives at two systems.

Known is what has the same Message-ID, date, sender *and* body; SES adds lines above the headers and WorkMail changes
others, so the bytes are not the same. A message without a Message-ID is never known. One that is there stands for one
of the source, so that two equal ones stay two; what an import has written stands for itself alone, in whichever folder
its owner has filed it: Dovecot keeps a file's name when a message is moved.

A copy in a folder for sent mail or drafts has not come any way. It is known only by one in a folder of the same name.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from email.utils import parseaddr
from enum import StrEnum

from mailroom.folder_names import INBOX, folder_directory
from mailroom.maildir.directories import Place, new_and_cur, open_folder
from mailroom.maildir.times import reading

from mailroomctl.moving.content import CHUNK, HEAD, USUAL_HEAD
from mailroomctl.moving.dates import parse
from mailroomctl.moving.headers import Headers, ends_in
from mailroomctl.moving.identity import identity_of
from mailroomctl.moving.index import Index
from mailroomctl.moving.sources.item import Message

_BODY = re.compile(rb"(?:\A|\n)\r?\n")
_OWN = re.compile(r"sent|draft|outbox|gesendet|entw[uü]rf|envoy|brouillon|enviad|borrador|inviat|bozz|verzonden", re.I)


class By(StrEnum):
    """What makes a message known."""

    ALL = "all"
    """Message-ID, date, sender and body."""
    MESSAGE_ID = "message-id"
    """Message-ID alone, which two different messages may have."""


class Familiar(StrEnum):
    """What is known of a message."""

    NO = "no"
    KNOWN = "known"
    SAME_ID = "same id"
    """Another one with its Message-ID is there."""


class KnownMail:
    """The mail of a mailbox: what no import has written, and what was moved since one has."""

    def __init__(self, index: Index, by: By) -> None:
        """``index`` keeps it."""
        self._index = index
        self._by = by
        self._places: dict[str, Place] = {}

    def learn(self, places: Iterable[Place]) -> None:
        """Read the headers of every message that no import has written, and the names of the others."""
        for place in places:
            self._places[place.name] = place
            self._index.add_present(_imported(place))
            self._index.add_known(_read(place))

    def judge(self, message: Message, folder: str) -> Familiar:
        """Tell whether a message is known; one that is, is used up."""
        message_id = _message_id(message.headers)
        if not message_id:
            return Familiar.NO
        keys = _headers(message.headers)
        body: bytes | None = None
        for one in self._index.known(message_id):
            if self._by is By.ALL:
                own = _is_own(folder) or _is_own(one.place)
                if one.headers != keys or (own and one.place != (folder_directory(folder) or INBOX)):
                    continue
                body = body or hash_of_body(message.content.chunks())
                if self._body(one.place, one.file_name) != body:
                    continue
                self._index.use(one.row)
            return Familiar.KNOWN
        return Familiar.SAME_ID if self._index.has_message_id(message_id) else Familiar.NO

    def _body(self, place: str, file_name: str) -> bytes | None:
        """Hash the body of a file, which its owner may have moved between ``new`` and ``cur`` meanwhile."""
        for part in _parts(self._places[place]):
            names = [file_name]
            for _ in range(2):
                for name in names:
                    try:
                        return hash_of_body(_chunks(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=part)))
                    except OSError:
                        continue
                with reading(part) as (readable, _), os.scandir(readable) as entries:
                    base = file_name.partition(":")[0]
                    names = [entry.name for entry in entries if entry.name.startswith(base)]
        return None


def hash_of_body(chunks: Iterable[bytes]) -> bytes:
    """Hash what is behind the headers; line ends, and empty lines at the end, make no difference."""
    found = hashlib.blake2b(digest_size=16)
    head: bytes | None = b""
    carried = b""
    for chunk in chunks:
        piece = carried + chunk
        carried = b""
        if head is not None:
            head += piece
            match = _BODY.search(head)
            if match is None:
                continue
            piece, head = head[match.end() :], None
        # Whether white space is the end's is not known before something follows it.
        kept = piece.rstrip(b"\r\n")
        carried = piece[len(kept) :]
        found.update(kept.replace(b"\r\n", b"\n"))
    return found.digest()


def _imported(place: Place) -> Iterator[bytes]:
    """The identities of what imports have written, into this folder or into the one that it was moved from."""
    for part in _parts(place):
        with reading(part) as (readable, _), os.scandir(readable) as entries:
            yield from (identity for entry in entries if (identity := identity_of(entry.name)) is not None)


def _read(place: Place) -> Iterator[tuple[bytes, bytes, str, str]]:
    """The messages of one folder: Message-ID, other headers, place, file name."""
    for part in _parts(place):
        with reading(part) as (readable, _), os.scandir(readable) as entries:
            for entry in entries:
                if identity_of(entry.name) is not None or not entry.is_file(follow_symlinks=False):
                    continue
                try:
                    descriptor = os.open(entry.name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=part)
                except FileNotFoundError:
                    continue
                try:
                    head = os.read(descriptor, USUAL_HEAD)
                    if len(head) == USUAL_HEAD and not ends_in(head):
                        head += os.read(descriptor, HEAD - USUAL_HEAD)
                finally:
                    os.close(descriptor)
                headers = Headers(head)
                if message_id := _message_id(headers):
                    yield message_id, _headers(headers), place.name, entry.name


def _parts(place: Place) -> Iterator[int]:
    try:
        folder = open_folder(place)
    except OSError:
        return
    try:
        yield from new_and_cur(folder)
    finally:
        folder.close()


def _chunks(descriptor: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(descriptor, CHUNK):
            yield chunk
    finally:
        os.close(descriptor)


def _message_id(headers: Headers) -> bytes:
    return b"".join((headers.first("Message-ID") or b"").split())


def _headers(headers: Headers) -> bytes:
    """Hash the date, as a time, and the sender's address: how they are written differs."""
    date, sender = headers.first("Date") or b"", headers.first("From") or b""
    moment = parse(date)
    address = parseaddr(sender.decode("utf-8", "replace"))[1].casefold()
    known = (date if moment is None else moment, address or sender)
    return hashlib.blake2b(repr(known).encode(), digest_size=16).digest()


def _is_own(folder: str) -> bool:
    return _OWN.search(folder) is not None
