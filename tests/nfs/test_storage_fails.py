"""The storage is full or away: error and probe say what is wrong; in the end one whole copy of each is there."""

import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.nfs.attempts import (
    ATTEMPT_SECONDS,
    OWNER,
    PROCESSES,
    Attempt,
    as_owner,
    copies,
    deliver,
    deliver_as_the_workflow_does,
    probe,
)
from tests.nfs.machine import Machine

LARGE = b"Subject: large\r\n\r\n" + b"0123456789\r\n" * 50_000


@pytest.mark.parametrize(
    ("shortage", "words"),
    [
        (Machine.full, "the file system is full (ENOSPC: "),
        (partial(Machine.quota, user=OWNER, kib=2000), "a quota is used up; "),
    ],
    ids=["full", "over quota"],
)
def test_a_full_disk_and_a_quota_are_told_apart(
    mail_root: Path, machine: Machine, shortage: Callable[..., object], words: str
) -> None:
    root = mail_root / words.split()[1]
    root.mkdir()
    root.chmod(0o777)
    small = partial(deliver, root, "bob/Maildir", "0\nbob@example.com", [b"small\r\n"])
    assert as_owner(small) == "delivered"
    large = [partial(deliver, root, "bob/Maildir", f"{number}\nbob@example.com", [LARGE]) for number in range(1, 5)]
    with shortage(machine):  # type: ignore[attr-defined]
        outcomes = [as_owner(attempt) for attempt in large]
        refused = outcomes[-1]
        assert refused.startswith("StorageUnavailable: "), outcomes
        assert words in refused
        assert len(copies(root, "bob/Maildir")) == 1 + outcomes.count("delivered")
        assert list((root / "bob/Maildir/tmp").iterdir()) == []
        assert f": {words}" in as_owner(partial(probe, root))
    assert as_owner(partial(probe, root)) == "a mailbox"
    again = [as_owner(partial(attempt, first_claimed_at=1.0)) for attempt in large]
    assert again == [{"delivered": "recovered"}.get(outcome, "delivered") for outcome in outcomes]
    assert sorted(copies(root, "bob/Maildir")) == sorted([b"small\r\n", *[LARGE] * 4])


def test_the_server_goes_away_and_comes_back_in_the_middle_of_deliveries(
    mail_root: Path, second_root: Path, machine: Machine, tmp_path: Path
) -> None:
    boxes = 4
    enough = tmp_path / "enough"

    def one_user(number: int) -> None:
        """Messages one after the other, as the workflow delivers them, until it is enough."""
        confirmed: list[tuple[float, list[str]]] = []
        roots = [mail_root, second_root] if number % 2 else [second_root, mail_root]
        while not enough.exists():
            delivery = f"{len(confirmed)}\nuser"
            content = f"{len(confirmed)}\r\n".encode() * 3000
            outcomes = deliver_as_the_workflow_does(
                roots, f"away-{number}/Maildir", delivery, content, seconds=ATTEMPT_SECONDS
            )
            confirmed.append((time.monotonic(), outcomes))
        (tmp_path / str(number)).write_text(json.dumps(confirmed))
        os._exit(0)

    users = [PROCESSES.Process(target=one_user, args=(number,)) for number in range(boxes)]
    for user in users:
        user.start()
    time.sleep(4)
    with machine.server_away():
        stopped = time.monotonic()
        assert "the file server gave no answer" in Attempt(partial(probe, mail_root, limit=1)).outcome()
        time.sleep(ATTEMPT_SECONDS + 1)
    time.sleep(2)
    enough.touch()
    for user in users:
        user.join(100)
    for number in range(boxes):
        confirmed = json.loads((tmp_path / str(number)).read_text())
        times = [at for at, _ in confirmed]
        assert times[0] < stopped
        assert times[-1] > stopped + ATTEMPT_SECONDS
        assert any("killed" in outcomes for _, outcomes in confirmed), confirmed
        expected = sorted(f"{message}\r\n".encode() * 3000 for message in range(len(confirmed)))
        assert sorted(copies(mail_root, f"away-{number}/Maildir")) == expected
        assert sorted(copies(second_root, f"away-{number}/Maildir")) == expected
