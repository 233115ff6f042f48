"""Bring one source into one mailbox."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from mailroom.errors import MailboxPathRejected, MailroomError, StorageUnavailable

from mailroomctl.interrupts import finishing
from mailroomctl.moving.dates import received_at
from mailroomctl.moving.folders import Folders
from mailroomctl.moving.identity import identify, message_name
from mailroomctl.moving.index import Index
from mailroomctl.moving.known import By, Familiar, KnownMail
from mailroomctl.moving.mailbox import Mailbox
from mailroomctl.moving.owner import Owner, acting_as
from mailroomctl.moving.sources.item import Message, SetAside, Source, SourceBroken
from mailroomctl.moving.summary import Outcome, Summary
from mailroomctl.moving.write import Writer

#: Messages, and seconds, after which names are made durable.
BATCH = 256
BATCH_SECONDS = 5.0

_BEFORE_ORDINALS = -1


@dataclass(frozen=True, slots=True)
class Options:
    """How to import."""

    folders: Callable[[], Folders]
    jobs: int
    name: str = ""
    """Under which the mailbox's messages are remembered; its address, unless it was renamed."""
    known_by: By | None = None
    """What makes a message known; None imports known ones too."""
    seen: bool = False
    """Mark as read what the source says nothing about."""
    dry_run: bool = False
    owner: Owner | None = None
    now: float = field(default_factory=time.time)


def import_source(
    source: Source, mail_root: str, path: str, summary: Summary, options: Options, progress: Callable[[Summary], None]
) -> None:
    """Import all messages of a source; ``summary`` counts them, also when this raises.

    It may be repeated, and interrupted at any time: what is there is not written again. Raises ``CommandError`` when
    another import into the mailbox runs, ``StorageUnavailable``, KeyboardInterrupt.
    """
    with closing(Index()) as index:
        mailbox = Mailbox(mail_root, path, options.owner, index, dry_run=options.dry_run)
        writer = Writer(options.jobs, options.owner, mailbox.drafting)
        run = _Run(mailbox, writer, index, summary, options)
        begun = time.monotonic()
        try:
            mailbox.lock()
            try:
                run.learn()
                run.read(source, progress)
            finally:
                run.finish()
        finally:
            writer.close()
            mailbox.close()
            summary.seconds = time.monotonic() - begun
            summary.replaced = run.folders.replaced
            summary.made = sorted(mailbox.made)


class _Run:
    """One import."""

    def __init__(self, mailbox: Mailbox, writer: Writer, index: Index, summary: Summary, options: Options) -> None:
        self.folders = options.folders()
        self._mailbox = mailbox
        self._writer = writer
        self._index = index
        self._summary = summary
        self._options = options
        self._known = KnownMail(index, options.known_by) if options.known_by else None
        self._unusable: dict[str, str] = {}
        self._failed: StorageUnavailable | None = None
        self._unsynced = 0
        self._synced_at = time.monotonic()

    def learn(self) -> None:
        """Read what has come another way."""
        if self._known is not None:
            with acting_as(self._mailbox.owner):
                self._known.learn(self._mailbox.places())

    def read(self, source: Source, progress: Callable[[Summary], None]) -> None:
        """Read and write until the source ends, or writing fails."""
        try:
            for item in source.items():
                with finishing():
                    if isinstance(item, Message):
                        self._take(item)
                    elif isinstance(item, SetAside):
                        self._summary.put_aside(item.where, item.reason)
                    else:
                        self._summary.pass_over(item.where, item.reason)
                    self._sync_batch()
                progress(self._summary)
                if self._failed is not None:
                    raise self._failed
        except SourceBroken as error:
            self._summary.problem = f"the source cannot be read any further: {error}"

    def finish(self) -> None:
        """Wait for what is being written, and make it durable."""
        with finishing():
            self._writer.drain()
            self._mailbox.sync()
        if self._failed is not None:
            raise self._failed

    def _take(self, message: Message) -> None:
        """Decide what becomes of one message, and begin to write it."""
        taken = False
        try:
            folder = self.folders.map(message.folder)
            if folder is None:
                self._summary.count(Outcome.LEFT_OUT, "/".join(message.folder))
            elif message.content.too_large:
                self._summary.put_aside(message.where, "it is larger than any mail", folder)
            elif not message.content.size:
                self._summary.put_aside(message.where, "it is empty", folder)
            else:
                taken = self._place(message, folder)
        finally:
            if not taken:
                message.content.close()

    def _place(self, message: Message, folder: str) -> bool:
        """Look whether a message is there; tells whether its content is in use by a writer."""
        opened = None
        if folder not in self._unusable:
            if self._mailbox.full():
                self._make_room()
            try:
                opened = self._mailbox.folder(folder)
            except MailboxPathRejected as error:
                self._unusable[folder] = str(error)
            except StorageUnavailable as error:
                raise StorageUnavailable(f"the folder {folder}: {error}") from error
        if folder in self._unusable:
            self._summary.put_aside(message.where, self._unusable[folder], folder)
            return False
        digest = message.content.digest()
        mailbox = self._options.name or self._summary.mailbox
        same = identify(mailbox, f"{folder}\n{message.scope}", digest, _BEFORE_ORDINALS)
        identity = identify(mailbox, folder, digest, self._index.next_ordinal(same))
        if self._index.is_present(identity):
            self._summary.count(Outcome.PRESENT, folder)
            return False
        if self._known is not None:
            with acting_as(self._mailbox.owner):
                familiar = self._known.judge(message, folder)
            if familiar is Familiar.KNOWN:
                self._summary.count(Outcome.KNOWN, folder)
                return False
            if familiar is Familiar.SAME_ID:
                self._summary.other_with_id(message.where, folder)
        if message.scope:
            self._index.add_present([identity])  # another file of the same export may hold it too
        if opened is None:
            self._count_imported(message, folder)
            return False
        flags = message.flags if message.flags is not None else "S" if self._options.seen else ""
        name = message_name(
            identity, received_at(message.headers, message.own_date, message.otherwise, self._options.now)
        )
        self._writer.write(opened, name, flags, message.content, lambda error: self._done(message, folder, error))
        return True

    def _done(self, message: Message, folder: str, error: MailroomError | None) -> None:
        """Count a message that was written, or was not."""
        if error is None:
            self._mailbox.wrote(folder)
            self._count_imported(message, folder)
            self._unsynced += 1
            return
        self._summary.put_aside(message.where, str(error), folder)
        if isinstance(error, StorageUnavailable):
            # It would be the same with the next message. Repeated, the import goes on here.
            self._failed = self._failed or error

    def _count_imported(self, message: Message, folder: str) -> None:
        self._summary.count(Outcome.IMPORTED, folder)
        self._summary.octets += message.content.size
        self._summary.keywords.update(message.keywords)

    def _sync_batch(self) -> None:
        late = time.monotonic() - self._synced_at > BATCH_SECONDS
        if self._unsynced >= BATCH or (late and self._unsynced):
            self._mailbox.sync()
            self._unsynced, self._synced_at = 0, time.monotonic()

    def _make_room(self) -> None:
        """Close folders, so that others can be opened."""
        self._writer.drain()
        self._mailbox.sync()
        self._mailbox.close_folders()
