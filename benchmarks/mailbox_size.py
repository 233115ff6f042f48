"""What does not depend on how full a mailbox is: the time of a delivery and its system calls."""

import os
import statistics
import subprocess
import sys
from pathlib import Path

from mailroom import maildir

from benchmarks.result import Result, race, ratio
from benchmarks.small_mail import MAIL

MESSAGES = 100_000
DELIVER_ONCE = """
import sys
from mailroom import maildir
maildir.deliver(sys.argv[1], mailbox_path="calls", folder="INBOX", delivery_id=sys.argv[2], received_at=1,
    headers=[("Delivered-To", "bob@example.com")], content=[sys.stdin.buffer.read()], attempt="x", recovering=False)
"""


def run(folder: Path) -> list[Result]:
    """Two results; ``folder`` is on the disk to measure."""
    for name in ("empty", "full"):
        for part in ("tmp", "new", "cur"):
            (folder / name / part).mkdir(parents=True)
    for part in ("new", "cur"):
        for number in range(MESSAGES // 2):
            path = f"{folder}/full/{part}/17{number:08}.M{number}P1.host,S=1,W=1{':2,S' if part == 'cur' else ''}"
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    os.sync()

    def into(mailbox_path: str, number: int) -> None:
        maildir.deliver(
            folder,
            mailbox_path=mailbox_path,
            folder="INBOX",
            delivery_id=str(number),
            received_at=1,
            headers=[],
            content=[MAIL],
            attempt="benchmark",
            recovering=False,
        )

    contenders = {name: lambda number, name=name: into(name, number) for name in ("full", "empty")}
    seconds = race(contenders, rounds=11, times=200)
    measured = {f"{name} ms": round(statistics.median(times) * 1000, 3) for name, times in seconds.items()}
    what = f"time into a mailbox of {MESSAGES:,} messages against empty"
    full = Result(
        "full_mailbox", what, ratio(seconds["full"], seconds["empty"]), 1.1, at_least=False, measured=measured
    )
    return [full, _file_operations(folder)]


def _file_operations(folder: Path) -> Result:
    """Count with strace; the first delivery makes the folders and does not count."""
    trace = folder / "trace"
    for number in ("0", "1"):
        strace = ["strace", "-f", "--decode-fds=path", "--trace=%file,%desc", f"--output={trace}"]
        program = [sys.executable, "-c", DELIVER_ONCE, str(folder), number]
        subprocess.run([*strace, *program], input=MAIL, check=True)
    lines = [line for line in trace.read_text().splitlines() if f"{folder}/calls" in line]
    calls = [line.partition("(")[0].split()[-1] for line in lines]
    what = "system calls on the mail root per 10 KB mail"
    measured = {"calls": " ".join(calls)}
    return Result("file_operations", what, len(calls), 12, at_least=False, measured=measured)
