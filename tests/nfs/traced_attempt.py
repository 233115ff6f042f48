"""One delivery in a process that was there before, under strace: see its calls, or kill it at one.

To begin a process with Python and its imports takes seconds in the machine, so it is forked, and strace attached to it.
"""

import re
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.nfs.attempts import PROCESSES

_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)")


@dataclass(frozen=True)
class Call:
    """A system call on the mail root: the ``ordinal``-th ``name`` of the process."""

    name: str
    ordinal: int
    text: str


def calls_of(deliver: Callable[[], object], root: Path, trace: Path) -> list[Call]:
    """The calls that name ``root``, in order, of a delivery that nothing disturbs."""
    assert _run(deliver, ["--decode-fds=path", "--trace=%file,%desc"], trace) == 0
    return _calls(trace, root)


def killed_at(call: Call, deliver: Callable[[], object], trace: Path) -> bool:
    """Kill a delivery when it makes ``call``, before the kernel does anything; tells whether it came so far."""
    ended = _run(deliver, [f"--trace={call.name}", f"--inject={call.name}:signal=KILL:when={call.ordinal}"], trace)
    assert ended in (0, -signal.SIGKILL), (ended, call.text)
    return ended != 0


def _run(deliver: Callable[[], object], options: list[str], trace: Path) -> int | None:
    """Fork, attach, let it go on; returns how the process ended."""
    go_on = PROCESSES.Event()

    def traced() -> None:
        go_on.wait()
        deliver()

    process = PROCESSES.Process(target=traced)
    process.start()
    command = ["strace", "--signal=none", *options, f"--output={trace}", f"--attach={process.pid}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as strace:
        assert strace.stderr
        attached = strace.stderr.readline()
        assert b"attached" in attached, attached
        go_on.set()
        process.join(60)
        strace.wait(60)
    return process.exitcode


def _calls(trace: Path, root: Path) -> list[Call]:
    seen: dict[str, int] = {}
    calls = []
    for line in trace.read_text().splitlines():
        if match := _CALL.match(line):
            name, rest = match.groups()
            seen[name] = seen.get(name, 0) + 1
            if str(root) in rest:
                calls.append(Call(name, seen[name], line))
    return calls
