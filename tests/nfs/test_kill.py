"""Kill a delivery at its system calls on one mount; a recovery on another makes exactly one message of what is left."""

import os
import random
from functools import partial
from pathlib import Path

import pytest

from tests.crash.one_mailbox import assert_nothing_partial, assert_one_complete_message, prepare, recover, temporary
from tests.crash.test_kill import SCENARIOS
from tests.nfs.traced_attempt import Call, calls_of, killed_at

KILLS = 30


def test_killed_anywhere(
    mail_root: Path, request: pytest.FixtureRequest, tmp_path: Path, randomly: random.Random
) -> None:
    """``KILLS`` of all by lot, or all with KILLS=all.

    How often a recovery looks depends on how long ago something changed, so a run may end before the call that it was
    to be killed at: that is no kill.
    """
    other_root = request.getfixturevalue("second_root") if os.environ.get("SECOND_MAIL_ROOT") else mail_root
    trace = tmp_path / "trace"
    recover(_new(mail_root, "warm"))  # what is looked for once in a process
    cases: list[tuple[str, str, bool, Call]] = []
    for number, (state, folder, recovering) in enumerate(SCENARIOS):
        root = _new(mail_root, f"reference-{number}")
        prepare(root, state, folder)
        calls = calls_of(partial(recover, root, folder, recovering=recovering), root, trace)
        assert_one_complete_message(root)
        assert len(calls) >= 8
        cases += [(state, folder, recovering, call) for call in calls]
    randomly.shuffle(cases)
    wanted = len(cases) * 9 // 10 if os.environ.get("KILLS") == "all" else KILLS
    killed = 0
    for number, (state, folder, recovering, call) in enumerate(cases):
        root = _new(mail_root, f"killed-{number}")
        prepare(root, state, folder)
        killed += killed_at(call, partial(recover, root, folder, recovering=recovering), trace)
        assert_nothing_partial(root)
        again = other_root / root.relative_to(mail_root)
        recover(again, folder)
        assert_one_complete_message(again)
        assert temporary(again) == []
        if killed == wanted == KILLS:
            break
    assert killed >= wanted


def _new(mail_root: Path, case: str) -> Path:
    root = mail_root / case / "mail"
    root.mkdir(parents=True)
    return root
