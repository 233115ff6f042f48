"""Act as the owner of a mailbox, when root imports: owner and permissions are then what a delivery's would be.

Linux keeps a file system user per thread (setfsuid(2)). What is created belongs to that user at once, with no moment
in between and no call more on NFS; and a path below a mailbox, which its user may have prepared, opens nothing to us
that it would not open to that user.
"""

import ctypes
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mailroomctl.errors import CommandError


class Owner(NamedTuple):
    """Who owns a mailbox's files."""

    uid: int
    gid: int


@contextmanager
def acting_as(owner: Owner | None) -> Iterator[None]:
    """Let this thread touch files as their owner; None changes nothing."""
    if owner is None:
        yield
        return
    libc = _libc()
    group, user = libc.setfsgid(owner.gid), libc.setfsuid(owner.uid)
    try:
        if libc.setfsuid(-1) != owner.uid or libc.setfsgid(-1) != owner.gid:
            raise CommandError(f"this machine does not let us write as user {owner.uid}, group {owner.gid}.")
        yield
    finally:
        libc.setfsuid(user)
        libc.setfsgid(group)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def owner_for(mail_root: str, components: list[str], wanted: Owner | None) -> Owner | None:
    """Decide as whom to write into a mailbox: None where we are not root and write as ourselves.

    Else who is wanted, who owns the mailbox, or who owns the nearest folder above it. Raises ``CommandError`` when all
    of these are root: Dovecot never opens a mailbox as root.
    """
    if os.geteuid() != 0:
        if wanted is not None and wanted != (os.geteuid(), os.getegid()):
            raise CommandError("only root can write as somebody else; leave --owner out, or run this as root.")
        return None
    if wanted is not None:
        return wanted
    path, owner = mail_root, None
    for component in ["", *components]:
        path = f"{path}/{component}" if component else path
        try:
            status = Path(path).stat(follow_symlinks=not component)
        except OSError:
            break
        owner = Owner(status.st_uid, status.st_gid)
    if owner is None or owner.uid == 0:
        raise CommandError("the mailbox would belong to root, and Dovecot opens none as root: give --owner UID:GID.")
    return owner


def parse_owner(text: str | None) -> Owner | None:
    """Read ``USER``, ``USER:GROUP`` or ``UID:GID``; raises ``CommandError``."""
    if text is None:
        return None
    import grp
    import pwd

    user, _, group = text.partition(":")
    try:
        if user.isdecimal():
            uid = int(user)
            gid = None if group else pwd.getpwuid(uid).pw_gid
        else:
            entry = pwd.getpwnam(user)
            uid, gid = entry.pw_uid, None if group else entry.pw_gid
        if gid is None:
            gid = int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise CommandError(f"--owner: this machine knows no user or group {text!r}; give UID:GID.") from None
    if uid == 0:
        raise CommandError("--owner: Dovecot opens no mailbox as root.")
    return Owner(uid, gid)
