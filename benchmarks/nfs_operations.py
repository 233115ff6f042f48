"""What an NFS client has sent to its server, from the kernel's own counters."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

COUNTERS = Path("/proc/self/mountstats")
# The lease is renewed by the clock, whatever anybody does.
BY_THE_CLOCK = {"SEQUENCE", "RENEW"}


def is_on_nfs(folder: Path) -> bool:
    """Tell whether a folder lies on an NFS mount."""
    return bool(_statistics(folder.resolve()))


def operations_of(call: Callable[[], object], folder: Path) -> Counter[str]:
    """The operations that a call sends to the server of the file system on which ``folder`` lies.

    The path is absolute and without links: to resolve it here would let the client look up, uncounted, what is counted.
    """
    before = _count(folder)
    call()
    return _count(folder) - before


def _count(folder: Path) -> Counter[str]:
    """Operations since the mount, by name."""
    counted: Counter[str] = Counter()
    counting = False
    for line in _statistics(folder):
        counting = counting or "per-op statistics" in line
        name, colon, numbers = line.strip().partition(": ")
        if counting and colon and name not in BY_THE_CLOCK and numbers.split()[0].isdecimal():
            counted[name] = int(numbers.split()[0])
    return counted


def _statistics(folder: Path) -> list[str]:
    """The lines about the mount that is nearest above ``folder``, none when it is not NFS."""
    nearest: tuple[int, list[str]] = (-1, [])
    for block in ("\n" + COUNTERS.read_text()).split("\ndevice ")[1:]:
        head, *lines = block.splitlines()
        mount_point = Path(head.partition(" mounted on ")[2].partition(" with fstype ")[0])
        depth = len(mount_point.parts)
        if folder.is_relative_to(mount_point) and depth >= nearest[0]:
            nearest = (depth, lines if " with fstype nfs" in head else [])
    return nearest[1]
