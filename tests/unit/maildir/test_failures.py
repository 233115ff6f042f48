"""An error says in words what is wrong, and nothing of whose mailbox it was."""

import errno
import os

import pytest
from mailroom.errors import MailboxPathRejected, StorageUnavailable
from mailroom.maildir.failures import describe, mailroom_error


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSPC, "writing: the file system is full (ENOSPC: No space left on device)"),
        (
            errno.EDQUOT,
            "writing: a quota is used up; on EFS, a limit of the service on open files or users is reached "
            "(EDQUOT: Disk quota exceeded)",
        ),
        (errno.EROFS, "writing: the file system is read-only (EROFS: Read-only file system)"),
        (errno.ENOMEM, "writing: ENOMEM (Cannot allocate memory)"),
    ],
)
def test_what_is_wrong(number: int, text: str) -> None:
    error = OSError(number, os.strerror(number), "/mail/example.com/bob")
    assert describe(error, "writing") == text
    assert isinstance(mailroom_error(error, "writing"), StorageUnavailable)


@pytest.mark.parametrize("number", [errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG])
def test_a_path_that_can_never_be_used(number: int) -> None:
    assert isinstance(mailroom_error(OSError(number, "x"), "writing"), MailboxPathRejected)
