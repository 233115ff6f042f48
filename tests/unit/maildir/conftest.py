"""A mail root in a temporary folder, and a delivery with everything filled in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mailroom import maildir
from mailroom.maildir import Delivered

from tests.unit.maildir.one_mailbox import MAIL, PATH, RECEIVED_AT, Deliver


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "mail"
    root.mkdir()
    return root


@pytest.fixture
def box(root: Path) -> Path:
    """Where the mailbox will be."""
    return root / PATH


@pytest.fixture
def deliver(root: Path) -> Deliver:
    """`maildir.deliver` with defaults for whatever a test does not care about."""

    def deliver(**changes: Any) -> Delivered:
        arguments = {
            "mailbox_path": PATH,
            "folder": "INBOX",
            "delivery_id": "message-1\nbob@example.com",
            "received_at": RECEIVED_AT,
            "headers": [("Delivered-To", "bob@example.com")],
            "content": [MAIL],
            "attempt": "first",
            "recovering": False,
            "patience": 0.0,
        }
        return maildir.deliver(root, **{**arguments, **changes})

    return deliver


@pytest.fixture(autouse=True)
def no_descriptor_leaks() -> Iterator[None]:
    """Every delivery, also a failed one, closes what it opened."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert len(list(Path("/proc/self/fd").iterdir())) == before
