"""Many attempts of one delivery side by side, and a mail reader that moves the message meanwhile: still one message."""

import contextlib
import ctypes
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from mailroom import maildir
from mailroom.errors import StorageUnavailable

from tests.crash.one_mailbox import (
    assert_one_complete_message,
    first_attempt,
    place,
    prepare,
    recover,
    temporary,
    visible,
)
from tests.crash.traced_delivery import MAIL, MAILBOX, RECEIVED_AT

RIVALS = 20
ROUNDS = 8
AT_FDCWD, RENAME_EXCHANGE = -100, 2
PROCESSES = multiprocessing.get_context("fork")


def rival(root: Path, start: Event, recovering: bool, first_claimed_at: float | None = None) -> None:
    """One attempt; exit code 0 when it reports success, 1 when it gives up for now."""
    start.wait()
    try:
        recover(root, recovering=recovering, patience=5, first_claimed_at=first_claimed_at)
    except StorageUnavailable:
        os._exit(1)
    os._exit(0)


def busy_reader(root: Path, stop: Event) -> None:
    """Do what a mail reader does, as often as possible: take messages from new/, and change flags in cur/."""
    box = place(root)
    flags = ["", "S", "FS"]
    turn = 0
    while not stop.is_set():
        turn += 1
        for message in [*box.glob("new/*"), *box.glob("cur/*")]:
            with contextlib.suppress(FileNotFoundError):
                message.rename(box / "cur" / f"{message.name.partition(':')[0]}:2,{flags[turn % 3]}")
    os._exit(0)


@contextlib.contextmanager
def reading(root: Path, active: bool) -> Iterator[None]:
    """A busy mail reader beside the block."""
    stop = PROCESSES.Event()
    reader = PROCESSES.Process(target=busy_reader, args=(root, stop))
    if active:
        reader.start()
    try:
        yield
    finally:
        stop.set()
        if active:
            reader.join()


@pytest.mark.parametrize("reader", [False, True], ids=["alone", "with a mail reader"])
def test_recoveries_at_once(new_root: Callable[[str], Path], reader: bool) -> None:
    for number in range(ROUNDS):
        root = new_root(f"round-{number}")
        prepare(root, "a dead attempt's file", "INBOX")
        with reading(root, reader):
            start = PROCESSES.Event()
            rivals = [PROCESSES.Process(target=rival, args=(root, start, True)) for _ in range(RIVALS)]
            for process in rivals:
                process.start()
            start.set()
            for process in rivals:
                process.join()
        assert {process.exitcode for process in rivals} <= {0, 1}
        assert 0 in {process.exitcode for process in rivals}, "whoever cleared last should have finished"
        recover(root)
        assert_one_complete_message(root)
        assert temporary(root) == []


def test_first_attempts_at_once_are_one_message(new_root: Callable[[str], Path]) -> None:
    """The claim forbids it; should it happen, each renames over the other's identical message."""
    root = new_root("mail")
    start = PROCESSES.Event()
    rivals = [PROCESSES.Process(target=rival, args=(root, start, number % 2 == 1)) for number in range(RIVALS)]
    for process in rivals:
        process.start()
    start.set()
    for process in rivals:
        process.join()
    recover(root)
    assert_one_complete_message(root)
    assert temporary(root) == []


def test_an_attempt_believed_dead_cannot_finish_after_a_recovery(new_root: Callable[[str], Path]) -> None:
    root = new_root("mail")

    def content() -> Iterator[bytes]:
        yield MAIL[:100]
        assert not recover(root).already_delivered
        for message in visible(root):
            message.rename(place(root) / "cur" / f"{message.name}:2,S")
        yield MAIL[100:]

    with pytest.raises(StorageUnavailable, match="another attempt"):
        first_attempt(root, content())
    assert_one_complete_message(root)
    assert temporary(root) == []


@pytest.mark.parametrize("walk", ["openat2", "step by step"])
def test_a_symlink_swapped_in_at_any_moment_leads_nowhere(
    new_root: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, walk: str
) -> None:
    if walk == "step by step":
        monkeypatch.setattr("mailroom.maildir.directories.find_openat2", lambda: None)
    root = new_root("mail")
    outside = root.with_name("outside")
    for part in ("tmp", "new", "cur"):
        (outside / "Maildir" / part).mkdir(parents=True)
        (root / "example.com/bob/Maildir" / part).mkdir(parents=True)
    bob, link = root / "example.com/bob", root / "example.com/link"
    link.symlink_to(outside)
    stop = PROCESSES.Event()

    def swap() -> None:
        exchange = ctypes.CDLL(None).renameat2
        while not stop.is_set():
            exchange(AT_FDCWD, bytes(bob), AT_FDCWD, bytes(link), RENAME_EXCHANGE)
        os._exit(0)

    attacker = PROCESSES.Process(target=swap)
    attacker.start()
    outcomes: dict[str, int] = {}
    try:
        end = time.monotonic() + 1.5
        number = 0
        while time.monotonic() < end:
            number += 1
            try:
                maildir.deliver(
                    root,
                    mailbox_path=MAILBOX,
                    folder="INBOX",
                    delivery_id=str(number),
                    received_at=RECEIVED_AT,
                    headers=[],
                    content=[MAIL],
                    attempt="x",
                    recovering=number % 2 == 0,
                    patience=0,
                )
                outcome = "delivered"
            except Exception as error:
                outcome = type(error).__name__
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    finally:
        stop.set()
        attacker.join()
    assert [path for path in outside.rglob("*") if path.is_file()] == []
    assert set(outcomes) <= {"delivered", "MailboxPathRejected", "StorageUnavailable"}, outcomes
    assert min(outcomes.get("delivered", 0), outcomes.get("MailboxPathRejected", 0)) > 0, outcomes
