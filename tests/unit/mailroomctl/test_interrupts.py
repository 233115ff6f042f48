"""Ctrl-C waits for the block to be done; a second one does not wait."""

import os
import signal
import threading

import pytest

from mailroomctl.interrupts import finishing


def test_the_block_is_finished_first() -> None:
    before = signal.getsignal(signal.SIGINT)
    steps = []

    def work() -> None:
        with finishing():
            os.kill(os.getpid(), signal.SIGINT)
            steps.append("finished")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["finished"]
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_one_does_not_wait() -> None:
    def work() -> None:
        with finishing():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("not interrupted")

    with pytest.raises(KeyboardInterrupt):
        work()


def test_an_error_goes_before_the_interrupt() -> None:
    def work() -> None:
        with finishing():
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        work()


def test_other_threads_are_never_interrupted() -> None:
    """Python lets only the main thread set what a signal does."""
    done = []

    def work() -> None:
        with finishing():
            done.append("work")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["work"]
