"""Run one delivery under strace: see its calls on the mail root, kill it at one of them, or make one fail."""

import atexit
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tenacity

DELIVERY_ID = "message-1\nbob@example.com"
MAILBOX = "example.com/bob/Maildir"
RECEIVED_AT = 1_795_488_420.25
MAIL = b"From: alice@example.org\r\nSubject: crash\r\n\r\n" + b"0123456789" * 7 * 20 + b"\r\nthe end\r\n"

_SITE_PACKAGES = Path(tenacity.__file__).parents[1]
_IMPORTS = f"{Path(__file__).parents[2] / 'layers/mailroom'}:{_SITE_PACKAGES}"
_PROGRAM = Path(__file__).with_name("deliver_once.py")
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)")


@dataclass(frozen=True)
class Call:
    """A system call that touches the mail root: the ``ordinal``-th ``name`` of the whole process."""

    name: str
    ordinal: int
    text: str


@dataclass(frozen=True)
class Run:
    """How one traced process ended."""

    code: int
    stdout: str
    stderr: str
    calls: list[Call]


def deliver(
    root: Path, *, inject: tuple[Call, str] | None = None, recovering: bool = False, folder: str = "INBOX"
) -> Run:
    """Deliver ``MAIL`` in a traced process; ``inject`` is a call and what strace does to it.

    The process is the same in every run, up to the call: no site-packages, no bytecode to write, a fixed hash seed.
    """
    trace = root.with_name("trace")
    command = [sys.executable, "-S", str(_PROGRAM), str(root), MAILBOX, DELIVERY_ID]
    command += [str(RECEIVED_AT), folder, str(recovering)]
    strace = ["strace", "--follow-forks", "--decode-fds=path", "--quiet=all", "--signal=none"]
    if inject:
        call, action = inject
        strace += [f"--trace={call.name}", f"--inject={call.name}:{action}:when={call.ordinal}"]
        if action.startswith("error="):
            # It stops at no other call, which halves the time in the kernel; a signal would not arrive this way.
            strace.append("--seccomp-bpf")
    else:
        strace += ["--trace=%file,%desc"]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": _IMPORTS,
        "PYTHONPYCACHEPREFIX": str(bytecode()),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }
    done = subprocess.run(
        [*strace, f"--output={trace}", *command],
        input=MAIL,
        capture_output=True,
        env=environment,
        timeout=60,
        check=False,
    )
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode(), _calls(root, trace.read_text()))


@functools.cache
def bytecode() -> Path:
    """Everything compiled once, outside of the sources."""
    cache = Path(tempfile.mkdtemp(prefix="mailroom-bytecode-"))
    atexit.register(shutil.rmtree, cache, ignore_errors=True)
    environment = {"PYTHONPATH": _IMPORTS, "PYTHONPYCACHEPREFIX": str(cache)}
    subprocess.run(
        [sys.executable, "-S", "-c", "import tenacity, mailroom.maildir"],
        env=environment,
        check=True,
    )
    return cache


def same_call(one: str, other: str) -> bool:
    """Tell whether two runs' lines show the same call on the same files, up to the random name."""
    return _signature(one) == _signature(other)


def _signature(text: str) -> tuple[str, ...]:
    """The call's name, and the paths below the mail root that it was given."""
    arguments = re.sub(r"^\d+ +", "", text).partition(" = ")[0]
    arguments = re.sub(r"(\.mailroom\.)[0-9a-f]+", r"\1RANDOM", arguments)
    return (arguments.partition("(")[0], *re.findall(r"/mail(/[^\">]*)?[\">]", arguments))


def _calls(root: Path, trace: str) -> list[Call]:
    """The calls on the mail root, in order; the command line itself is none of them."""
    seen: dict[str, int] = {}
    calls = []
    for line in trace.splitlines():
        if match := _CALL.match(line):
            name, rest = match.groups()
            seen[name] = seen.get(name, 0) + 1
            if name != "execve" and str(root) in rest:
                calls.append(Call(name, seen[name], line))
    return calls
