"""``make demo`` shows what it promises, and leaves nothing running."""

import re
import subprocess
import sys

from mailroomctl.local.deploy import PROJECT
from tests.e2e.test_lifecycle import alive


def test_demo() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mailroomctl.local.demo"], capture_output=True, text=True, check=False, cwd=PROJECT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if line[:1] == "│"]
    table = sorted((message, recipient, outcome.split()[0]) for message, recipient, outcome, _ in rows if message)
    assert table == [
        ("attachment.eml", "alice@example.com", "DELIVERED"),
        ("duplicate_notification.eml", "alice@example.com", "DELIVERED"),
        ("eight_bit.eml", "zoe@example.com", "DELIVERED"),
        ("plain.eml", "bob@example.com", "DELIVERED"),
        ("several_recipients.eml", "alice@example.com", "DELIVERED"),
        ("several_recipients.eml", "bob@example.com", "DELIVERED"),
        ("several_recipients.eml", "zoe@example.com", "DELIVERED"),
        ("unknown_recipient.eml", "bob@example.com", "DELIVERED"),
        ("unknown_recipient.eml", "nobody@example.com", "REJECTED"),
    ]
    assert len(re.findall(r"S=\d+,W=\d+ \(", done.stdout)) == 8  # the tree names every file
    assert alive(PROJECT / ".local" / "demo") == []
