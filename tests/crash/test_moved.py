"""A mail reader moves the copy at any two moments of a recovery, in any order: it is found, and nothing is doubled.

Nothing but this delivery has touched the mailbox since long before the first claim, or all of it is new; the clocks
agree, or they do not.
"""

import os
import time
from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement, count
from pathlib import Path
from typing import Any

import pytest
from mailroom.maildir import times

from tests.crash.one_mailbox import assert_one_complete_message, place, prepare, recover, temporary

CALLS = ("open", "scandir", "fstat")
READERS = {
    # What a reader does at each of two moments: where the message is, and where it goes.
    "reads and flags": [("new", "cur", ":2,"), ("cur", "cur", ":2,S")],
    "reads and puts back": [("new", "cur", ":2,S"), ("cur", "new", "")],
    "has read, flags twice": [("cur", "cur", ":2,S"), ("cur", "cur", ":2,FS")],
    "has read, puts back, reads": [("cur", "new", ""), ("new", "cur", ":2,S")],
}


def move(root: Path, source: str, target: str, flags: str) -> None:
    """Do what a reader does with the one message."""
    [message] = (place(root) / source).iterdir()
    message.rename(place(root) / target / (message.name.partition(":")[0] + flags))


class Moments:
    """Calls of the recovery, counted; at some of them something else happens first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number = count()
        self.actions: dict[int, list[Callable[[], None]]] = {}
        self._acting = False
        for name in CALLS:
            monkeypatch.setattr(os, name, self._watched(getattr(os, name)))

    def begin(self, actions: dict[int, list[Callable[[], None]]]) -> None:
        """Count from 0 again."""
        self.number, self.actions = count(), actions

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any, **more: Any) -> Any:
            if not self._acting:
                self._acting = True
                try:
                    for action in self.actions.get(next(self.number), []):
                        action()
                finally:
                    self._acting = False
            return call(*arguments, **more)

        return watched


@pytest.fixture
def moments(monkeypatch: pytest.MonkeyPatch) -> Iterator[Moments]:
    with monkeypatch.context() as patch:
        yield Moments(patch)


@pytest.mark.parametrize("age", ["untouched", "young"])
@pytest.mark.parametrize("reader", READERS)
def test_moved_at_any_two_moments(
    new_root: Callable[[str], Path],
    untouched: Callable[[], float],
    moments: Moments,
    monkeypatch: pytest.MonkeyPatch,
    reader: str,
    age: str,
) -> None:
    steps = READERS[reader]
    calls = calls_of_a_recovery(new_root("counted"), moments)
    assert calls > 20
    monkeypatch.setattr(os, "fsync", lambda _: None)  # nobody cuts the power, and it takes most of the time
    pairs = list(combinations_with_replacement(range(calls), 2))
    roots = [new_root(f"{first}-{second}") for first, second in pairs]
    for root in roots:
        prepare(root, "folders", "INBOX")
    claimed = untouched() if age == "untouched" else time.time() - 1
    for root, (first, second) in zip(roots, pairs, strict=True):
        moments.begin({})
        recover(root, recovering=False)
        if steps[0][0] == "cur":
            move(root, "new", "cur", ":2,")
        actions: dict[int, list[Callable[[], None]]] = {}
        for at, step in zip((first, second), steps, strict=True):
            actions.setdefault(at, []).append(lambda step=step, root=root: move(root, *step))  # type: ignore[misc]
        moments.begin(actions)
        assert recover(root, first_claimed_at=claimed).already_delivered, (first, second)
        moments.begin({})
        assert_one_complete_message(root)
        assert temporary(root) == []


def calls_of_a_recovery(root: Path, moments: Moments) -> int:
    """How many calls one makes that finds nothing."""
    prepare(root, "folders", "INBOX")
    moments.begin({})
    recover(root)
    return next(moments.number)


@pytest.mark.parametrize("ours", [-86_400, -61, -11, -9, 0, 9, 11, 61, 86_400])
@pytest.mark.parametrize("read", [False, True])
def test_clocks_that_differ(
    new_root: Callable[[str], Path],
    untouched: Callable[[], float],
    monkeypatch: pytest.MonkeyPatch,
    ours: int,
    read: bool,
) -> None:
    """Our clock, and that of the claim, which are kept by the same service, and the file server's."""
    root = new_root("mail")
    prepare(root, "folders", "INBOX")
    claimed = untouched() + ours
    recover(root, recovering=False)
    if read:
        move(root, "new", "cur", ":2,S")
    clock = time.time
    monkeypatch.setattr(times.time, "time", lambda: clock() + ours)
    assert recover(root, first_claimed_at=claimed).already_delivered
    assert_one_complete_message(root)


@pytest.mark.parametrize("claim", [-86_400, -49, 0, 49])
def test_the_clock_of_the_claim_may_be_wrong_by_less_than_the_margin(
    new_root: Callable[[str], Path], untouched: Callable[[], float], claim: int
) -> None:
    root = new_root("mail")
    prepare(root, "folders", "INBOX")
    claimed = untouched() + claim
    recover(root, recovering=False)
    assert recover(root, first_claimed_at=claimed).already_delivered
    assert_one_complete_message(root)
