"""Old mail into a mailbox: against bare durable writes, with a file server's round trips, and its memory."""

import io
import os
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from benchmarks import bare_calls
from benchmarks.result import Result, race, ratio
from benchmarks.small_mail import LINE
from mailroomctl.moving.folders import Folders
from mailroomctl.moving.importing import Options, import_source
from mailroomctl.moving.sources.item import Reading
from mailroomctl.moving.sources.opening import open_source
from mailroomctl.moving.summary import Outcome, Summary
from mailroomctl.moving.write import JOBS_LOCAL, JOBS_NFS

MESSAGES = 500
MANY = 100_000
ROUND_TRIP = 0.001
SEPARATOR = b"From alice@example.org Tue Nov 24 10:00:00 2026\r\n"
# Imports what comes on standard input; prints the number of messages and the peak of its memory in KiB. It is not
# getrusage's, which begins with the parent's.
IMPORT = r"""
import pathlib, re, sys
from mailroomctl.moving.folders import Folders
from mailroomctl.moving.importing import Options, import_source
from mailroomctl.moving.sources.item import Reading
from mailroomctl.moving.sources.opening import open_source
from mailroomctl.moving.summary import Summary
summary = Summary("", "bob@example.com", "bob")
options = Options(lambda: Folders({}, frozenset()), 4, dry_run=sys.argv[2] == "dry run")
import_source(open_source("-", Reading()), sys.argv[1], sys.argv[2], summary, options, lambda _: None)
print(summary.found, re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())[1])
"""


def run(folder: Path) -> list[Result]:
    """Four results; ``folder`` is on the disk to measure."""
    return [_speed(folder), _several_at_once(folder), *_memory(folder)]


def mail(number: int, lines: int = 126) -> bytes:
    """A message of 10 KB, with its usual length."""
    return b"From: alice@example.org\r\nTo: bob@example.com\r\nSubject: %d\r\n\r\n" % number + LINE * lines


def _speed(folder: Path) -> Result:
    bare_calls.make_maildir(folder / "raw")

    def raw(turn: int) -> None:
        for number in range(MESSAGES):
            bare_calls.write(folder / "raw", f"{turn}.{number}", mail(number))

    def ours(turn: int) -> None:
        _import(_mbox(folder, MESSAGES), folder, f"mailbox{turn}", JOBS_LOCAL)

    raw(-1)
    ours(-1)
    seconds = race({"import": ours, "raw": raw}, rounds=9, times=1)
    measured = {f"{name} mails/s": round(MESSAGES / statistics.median(times)) for name, times in seconds.items()}
    what = "mails/s of 10 KB from an mbox against open, write, fsync, close, rename, fsync of the directory"
    value = ratio(seconds["raw"], seconds["import"])
    return Result("import_10k vs raw", what, value, 0.7, at_least=True, measured=measured)


def _several_at_once(folder: Path) -> Result:
    source = _mbox(folder, MESSAGES)
    seconds = {}
    with _round_trips():
        for jobs in (1, JOBS_NFS):
            begin = time.perf_counter()
            _import(source, folder, f"jobs{jobs}", jobs)
            seconds[jobs] = time.perf_counter() - begin
    measured = {f"{jobs} at once mails/s": round(MESSAGES / times) for jobs, times in seconds.items()}
    what = f"mails/s with {JOBS_NFS} at once against 1, each call on the mail root 1 ms longer"
    return Result("import_nfs", what, seconds[1] / seconds[JOBS_NFS], 4, at_least=True, measured=measured)


def _memory(folder: Path) -> list[Result]:
    results = []
    for name, write, how, lines in (
        ("import_memory", _write_mbox, "written", 126),
        ("import_memory_10g", _write_tar, "dry run", 1260),
    ):
        peaks = {number: _peak(folder, how, write, number, lines) for number in (100, MANY)}
        measured = {f"{number:,} messages MiB": round(peak, 1) for number, peak in peaks.items()}
        what = f"peak memory of {MANY:,} messages of {lines // 126 * 10} KB above that of 100, {how}"
        value = peaks[MANY] - peaks[100]
        results.append(Result(name, what, value, 20, at_least=False, unit=" MiB", measured=measured))
    return results


def _peak(folder: Path, how: str, write: Callable[[IO[bytes], int, int], None], number: int, lines: int) -> float:
    root = folder / f"{how} {number}"
    root.mkdir()
    root.chmod(0o755)
    program = [sys.executable, "-c", IMPORT, str(root), how]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as importing:
        assert importing.stdin
        assert importing.stdout
        write(importing.stdin, number, lines)
        importing.stdin.close()
        found, peak = importing.stdout.read().split()
    assert int(found) == number
    return int(peak) / 1024


def _write_mbox(stream: IO[bytes], number: int, lines: int) -> None:
    for one in range(number):
        stream.write(SEPARATOR + mail(one, lines) + b"\r\n")


def _write_tar(stream: IO[bytes], number: int, lines: int) -> None:
    with tarfile.TarFile.open(fileobj=stream, mode="w|", stream=True) as archive:  # type: ignore[call-overload]
        for one in range(number):
            content = mail(one, lines)
            info = tarfile.TarInfo(f"Inbox/{one}.eml")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def _mbox(folder: Path, number: int) -> Path:
    path = folder / f"{number}.mbox"
    if not path.exists():
        with path.open("wb") as stream:
            _write_mbox(stream, number, 126)
    return path


def _import(source: Path, folder: Path, mailbox: str, jobs: int) -> None:
    summary = Summary(str(source), "bob@example.com", mailbox)
    opened = open_source(str(source), Reading())
    try:
        import_source(
            opened, str(folder), mailbox, summary, Options(lambda: Folders({}, frozenset()), jobs), lambda _: None
        )
    finally:
        opened.close()
    assert summary.total(Outcome.IMPORTED) == MESSAGES


@contextmanager
def _round_trips() -> Iterator[None]:
    """Let each call that a file server answers take a millisecond more."""
    names = ("open", "writev", "utime", "fsync", "close", "rename")
    real = {name: getattr(os, name) for name in names}

    def slow(call: Callable[..., Any]) -> Callable[..., Any]:
        def waiting(*arguments: Any, **more: Any) -> Any:
            time.sleep(ROUND_TRIP)
            return call(*arguments, **more)

        return waiting

    for name, call in real.items():
        setattr(os, name, slow(call))
    try:
        yield
    finally:
        for name, call in real.items():
            setattr(os, name, call)
