"""How long after its delivery through one mount Dovecot sees a message through another."""

import contextlib
import imaplib
import json
import os
import select
import tempfile
import time
import traceback
from functools import partial
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from tests.e2e.dovecot import Dovecot
from tests.nfs.attempts import OWNER, PROCESSES, Attempt, as_owner, deliver

MESSAGES = 20
LONGEST = 120
DOMAIN = "seen.example.com"


class Sightings:
    """Sessions of as many users, half of them in IDLE, the others asking with NOOP; each user gets one message.

    They begin before the deliveries: a client that has just looked has the directory in its cache, which is the worst
    case.
    """

    LINES = pytest.StashKey[list[str]]()

    def __init__(self, root: Path, dovecot: Dovecot) -> None:
        """Sessions of ``dovecot``; what is delivered goes below ``root``."""
        self._root = root
        self._dovecot = dovecot
        self._answer = Path(tempfile.mkdtemp(prefix="mailroom-sightings-")) / "answer"
        self._delivered = PROCESSES.Event()
        self._process = PROCESSES.Process(target=self._run)

    def start(self) -> None:
        """Begin, in a process of its own."""
        self._process.start()

    def end(self) -> None:
        """Do not wait for what is not asked for."""
        self._process.kill()
        self._process.join()

    def wait_until_delivered(self) -> None:
        """Wait until nothing more comes over the first mount."""
        assert self._delivered.wait(LONGEST), "the messages were not delivered in time"

    def seconds(self) -> dict[str, list[float]]:
        """The seconds until each message was seen, by how the session looks; waits for the last one."""
        self._process.join(LONGEST + 120)
        assert self._answer.exists(), "the sessions did not begin in time"
        answer: dict[str, list[float]] | str = json.loads(self._answer.read_text())
        assert isinstance(answer, dict), answer
        return answer

    def _run(self) -> None:
        """The process."""
        try:
            answer: object = self._see()
        except BaseException:
            answer = traceback.format_exc()
        self._answer.write_text(json.dumps(answer))
        os._exit(0)

    def _see(self) -> dict[str, list[float]]:
        """Begin the sessions, let the messages be delivered, and look."""
        users = {way: [f"{way.lower()}{number}" for number in range(MESSAGES)] for way in ("IDLE", "NOOP")}
        everybody = [user for pair in zip(*users.values(), strict=True) for user in pair]
        assert as_owner(partial(_deliver_to_all, self._root, everybody, "first")) == "done"
        times, begin = PROCESSES.SimpleQueue(), PROCESSES.Event()
        delivering = Attempt(partial(_deliver_slowly, self._root, everybody, begin, times, self._delivered), OWNER)
        with contextlib.ExitStack() as sessions:
            waiting = {user: sessions.enter_context(self._dovecot.session(f"{user}@{DOMAIN}")) for user in everybody}
            for user, session in waiting.items():
                assert session.select("INBOX") == ("OK", [b"1"])
                if user in users["IDLE"]:
                    session.send(b"idle IDLE\r\n")
                    assert session.readline().startswith(b"+")
            begin.set()
            seen = _look(waiting, set(users["IDLE"]))
        assert delivering.outcome() == "done"
        delivered = dict(times.get() for _ in everybody)
        return {way: [seen[name] - delivered[name] for name in names if name in seen] for way, names in users.items()}


def _look(sessions: dict[str, imaplib.IMAP4], in_idle: set[str]) -> dict[str, float]:
    """When each session saw its second message."""
    seen: dict[str, float] = {}
    end = time.monotonic() + LONGEST
    while len(seen) < len(sessions) and time.monotonic() < end:
        idle = {sessions[user].sock: user for user in in_idle - set(seen)}
        for connection in select.select(list(idle), [], [], 1)[0]:
            if b" EXISTS" in connection.recv(4096):
                user = idle[connection]
                seen[user] = time.monotonic()
                sessions[user].send(b"DONE\r\n")
                while not sessions[user].readline().startswith(b"idle "):
                    continue
        for user in set(sessions) - in_idle - set(seen):
            sessions[user].noop()
            if b"2" in sessions[user].response("EXISTS")[1]:  # after what was told at the start, perhaps
                seen[user] = time.monotonic()
    return seen


def _deliver_to_all(root: Path, users: list[str], name: str) -> str:
    """One message to each user, who has no mailbox yet but for this."""
    for user in users:
        outcome = _deliver(root, user, name)
        if outcome != "delivered":
            return outcome
    return "done"


def _deliver_slowly(
    root: Path, users: list[str], begin: Event, times: "SimpleQueue[tuple[str, float]]", end: Event
) -> str:
    """One more, with a quarter of a second between two."""
    begin.wait()
    for user in users:
        outcome = _deliver(root, user, "second")
        times.put((user, time.monotonic()))
        if outcome != "delivered":
            return outcome
        time.sleep(0.25)
    end.set()
    return "done"


def _deliver(root: Path, user: str, name: str) -> str:
    return deliver(root, f"{DOMAIN}/{user}/Maildir", f"{name}\n{user}@{DOMAIN}", [b"Subject: seen\r\n\r\n"])
