"""Run in a mount namespace: one file system mounted twice, attempts on either mount, a mail reader on the second."""

import subprocess
import sys
import time
from pathlib import Path

from tests.crash.one_mailbox import assert_one_complete_message, place, prepare, recover, temporary
from tests.crash.test_rivals import PROCESSES, reading, rival

ROUNDS, RIVALS = 4, 10

folder = Path(sys.argv[1])
first, second = folder / "first" / "mail", folder / "second" / "mail"
for mount in (first, second):
    mount.mkdir(parents=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", first], check=True)
subprocess.run(["mount", "--bind", first, second], check=True)


def mailboxes(name: str) -> tuple[Path, Path]:
    """A new mail root, as both mounts show it."""
    (first / name).mkdir()
    prepare(first / name, "folders", "INBOX")
    return first / name, second / name


def assert_once(one: Path, other: Path) -> None:
    """Both mounts show one whole message."""
    for root in (one, other):
        assert_one_complete_message(root)
        assert temporary(root) == []


for number in range(ROUNDS):
    roots = mailboxes(f"rivals-{number}")
    claimed = time.time()
    start = PROCESSES.Event()
    reader = number % 2 == 1
    # A first attempt publishes before a recovery may begin; beside one it does no harm only while nobody takes the
    # message away, which it then would not find.
    rivals = [
        PROCESSES.Process(target=rival, args=(roots[turn % 2], start, turn > 0 or reader, claimed))
        for turn in range(RIVALS)
    ]
    with reading(roots[1], reader):
        for process in rivals:
            process.start()
        start.set()
        for process in rivals:
            process.join()
    recover(roots[number % 2], first_claimed_at=claimed)
    assert_once(*roots)

one, other = mailboxes("read")
claimed = time.time()
recover(one, recovering=False)
for message in (place(other) / "new").iterdir():
    message.rename(place(other) / "cur" / f"{message.name}:2,S")
assert recover(one, first_claimed_at=claimed).already_delivered
assert recover(other, first_claimed_at=claimed).already_delivered
assert_once(one, other)
print("done")
