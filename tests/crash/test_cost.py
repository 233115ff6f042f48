"""What a delivery asks of the file system: on EFS, most of its calls are network round trips."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.crash.one_mailbox import prepare
from tests.crash.traced_delivery import deliver

STEADY_STATE = [
    "openat2 tmp",
    "openat2 new",
    "openat tmp",
    "writev tmp",
    "utimensat tmp",
    "fsync tmp",
    "close tmp",
    "renameat tmp new",
    "fsync new",
    "close tmp",
    "close new",
]


def test_the_steady_state_takes_these_calls_and_no_more(new_root: Callable[[str], Path]) -> None:
    root = new_root("mail")
    prepare(root, "folders", "INBOX")
    calls = deliver(root).calls
    assert [" ".join([call.name, *_directories(call.text)]) for call in calls] == STEADY_STATE
    assert len(calls) <= 12


def _directories(text: str) -> list[str]:
    """Which of the folder's directories a call names, each once."""
    return list(dict.fromkeys(re.findall(r"Maildir/(tmp|new|cur)", text)))
