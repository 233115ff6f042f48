"""Stop a first attempt before each of its calls and let it go on at the worst moment: still exactly one message.

This is what a state's timeout leaves behind: the workflow believes the attempt dead, its retry recovers, a mail reader
moves the retry's copy, and then the first attempt goes on. Its clock is the tests', so that no case waits.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from mailroom.errors import DeadlinePassed, StorageUnavailable

from tests.crash.one_mailbox import (
    assert_nothing_partial,
    assert_one_complete_message,
    first_attempt,
    prepare,
    read_by_dovecot,
    recover,
    temporary,
    visible,
)
from tests.crash.test_rivals import PROCESSES
from tests.crash.traced_delivery import MAIL

DEADLINE = 1_796_000_016.0
CALLS = ("mkdir", "open", "writev", "utime", "fsync", "close", "rename")
PUBLISHED, TOO_LATE, CLEARED = 0, 1, 2

Clock = Any  # a float that processes share


def in_time(root: Path, clock: Clock) -> None:
    """The attempt goes on at once."""


def too_late(root: Path, clock: Clock) -> None:
    """The attempt goes on when its retry could begin, and has not."""
    clock.value = DEADLINE


def recovered(root: Path, clock: Clock) -> None:
    """The attempt goes on when its retry has delivered."""
    clock.value = DEADLINE + 2
    recover(root)


def recovered_and_read(root: Path, clock: Clock) -> None:
    """And a mail reader has moved the retry's copy, so that a second one would not replace it."""
    recovered(root, clock)
    read_by_dovecot(root)


def stopping_attempt(root: Path, stop_at: int, clock: Clock, stopping: Connection, deadline: float | None) -> None:
    """Deliver in this process, which stops before its ``stop_at``-th call; never returns."""
    number = count()

    def before(name: str) -> None:
        if next(number) == stop_at:
            stopping.send(name)
            os.kill(os.getpid(), signal.SIGSTOP)

    def watched(name: str) -> Callable[..., Any]:
        call = getattr(os, name)

        def watching(*arguments: Any, **more: Any) -> Any:
            before("create" if name == "open" and arguments[1] & os.O_CREAT else name)
            return call(*arguments, **more)

        return watching

    def content() -> Iterator[bytes]:
        before("content")
        yield MAIL[:100]
        before("more content")
        yield MAIL[100:]

    for name in CALLS:
        setattr(os, name, watched(name))
    time.time = lambda: clock.value
    try:
        first_attempt(root, content(), deadline)
    except DeadlinePassed:
        os._exit(TOO_LATE)
    except StorageUnavailable:
        os._exit(CLEARED)
    os._exit(PUBLISHED)


def stopped_before_each_call(
    new_root: Callable[[str], Path],
    state: str,
    meanwhile: Callable[[Path, Clock], None],
    deadline: float | None = DEADLINE,
) -> Iterator[tuple[Path, str, int]]:
    """Stop one attempt after the other, a call later each time; give root, call and exit code of what went on."""
    for stop_at in count():
        root = new_root(f"stopped-{stop_at}")
        prepare(root, state, "INBOX")
        clock = PROCESSES.Value("d", DEADLINE - 16, lock=False)
        here, there = PROCESSES.Pipe(duplex=False)
        attempt = PROCESSES.Process(target=stopping_attempt, args=(root, stop_at, clock, there, deadline))
        attempt.start()
        there.close()
        try:
            assert attempt.pid
            seen = os.waitid(os.P_PID, attempt.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            assert seen
            if seen.si_code != os.CLD_STOPPED:
                assert (seen.si_code, seen.si_status) == (os.CLD_EXITED, PUBLISHED), "the attempt died by itself"
                return
            meanwhile(root, clock)
            os.kill(attempt.pid, signal.SIGCONT)
            attempt.join(30)
            assert attempt.exitcode in (PUBLISHED, TOO_LATE, CLEARED)
            yield root, here.recv(), attempt.exitcode
        finally:
            attempt.kill()
            attempt.join()
            here.close()


@pytest.mark.parametrize("state", ["nothing", "folders"])
@pytest.mark.parametrize("meanwhile", [in_time, too_late, recovered, recovered_and_read])
def test_an_attempt_that_goes_on_late_doubles_nothing(
    new_root: Callable[[str], Path], meanwhile: Callable[[Path, Clock], None], state: str
) -> None:
    codes: dict[str, set[int]] = {}
    for root, call, code in stopped_before_each_call(new_root, state, meanwhile):
        codes.setdefault(call, set()).add(code)
        assert_nothing_partial(root)
        assert temporary(root) == []
        recover(root)
        assert_one_complete_message(root)
        assert temporary(root) == []
    assert {"create", "content", "more content", "writev", "utime", "fsync", "close", "rename"} <= set(codes)
    if meanwhile is in_time:
        assert set.union(*codes.values()) == {PUBLISHED}
    else:
        # The rename comes right after the look at the clock: only the retry can stop it now.
        assert codes["create"] == codes["content"] == codes["utime"] == {TOO_LATE}
        assert codes["rename"] == {PUBLISHED if meanwhile is too_late else CLEARED}


def test_without_a_deadline_an_attempt_that_goes_on_late_doubles_mail(new_root: Callable[[str], Path]) -> None:
    """The tests above would see it."""
    attempts = stopped_before_each_call(new_root, "folders", recovered_and_read, deadline=None)
    doubled = {call for root, call, _ in attempts if len(visible(root)) == 2}
    assert "create" in doubled
    assert doubled.isdisjoint({"content", "writev", "utime", "rename"}), "a file that exists is cleared by the recovery"
