"""What the mail root lies on, as far as the order of a delivery's calls depends on it."""

import functools
import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")  # proc_pid_mountinfo(5)
_NFS = ("nfs", "nfs4")
_ESCAPED = re.compile(r"\\([0-7]{3})")


@functools.cache
def names_are_durable_at_once(mail_root: str) -> bool:
    """Tell whether a name that is made or changed below the mail root is durable when the call returns.

    So it is on NFS: the server stores it before it answers, and fsync of a directory does nothing (Linux,
    fs/nfs/dir.c). But to be synced a directory must be opened for reading, which asks the server. Only where the root
    and all below it is NFS; where the kernel does not tell, the answer is no. Asked once per process.
    """
    try:
        mounts = [_mount(line) for line in _MOUNTS.read_text().splitlines()]
        if not any(kind in _NFS for _, kind in mounts):
            return False
        root = os.path.realpath(mail_root)
    except (OSError, IndexError):
        return False
    kinds = [kind for point, kind in mounts if point != root and _is_below(point, root)]
    # The last of those that hold the root is the deepest, and the one on top where one covers another.
    holding = [(point, kind) for point, kind in mounts if _is_below(root, point)]
    kinds += [kind for _, kind in sorted(holding, key=lambda mount: len(mount[0]))[-1:]]
    return bool(kinds) and all(kind in _NFS for kind in kinds)


def _mount(line: str) -> tuple[str, str]:
    """The mount point, and the kind of file system."""
    fields, _, more = line.partition(" - ")
    point = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields.split(" ")[4])
    return point, more.split(" ")[0]


def _is_below(path: str, folder: str) -> bool:
    """Tell whether a path is the folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
