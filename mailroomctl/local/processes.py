"""Start, find and end the background processes of the embedded AWS.

A process holds a lock on its pid file for as long as it lives, so a file that nobody locks is stale, and a pid that the
system has given to another program is never signalled.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mailroomctl.errors import CommandError
from mailroomctl.local.settings import Settings

#: The modules that run as a process of their own.
MODULES = {
    "aws": "mailroomctl.local.emulator.server",
    "smtp_server": "mailroomctl.local.ses.smtp_server",
    "pipe": "mailroomctl.local.emulator.pipe_runner",
    "console": "mailroomctl.web.server",
}
#: Seconds that a process gets to end by itself.
GRACE = 5.0
#: What this very process has started, so that nothing stays a zombie when it also ends them.
_children: dict[Path, subprocess.Popen[bytes]] = {}


def start(settings: Settings, name: str) -> int:
    """Start the module called ``name`` in ``MODULES`` in the background with its own process group; returns its pid.

    Its output goes to ``log/<name>.log`` in the state folder.

    Raises:
        CommandError: it is running already.
    """
    settings.run_folder.mkdir(parents=True, exist_ok=True)
    settings.log_folder.mkdir(parents=True, exist_ok=True)
    _ready_file(settings, name).unlink(missing_ok=True)
    with _open(_pid_file(settings, name), os.O_RDWR | os.O_CREAT) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"{name} is running already; end it with `mailroomctl local down`") from None
        with _open(_log_file(settings, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as log:
            process = subprocess.Popen(
                [sys.executable, "-m", MODULES[name], str(settings.state)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=settings.environment() | {"PYTHONUNBUFFERED": "1"},
                start_new_session=True,
                pass_fds=[lock],  # the child's copy keeps the lock until the child ends
            )
        os.ftruncate(lock, 0)
        os.write(lock, str(process.pid).encode())
    _children[_pid_file(settings, name)] = process
    return process.pid


def running(settings: Settings, name: str) -> int | None:
    """The pid of the process called ``name``, or None when it does not run."""
    path = _pid_file(settings, name)
    try:
        with _open(path, os.O_RDWR) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(path.read_text() or 0) or None
    except FileNotFoundError:
        return None
    return None


def stop(settings: Settings, name: str) -> bool:
    """End a process and all that it started; returns whether it was running."""
    pid = running(settings, name)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not _until(lambda: running(settings, name) is None, GRACE):
            _kill_group(pid)
            _until(lambda: running(settings, name) is None, GRACE)
        _kill_group(pid)  # workers that outlived their parent
    if child := _children.pop(_pid_file(settings, name), None):
        child.wait()
    _pid_file(settings, name).unlink(missing_ok=True)
    return pid is not None


@contextlib.contextmanager
def exclusive(settings: Settings) -> Iterator[None]:
    """Keep a second ``up`` with the same state folder out.

    Raises:
        CommandError: another one is at work.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    with _open(settings.state / "up.lock", os.O_RDWR | os.O_CREAT) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"another `up` is at work with state folder {settings.state}") from None
        yield


def say_ready(settings: Settings, name: str) -> None:
    """Called by a process once it does its work."""
    _ready_file(settings, name).touch()


def wait_until_ready(settings: Settings, name: str, seconds: float) -> None:
    """Wait until a process has said that it is ready.

    Raises:
        CommandError: the process ended, or is not ready in time; the text holds the last line of its log.
    """
    ready = _ready_file(settings, name).exists
    if _until(lambda: ready() or running(settings, name) is None, seconds) and running(settings, name) is not None:
        return
    log = _log_file(settings, name)
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    raise CommandError(f"{name} did not start: {lines[-1] if lines else 'no output'} (see {log})")


def _pid_file(settings: Settings, name: str) -> Path:
    return settings.run_folder / f"{name}.pid"


def _ready_file(settings: Settings, name: str) -> Path:
    return settings.run_folder / f"{name}.ready"


def _log_file(settings: Settings, name: str) -> Path:
    return settings.log_folder / f"{name}.log"


@contextlib.contextmanager
def _open(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
