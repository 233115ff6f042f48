"""Attempts of a delivery in processes of their own, as on Lambda: each can be killed, and run as another user."""

import codecs
import multiprocessing
import os
import pwd
import time
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import tenacity  # noqa: F401 - as below
from mailroom import maildir
from mailroom.errors import MailroomError
from mailroom.maildir.probe import LIMIT_SECONDS

PROCESSES = multiprocessing.get_context("fork")
RECEIVED_AT = 1_795_488_420.25
# What a delivery imports only when it needs it: the owner of the mail may not be able to read this Python's files.
codecs.lookup("utf-16-be")
#: What an attempt may take here; on Lambda it is 15 s.
ATTEMPT_SECONDS = 4.0
#: Who owns the mail in the machine; elsewhere it is whoever runs the tests.
OWNER = "mail"


def deliver(
    root: Path,
    mailbox_path: str,
    delivery_id: str,
    content: Iterable[bytes],
    *,
    folder: str = "INBOX",
    first_claimed_at: float | None = None,
) -> str:
    """One attempt in this process: ``delivered`` or ``recovered``, or the error's name and text.

    It is a recovery when it says when the delivery was claimed for the first time.
    """
    try:
        delivered = maildir.deliver(
            root,
            mailbox_path=mailbox_path,
            folder=folder,
            delivery_id=delivery_id,
            received_at=RECEIVED_AT,
            headers=[],
            content=content,
            attempt="attempt",
            recovering=first_claimed_at is not None,
            first_claimed_at=first_claimed_at,
        )
    except MailroomError as error:
        return f"{type(error).__name__}: {error}"
    return "recovered" if delivered.already_delivered else "delivered"


def probe(root: Path, limit: float = LIMIT_SECONDS) -> str:
    """Where a probe in this process worked, or what it says is wrong."""
    try:
        return maildir.probe(root, limit).where
    except MailroomError as error:
        return str(error)


class Attempt:
    """A process that calls ``function``, and what it returned."""

    def __init__(self, function: Callable[[], str], user: str | None = None) -> None:
        """Start it; as ``user`` where we may, which only root does."""
        self._answer, answer = PROCESSES.Pipe(duplex=False)
        self._process = PROCESSES.Process(target=_run, args=(function, user, answer))
        self._process.start()
        answer.close()

    def outcome(self, seconds: float = 120) -> str:
        """What it returned; it is killed, as Lambda kills a function, when it has not after so many seconds."""
        if self._answer.poll(seconds):
            try:
                outcome: str = self._answer.recv()
            except EOFError:
                outcome = "died"
            self._process.join(10)
            return outcome
        # Not waited for: the kernel may keep it until the server answers again.
        self._process.kill()
        return "killed"


def as_owner(function: Callable[[], str]) -> str:
    """Call ``function`` as the user to whom the mail belongs, and give what it returned."""
    return Attempt(function, OWNER).outcome()


def deliver_as_the_workflow_does(
    roots: list[Path], mailbox_path: str, delivery_id: str, content: bytes, *, seconds: float
) -> list[str]:
    """Attempts until one succeeds: each is killed after so many seconds, the next is a recovery on the next root."""
    outcomes: list[str] = []
    claimed_at = time.time()
    end = time.monotonic() + 120
    while time.monotonic() < end:
        root = roots[len(outcomes) % len(roots)]
        claim = claimed_at if outcomes else None
        attempt = Attempt(partial(deliver, root, mailbox_path, delivery_id, [content], first_claimed_at=claim))
        outcomes.append(attempt.outcome(seconds))
        if outcomes[-1] in ("delivered", "recovered"):
            return outcomes
        time.sleep(0.2)
    raise AssertionError(f"{delivery_id} was never delivered: {outcomes}")


def copies(root: Path, mailbox_path: str) -> list[bytes]:
    """The messages that a mail reader sees in the INBOX."""
    box = root / mailbox_path
    return [path.read_bytes() for part in ("new", "cur") for path in sorted((box / part).glob("*"))]


def _run(function: Callable[[], str], user: str | None, answer: Connection) -> None:
    """The process."""
    if user and os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    answer.send(function())
    answer.close()
    os._exit(0)
