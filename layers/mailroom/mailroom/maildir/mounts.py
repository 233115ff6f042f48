"""What the mail root lies on, as far as what a delivery may leave out, and may believe, depends on it."""

import functools
import os
import re
from pathlib import Path
from typing import NamedTuple

_MOUNTS = Path("/proc/self/mountinfo")  # proc_pid_mountinfo(5)
_NFS = ("nfs", "nfs4")
_ESCAPED = re.compile(r"\\([0-7]{3})")


class _Mount(NamedTuple):
    point: str
    kind: str
    options: tuple[str, ...]


@functools.cache
def names_are_durable_at_once(mail_root: str) -> bool:
    """Tell whether a name that is made or changed below the mail root is durable when the call returns.

    So it is on NFS: the server stores it before it answers, and fsync of a directory does nothing (Linux,
    fs/nfs/dir.c). But to be synced a directory must be opened for reading, which asks the server. Only where the root
    and all below it is NFS; where the kernel does not tell, the answer is no. Asked once per process.
    """
    mounts = _mounts_of(mail_root)
    return bool(mounts) and all(mount.kind in _NFS for mount in mounts)


@functools.cache
def shows_what_it_remembers(mail_root: str) -> bool:
    """Tell whether a directory that is opened below the mail root may show what it held a minute ago.

    NFS asks the server at every open, unless it is mounted with ``nocto`` (nfs(5)). Asked once per process.
    """
    return any(mount.kind in _NFS and "nocto" in mount.options for mount in _mounts_of(mail_root))


def _mounts_of(mail_root: str) -> list[_Mount]:
    """The file systems below the mail root, and the one that holds it; none when nothing is NFS, or nobody tells."""
    try:
        mounts = [_mount(line) for line in _MOUNTS.read_text().splitlines()]
        if not any(mount.kind in _NFS for mount in mounts):
            return []
        root = os.path.realpath(mail_root)
    except (OSError, IndexError):
        return []
    # The last of those that hold the root is the deepest, and the one on top where one covers another.
    holding = sorted((mount for mount in mounts if _is_below(root, mount.point)), key=lambda mount: len(mount.point))
    return [mount for mount in mounts if mount.point != root and _is_below(mount.point, root)] + holding[-1:]


def _mount(line: str) -> _Mount:
    """Read one line of the table."""
    fields, _, more = line.partition(" - ")
    point = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields.split(" ")[4])
    kind, *rest = more.split(" ")
    return _Mount(point, kind, tuple(rest[-1].split(",")) if rest else ())


def _is_below(path: str, folder: str) -> bool:
    """Tell whether a path is the folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
