"""One host's network is cut for longer than an attempt may take; the retry runs on another, whose network works."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.nfs.attempts import ATTEMPT_SECONDS, PROCESSES, Attempt, copies, deliver, probe
from tests.nfs.machine import Machine
from tests.nfs.sightings import Sightings

MAIL = b"Subject: cut\r\n\r\n" + b"text\r\n" * 2000
MOMENTS = ("writing", "renaming")
DELIVERY_ID = "1\nbob@example.com"


def test_what_was_sent_before_arrives_after_the_retry(
    mail_root: Path, second_root: Path, machine: Machine, sightings: Sightings | None
) -> None:
    """Two first attempts are cut off: one while it writes, one when it renames."""
    if sightings:
        sightings.wait_until_delivered()  # the rest of them goes over the second mount
    claimed_at = time.time()
    go_on = PROCESSES.Event()
    there = {moment: PROCESSES.Event() for moment in MOMENTS}
    firsts = [Attempt(partial(_first_attempt, mail_root, moment, there[moment], go_on)) for moment in MOMENTS]
    assert all(event.wait(60) for event in there.values())

    def recover(root: Path, moment: str) -> str:
        return deliver(root, f"cut-{moment}/Maildir", DELIVERY_ID, [MAIL], first_claimed_at=claimed_at)

    with machine.cut_off():
        go_on.set()
        assert _after_an_attempts_time(firsts) == ["killed", "killed"]
        probing = Attempt(partial(probe, mail_root, limit=ATTEMPT_SECONDS / 2))
        same_host = [Attempt(partial(recover, mail_root, moment)) for moment in MOMENTS]
        assert _after_an_attempts_time(same_host) == ["killed", "killed"]
        assert _probe_by_command(mail_root) == 75
        assert probing.outcome(30) == "probing: the mail root hangs, the file server gave no answer within 2 s"
        for moment in MOMENTS:
            assert Attempt(partial(recover, second_root, moment)).outcome(60) == "delivered"
    for moment in MOMENTS:
        assert Attempt(partial(recover, mail_root, moment)).outcome(60) == "recovered"
    time.sleep(2)
    for moment in MOMENTS:
        mailbox = f"cut-{moment}/Maildir"
        assert copies(mail_root, mailbox) == copies(second_root, mailbox) == [MAIL]
        assert list((second_root / mailbox / "tmp").iterdir()) == []


def _probe_by_command(mail_root: Path) -> int:
    """How it ends, beside processes that hang in the same folder; it has to."""
    command = [sys.executable, "-m", "mailroom.maildir", "probe", f"--mail-root={mail_root}", "--limit=1"]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode


def _first_attempt(mail_root: Path, moment: str, there: Event, go_on: Event) -> str:
    """A delivery that waits at a moment until the network is cut."""

    def wait() -> None:
        there.set()
        go_on.wait()

    def content() -> Iterator[bytes]:
        yield MAIL[:1000]
        if moment == "writing":
            wait()
        yield MAIL[1000:]

    rename = os.rename

    def late(*arguments: str, **options: int) -> None:
        wait()
        rename(*arguments, **options)

    if moment == "renaming":
        os.rename = late  # type: ignore[assignment]
    return deliver(mail_root, f"cut-{moment}/Maildir", DELIVERY_ID, content())


def _after_an_attempts_time(attempts: list[Attempt]) -> list[str]:
    """What has become of attempts that run at the same time; those that are not at their end are killed."""
    end = time.monotonic() + ATTEMPT_SECONDS
    return [attempt.outcome(max(0, end - time.monotonic())) for attempt in attempts]
