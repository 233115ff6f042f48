"""What the Maildir tests share: one message, one mailbox, and a look at what is on disk."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from mailroom.maildir import Delivered

RECEIVED_AT = datetime(2026, 11, 24, 2, 47, 0, 123000, UTC)
MAIL = b"From: alice@example.org\r\nSubject: hello\r\n\r\nHello Bob\r\n"
PATH = "example.com/bob/Maildir"

Deliver = Callable[..., Delivered]


def tree(root: Path) -> list[str]:
    """Everything below a folder, sorted; folders end with a slash."""
    return sorted(f"{path.relative_to(root)}{'/' * path.is_dir()}" for path in root.rglob("*"))


def entries(folder: Path) -> list[str]:
    """The names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())
