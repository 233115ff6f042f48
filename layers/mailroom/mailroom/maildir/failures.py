"""What an error of the file system means: never, or not now."""

import errno
import os
from collections.abc import Callable

from mailroom.errors import MailboxPathRejected, MailroomError, StorageUnavailable

# What only a hostile or mistaken path causes. All else counts as temporary: the queue keeps the message while an
# operator frees space or fixes permissions.
_PATH_ERRORS = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG})

# What an NFS client may answer once and not the next time: the server's export or a folder was replaced, or the
# server asked for patience.
_TRANSIENT = frozenset({errno.ESTALE, errno.EAGAIN, errno.EINTR})


# For people, who may not know the names of errno(3).
_WORDS = {
    errno.ENOSPC: "the file system is full",
    errno.EDQUOT: "a quota is used up; on EFS, a limit of the service on open files or users is reached",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "Mailroom's user may not do this; the folder may belong to somebody else",
    errno.EPERM: "Mailroom's user is not the owner",
    errno.ESTALE: "the server has replaced what was open",
    errno.EIO: "the storage fails",
    errno.ETIMEDOUT: "the file server does not answer",
    errno.EHOSTUNREACH: "the file server cannot be reached",
    errno.EXDEV: "tmp and new lie on different file systems",
    errno.EMFILE: "too many files are open",
}


class Cleared(Exception):  # noqa: N818 - an event, not an error: another attempt removed our temporary file
    """Another recovery of the same delivery removed this attempt's temporary file."""


def mailroom_error(error: OSError, doing: str) -> MailroomError:
    """The error to raise instead of ``error``: it names the errno and what was being done, and no path."""
    text = describe(error, doing)
    if error.errno in _PATH_ERRORS:
        return MailboxPathRejected(f"{text}; something on the mailbox path is not a plain folder")
    return StorageUnavailable(text)


def describe(error: OSError, doing: str) -> str:
    """What failed and why, in words and with the errno, without a path: paths hold addresses."""
    number = error.errno or 0
    name = errno.errorcode.get(number, str(error.errno))
    text = os.strerror(number)
    return f"{doing}: {_WORDS[number]} ({name}: {text})" if number in _WORDS else f"{doing}: {name} ({text})"


class Storing:
    """Turns an OSError inside its block into ``StorageUnavailable`` or ``MailboxPathRejected``.

    A class, not a generator: made once and entered many times, it is not felt in the time of a delivery.
    """

    __slots__ = ("_doing",)

    def __init__(self, doing: str) -> None:
        """Say in the error that it happened while ``doing``."""
        self._doing = doing

    def __enter__(self) -> None:
        """Nothing to set up."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Replace an OSError."""
        if isinstance(error, OSError):
            raise mailroom_error(error, self._doing) from error


def patiently[T](step: Callable[[], T], seconds: float) -> T:
    """Run ``step``, and again after a transient error for at most ``seconds``; waits are random, so that rivals part.

    tenacity brings asyncio with it, so only the delivery that needs it pays for the import.
    """
    try:
        return step()
    except (OSError, Cleared) as error:
        if not _is_transient(error) or seconds <= 0:
            raise
    from tenacity import Retrying, retry_if_exception, stop_before_delay, wait_random_exponential

    retrying = Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_before_delay(seconds),
        wait=wait_random_exponential(multiplier=0.02, max=0.2),
        reraise=True,
    )
    return retrying(step)


def _is_transient(error: BaseException) -> bool:
    """Tell whether the next try may succeed within a moment."""
    return isinstance(error, Cleared) or (isinstance(error, OSError) and error.errno in _TRANSIENT)
