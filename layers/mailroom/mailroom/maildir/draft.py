"""The temporary file of one attempt: created, written, and either published or removed."""

import os
import time
from collections.abc import Iterable, Sequence

from mailroom.errors import DeadlinePassed, StorageUnavailable
from mailroom.maildir.directories import Folder
from mailroom.maildir.failures import Storing
from mailroom.maildir.message import Written, write_message
from mailroom.maildir.names import MessageName
from mailroom.maildir.times import Times

FILE_MODE = 0o600

# Without O_EXCL, which costs a round trip on NFS (the server keeps the verifier in the file's times, so the client sets
# them anew): the name holds 64 random bits. Without O_TRUNC, which could only destroy what somebody has there.
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_PUBLISHING = Storing("publishing the message")
_SYNCING = Storing("making the published message durable")


class Draft:
    """A file in ``tmp/`` that no mail reader looks at."""

    __slots__ = ("_descriptor", "_folder", "temporary")

    def __init__(self, folder: Folder, temporary: str) -> None:
        """Create the file, empty; raises the OSError as it is."""
        self._folder = folder
        self.temporary = temporary
        self._descriptor = os.open(temporary, _CREATE, FILE_MODE, dir_fd=folder.tmp)

    def times(self, begun: float, first_claimed_at: float | None) -> Times:
        """What the creation, which came after ``begun`` of our clock, shows of the server's clock."""
        return Times.learn(self._descriptor, begun, first_claimed_at)

    def exists(self) -> bool:
        """Tell whether the file still has its name; on NFS the answer may be old."""
        try:
            os.stat(self.temporary, dir_fd=self._folder.tmp, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def publish(
        self,
        name: MessageName,
        headers: Sequence[tuple[str, str]],
        content: Iterable[bytes],
        publish_before: float | None,
    ) -> tuple[str, Written]:
        """Write the message and show it to mail readers; returns when it is durable."""
        file_name, written = self.show(name, headers, content, publish_before)
        with _SYNCING:
            self._folder.sync()
        return file_name, written

    def show(
        self,
        name: MessageName,
        headers: Sequence[tuple[str, str]],
        content: Iterable[bytes],
        publish_before: float | None = None,
        flags: str = "",
    ) -> tuple[str, Written]:
        """Write the message and show it to mail readers; durable is its content, and its name once ``new`` is synced.

        ``flags`` are letters in the order of ASCII, for mail that was read elsewhere: Dovecot takes them over when it
        moves the file to ``cur``. Whatever happens before the rename, an interrupt too, removes the file. So does a
        deadline that has passed.
        """
        try:
            written = write_message(self._descriptor, headers, content)
            file_name = f"{name.base},S={written.size},W={written.virtual_size}"
            if flags:
                file_name = f"{file_name}:2,{flags}"
            with _PUBLISHING:
                os.utime(self._descriptor, ns=(name.mtime, name.mtime))
                os.fsync(self._descriptor)
                self._close()
                _check(publish_before)
                self._rename(file_name)
        except BaseException:
            self.discard()
            raise
        return file_name, written

    def discard(self) -> None:
        """Remove the file; what goes wrong here would only hide the reason for it."""
        try:
            self._close()
        except OSError:
            self._descriptor = -1
        try:
            os.unlink(self.temporary, dir_fd=self._folder.tmp)
        except OSError:
            return

    def _close(self) -> None:
        """Close the file once; on NFS this may report what an earlier write could not store."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _rename(self, file_name: str) -> None:
        """Move the file into ``new``, where it becomes a message."""
        try:
            os.rename(self.temporary, file_name, src_dir_fd=self._folder.tmp, dst_dir_fd=self._folder.new)
        except FileNotFoundError as error:
            raise StorageUnavailable("another attempt of the same delivery removed this one's file") from error


def _check(publish_before: float | None) -> None:
    """Refuse to publish after the deadline.

    Nothing but the rename may come after this. A recovery begins after the deadline: it clears a file that was there
    before, and a file that was created since meets this check.
    """
    if publish_before is not None and (late := time.time() - publish_before) >= 0:
        raise DeadlinePassed(
            f"publishing the message: the deadline passed {late:.1f} s ago; a retry looks for a copy first"
        )
