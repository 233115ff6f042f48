"""Make each system call of a delivery fail: the error has a kind and a name, and leaves no mess."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.one_mailbox import (
    assert_nothing_partial,
    assert_one_complete_message,
    prepare,
    recover,
    temporary,
    visible,
)
from tests.crash.traced_delivery import Call, deliver

ERRORS = ["ENOSPC", "EDQUOT", "EIO", "ESTALE", "EROFS", "ETIMEDOUT", "EACCES", "ENOMEM"]
ESSENTIAL = {"writev", "utimensat", "renameat", "fsync"}


@pytest.mark.parametrize(
    ("state", "folder", "recovering", "errors"),
    [  # every error at each call of the steady state; where the calls are many, another error at each
        ("folders", "INBOX", False, ERRORS),
        ("nothing", "Junk", False, None),
        ("a dead attempt's file", "INBOX", True, None),
        ("the message, read", "INBOX", True, None),
    ],
)
def test_any_call_fails(
    new_root: Callable[[str], Path],
    each: Callable[..., None],
    state: str,
    folder: str,
    recovering: bool,
    errors: list[str] | None,
) -> None:
    reference = new_root("reference")
    prepare(reference, state, folder)
    undisturbed = deliver(reference, folder=folder, recovering=recovering)
    assert undisturbed.code == 0, undisturbed.stderr

    def fails(case: tuple[Call, str]) -> None:
        call, error = case
        root = new_root(f"{call.name}-{call.ordinal}-{error}")
        prepare(root, state, folder)
        run = deliver(root, inject=(call, f"error={error}"), folder=folder, recovering=recovering)
        assert_nothing_partial(root)
        if run.code == 0:  # a transient error that patience outlasted, or a call whose failure loses nothing
            assert call.name not in ESSENTIAL or (error == "ESTALE" and call.name == "fsync"), call.text
            assert_one_complete_message(root)
        else:
            assert run.code == 75, (call.text, run.stderr)
            assert run.stderr.startswith("StorageUnavailable: "), (call.text, run.stderr)
            assert error in run.stderr, (call.text, run.stderr)
            assert "bob" not in run.stderr
        if call.name != "unlinkat" and not recovering:
            assert temporary(root) == [], call.text
        recover(root, folder)
        assert_one_complete_message(root)
        assert temporary(root) == []

    calls = undisturbed.calls
    each(fails, itertools.product(calls, errors) if errors else zip(calls, itertools.cycle(ERRORS), strict=False))


def test_an_error_after_the_rename_does_not_remove_the_message(new_root: Callable[[str], Path]) -> None:
    reference, root = new_root("reference"), new_root("broken")
    prepare(reference, "folders", "INBOX")
    prepare(root, "folders", "INBOX")
    last_sync = [call for call in deliver(reference).calls if call.name == "fsync"][-1]
    run = deliver(root, inject=(last_sync, "error=EIO"))
    assert run.stderr.startswith("StorageUnavailable: ")
    assert len(visible(root)) == 1
    assert recover(root).already_delivered
