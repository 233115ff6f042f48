"""Kill a delivery at each of its system calls; whatever is left, one recovery makes exactly one message of it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.one_mailbox import (
    assert_nothing_partial,
    assert_one_complete_message,
    prepare,
    read_by_dovecot,
    recover,
    temporary,
    visible,
)
from tests.crash.traced_delivery import Call, deliver, same_call

SCENARIOS = [
    # What is there, the folder, whether the attempt that is killed is a recovery.
    ("nothing", "INBOX", False),
    ("nothing", "Junk", False),
    ("folders", "INBOX", False),
    ("half of the folders", "INBOX", False),
    ("nothing", "INBOX", True),
    ("a dead attempt's file", "INBOX", True),
    ("a dead attempt's file", "Junk", True),
    ("the message", "INBOX", True),
    ("the message, read", "INBOX", True),
]


#: How often a kill is tried until it meets its call: a recovery looks at a directory again when it has just changed,
#: so the calls of two runs differ where a machine is slow between them.
TURNS = 4


@pytest.mark.parametrize(("state", "folder", "recovering"), SCENARIOS)
def test_killed_anywhere(
    new_root: Callable[[str], Path],
    each: Callable[..., None],
    state: str,
    folder: str,
    recovering: bool,
) -> None:
    reference = new_root("reference")
    prepare(reference, state, folder)
    undisturbed = deliver(reference, folder=folder, recovering=recovering)
    assert undisturbed.code == 0, undisturbed.stderr
    assert_one_complete_message(reference)
    if recovering:
        assert temporary(reference) == []

    def killed_at(case: tuple[int, Call]) -> None:
        number, call = case
        for turn in range(TURNS):
            root = new_root(f"killed-{number}-{turn}")
            prepare(root, state, folder)
            run = deliver(root, inject=(call, "signal=KILL"), folder=folder, recovering=recovering)
            assert run.code == -9, call.text
            if same_call(run.calls[-1].text, call.text):
                break
        assert same_call(run.calls[-1].text, call.text), (run.calls[-1].text, call.text)
        assert_nothing_partial(root)
        for reader in (False, True):
            again = root.with_name(f"recovery-{reader}")
            shutil.copytree(root, again)
            if reader:
                read_by_dovecot(again, folder)
            recover(again, folder)
            assert_one_complete_message(again)
            assert temporary(again) == []
        if not visible(root):
            recover(root, folder, recovering=False)  # folders that were half made are no obstacle to a first attempt
            assert_one_complete_message(root)

    assert len(undisturbed.calls) > 10
    each(killed_at, enumerate(undisturbed.calls, start=1))


@pytest.mark.parametrize("folder", ["INBOX", "Junk"])
def test_killed_anywhere_in_a_mailbox_that_nothing_else_touches(
    new_root: Callable[[str], Path], each: Callable[..., None], untouched: Callable[[], float], folder: str
) -> None:
    """The recovery lists what has changed since the first claim, and passes over the rest."""
    reference = new_root("reference")
    prepare(reference, "folders", folder)
    calls = deliver(reference, folder=folder).calls
    cases = [(call, reader, new_root(f"{number}-{reader}")) for number, call in enumerate(calls) for reader in (0, 1)]
    for _, _, root in cases:
        prepare(root, "folders", folder)
    claimed = untouched()

    def killed_at(case: tuple[Call, int, Path]) -> None:
        call, reader, root = case
        assert deliver(root, inject=(call, "signal=KILL"), folder=folder).code == -9
        if reader:
            read_by_dovecot(root, folder)
        recover(root, folder, first_claimed_at=claimed)
        assert_one_complete_message(root)
        assert temporary(root) == []

    each(killed_at, cases)
