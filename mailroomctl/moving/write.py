"""Write several messages at once, each as a delivery does: draft in ``tmp``, write, fsync, rename into ``new``.

The file's content is durable before it has a name in ``new``. The names are made durable for a batch of messages; what
a power failure takes away before that, the next import finds missing and writes again.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

from mailroom.errors import MailroomError, StorageUnavailable
from mailroom.maildir.directories import Folder
from mailroom.maildir.draft import Draft
from mailroom.maildir.failures import Storing, describe
from mailroom.maildir.mounts import names_are_durable_at_once
from mailroom.maildir.names import MessageName, temporary_name

from mailroomctl.moving.content import Content
from mailroomctl.moving.drafting import Drafting
from mailroomctl.moving.owner import Owner, acting_as

#: Messages at once where each call waits for a file server, and where it waits for a disk.
JOBS_NFS = 16
JOBS_LOCAL = 4
_CREATING = Storing("creating the message")


def usual_jobs(mail_root: str) -> int:
    """How many messages to write at once."""
    return JOBS_NFS if names_are_durable_at_once(mail_root) else JOBS_LOCAL


class Writer:
    """Some threads that write; only one thread gives them work."""

    def __init__(self, jobs: int, owner: Owner | None, drafting: Drafting) -> None:
        """``owner`` is as whom they write."""
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="import")
        self._waiting: deque[tuple[Future[None], Callable[[MailroomError | None], None]]] = deque()
        self._most = 2 * jobs
        self._owner = owner
        self._drafting = drafting

    def write(
        self,
        folder: Folder,
        name: MessageName,
        flags: str,
        content: Content,
        done: Callable[[MailroomError | None], None],
    ) -> None:
        """Begin to write; ``done`` is called by ``write`` or ``drain``, with what went wrong, and in order."""
        self._waiting.append((self._pool.submit(self._write, folder, name, flags, content), done))
        while len(self._waiting) > self._most:
            self._finish()

    def drain(self) -> None:
        """Wait until everything is written."""
        while self._waiting:
            self._finish()

    def close(self) -> None:
        """End the threads; what has not begun is not written."""
        self._pool.shutdown(cancel_futures=True)

    def _finish(self) -> None:
        future, done = self._waiting[0]
        error: MailroomError | None = None
        try:
            future.result()
        except MailroomError as failed:
            error = failed
        except OSError as failed:
            error = StorageUnavailable(describe(failed, "reading a message's temporary file"))
        self._waiting.popleft()
        done(error)

    def _write(self, folder: Folder, name: MessageName, flags: str, content: Content) -> None:
        try:
            with acting_as(self._owner), ExitStack() as stack:
                with _CREATING:
                    alone = stack.enter_context(self._drafting.alone(folder))
                    draft = Draft(alone, temporary_name(name, "import"))
                draft.show(name, (), content.chunks(), flags=flags)
        finally:
            content.close()
