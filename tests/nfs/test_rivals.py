"""Two writers of one delivery, each on a mount of its own, which knows nothing of what the other one caches."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.nfs.attempts import Attempt, copies, deliver

MAIL = b"Subject: rivals\r\n\r\n" + b"text\r\n" * 2000
ROUNDS = 8


def test_recoveries_on_two_mounts_make_one_copy(mail_root: Path, second_root: Path) -> None:
    for number in range(ROUNDS):
        mailbox = f"rivals-{number}/Maildir"
        rivals = [
            Attempt(partial(deliver, root, mailbox, "1\nbob@example.com", [MAIL], first_claimed_at=time.time()))
            for root in (mail_root, second_root, mail_root, second_root)
        ]
        outcomes = [rival.outcome() for rival in rivals]
        assert all(one in ("delivered", "recovered") or one.startswith("StorageUnavailable") for one in outcomes), (
            outcomes
        )
        assert deliver(mail_root, mailbox, "1\nbob@example.com", [MAIL], first_claimed_at=time.time()) in (
            "delivered",
            "recovered",
        )
        assert copies(second_root, mailbox) == copies(mail_root, mailbox) == [MAIL]
        assert list((mail_root / mailbox / "tmp").iterdir()) == []


def test_a_recovery_finds_at_once_what_another_mount_delivered(mail_root: Path, second_root: Path) -> None:
    for number in range(ROUNDS):
        roots = [mail_root, second_root][:: 1 if number % 2 else -1]
        mailbox = f"found-{number // 4}/Maildir"
        delivery = f"{number}\nbob@example.com"
        copies(roots[1], mailbox)  # so that it is in the cache that there is no message, or no mailbox
        claimed_at = time.time()
        assert deliver(roots[0], mailbox, delivery, [MAIL]) == "delivered"
        assert deliver(roots[1], mailbox, delivery, [MAIL], first_claimed_at=claimed_at) == "recovered"
    assert copies(mail_root, "found-0/Maildir") == [MAIL] * 4


def test_an_attempt_cannot_finish_after_a_recovery_on_another_mount(mail_root: Path, second_root: Path) -> None:
    """It is believed dead, and its message is read and expunged before it goes on."""
    claimed_at = time.time()

    def content() -> Iterator[bytes]:
        yield MAIL[:100]
        assert deliver(second_root, "late/Maildir", "1\nx", [MAIL], first_claimed_at=claimed_at) == "delivered"
        yield MAIL[100:]

    # By which call it is told depends on what the client knows: the file it writes, or renames, is gone.
    assert deliver(mail_root, "late/Maildir", "1\nx", content()).startswith("StorageUnavailable")
    assert copies(second_root, "late/Maildir") == [MAIL]
