"""Real faults: processes killed, a file system that is full or read-only, services away, a pipe that is stopped."""

import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Self

from mailroomctl.local import lifecycle, processes
from mailroomctl.local.settings import Settings
from tests.chaos import outages
from tests.chaos.breaker import Breaker
from tests.chaos.operator import Operator
from tests.chaos.plan import STOPPED, Fault

#: Seconds that a remount is tried for: it is refused while a worker has a file open for writing.
REMOUNT = 2.0
#: Calls that are to meet an outage, and for how many messages longer it lasts while so many have not.
MET, LONGER = 4, 8


class Storage:
    """The mail root. As root on a file system of its own, small enough to fill; else faults that a user can make."""

    def __init__(self, mail_root: Path, size: int) -> None:
        """``size`` is enough for all mail, in bytes."""
        self._root = mail_root
        self._filler = mail_root / "filler"
        self._aside = mail_root.with_name("mail-unmounted")
        self._size = size
        self._broken: set[str] = set()
        self.mounted = False

    def __enter__(self) -> Self:
        """Mount the small file system, where that is allowed."""
        self._root.mkdir(parents=True, exist_ok=True)
        options = f"size={self._size},mode=0755"
        if os.geteuid() == 0:
            self.mounted = _mount("-t", "tmpfs", "-o", options, "tmpfs", str(self._root))
        return self

    def __exit__(self, *_: object) -> None:
        """End every fault and unmount; the messages are gone with the file system."""
        self.mend()
        if self.mounted:
            subprocess.run(["umount", "-l", str(self._root)], check=True)

    def break_(self, kind: str) -> str | None:
        """Begin a fault; returns what was done, None when nothing could be."""
        if self._broken:
            return None
        if not self.mounted:
            done: str | None = self._lose()
        else:
            done = self._fill() if kind == "full" else self._seal()
        if done:
            self._broken.add(kind)
        return done

    def mend(self, kind: str | None = None) -> None:
        """End a fault, or all."""
        if kind and kind not in self._broken:
            return
        self._broken.clear()
        if self._aside.exists():
            self._aside.rename(self._root)
        if self.mounted:
            _mount("-o", "remount,rw", str(self._root))
            self._filler.unlink(missing_ok=True)

    def _fill(self) -> str:
        """No space left on device, at whichever step of a delivery it runs out."""
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(1 << 20))
        with contextlib.suppress(OSError), self._filler.open("ab", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        return "full"

    def _seal(self) -> str | None:
        """Read-only, as after an error of the file system."""
        deadline = time.monotonic() + REMOUNT
        while not _mount("-o", "remount,ro", str(self._root)):
            if time.monotonic() > deadline:
                return None
            time.sleep(0.02)
        return "read-only"

    def _lose(self) -> str:
        """The mail root is not there, as when nothing is mounted."""
        self._root.rename(self._aside)
        return "gone"


class Workers:
    """The processes that run the functions of one embedded AWS, and of no other."""

    def __init__(self, settings: Settings, random: Random) -> None:
        """Find the process that starts the workers."""
        aws = processes.running(settings, lifecycle.AWS)
        assert aws, "the embedded AWS does not run"
        self._children = Path(f"/proc/{aws}/task")
        self._random = random

    def kill(self) -> bool:
        """Kill one of them as the out-of-memory killer does; says whether there was one."""
        pids = [int(pid) for task in self._children.iterdir() for pid in _read(task / "children").split()]
        if not pids:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._random.choice(sorted(pids)), signal.SIGKILL)
        return True


class Faults:
    """All faults of a test: each begins as planned and ends after as many messages as planned."""

    def __init__(
        self, storage: Storage, workers: Workers, switch: outages.Switch, operator: Operator, breaker: Breaker
    ) -> None:
        """Nothing is broken yet."""
        self._storage, self._workers, self._switch = storage, workers, switch
        self._operator, self._breaker = operator, breaker
        self._until: dict[str, int] = {}
        self._waiting: list[Fault] = []
        self._met: Counter[str] = Counter()
        self.count: Counter[str] = Counter()
        self.wrong: list[str] = []

    def begin(self, number: int, faults: list[Fault]) -> None:
        """Before mail ``number``, begin lasting faults, and those that could not begin before."""
        due, self._waiting = [*self._waiting, *faults], []
        for fault in due:
            done = self._begin(fault)
            if done:
                self._until[fault.kind] = number + fault.mails
                self.count[done] += 1
            else:
                self._waiting.append(fault)

    def end(self, number: int) -> None:
        """End what was to last until mail ``number``."""
        for kind, until in list(self._until.items()):
            if number >= until + (0 if self._is_met(kind) else LONGER):
                self._end(kind)

    def end_all(self) -> None:
        """End every fault."""
        for kind in list(self._until):
            self._end(kind)

    def kill(self, times: int) -> None:
        """Kill workers."""
        for _ in range(times):
            self.count["workers killed"] += self._workers.kill()

    def _is_met(self, kind: str) -> bool:
        return kind not in outages.KINDS or self._switch.failed()[kind] >= self._met[kind] + MET

    def _begin(self, fault: Fault) -> str | None:
        """Begin a fault; returns what was done, None when it cannot be now."""
        if fault.kind in self._until:
            return None
        if fault.kind == STOPPED:
            self._operator.stops_the_pipe()
            return STOPPED
        if fault.kind in outages.KINDS:
            # No workflow would meet it.
            if not self._operator.sees_the_pipe_run():
                return None
            self._met[fault.kind] = self._switch.failed()[fault.kind]
            self._switch.take_away(fault.kind)
            return fault.kind
        done = self._storage.break_(fault.kind)
        if done and fault.alarm:
            self._breaker.ring(fault.alarm)
            self.count["breaker started"] += 1
        return done

    def _end(self, kind: str) -> None:
        del self._until[kind]
        if kind == STOPPED:
            self.wrong += self._operator.starts_the_pipe()
        elif kind in outages.KINDS:
            self._switch.give_back(kind)
        else:
            self._storage.mend(kind)
            self._breaker.fall_silent()


def _mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
