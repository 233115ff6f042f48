"""A few at once, in order, and not far ahead."""

import threading
from collections.abc import Iterator

import pytest

from mailroomctl.deliveries.side_by_side import side_by_side


def test_results_come_in_order_and_calls_overlap() -> None:
    both = threading.Barrier(2, timeout=60)

    def meet(number: int) -> int:
        both.wait()
        return number

    assert list(side_by_side(meet, range(10), 2)) == list(range(10))


def test_never_more_at_once() -> None:
    at_work, most, lock = 0, 0, threading.Lock()

    def work(_number: int) -> None:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        with lock:
            at_work -= 1

    list(side_by_side(work, range(200), 3))
    assert most <= 3


def test_what_nobody_waits_for_is_not_read() -> None:
    read: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            read.append(number)
            yield number

    results = side_by_side(str, numbers(), 2)
    assert next(results) == "0"
    assert len(read) == 8
    results.close()  # type: ignore[attr-defined]
    assert len(read) == 8


def test_an_error_ends_it_and_what_has_begun_comes_to_its_end() -> None:
    done: list[int] = []
    begun = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            begun.wait(5)
            raise ValueError(number)
        begun.set()
        done.append(number)

    with pytest.raises(ValueError, match="0"):
        list(side_by_side(work, range(1000), 2))
    assert 1 in done
    assert len(done) < 1000


def test_ctrl_c_says_that_it_finishes(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(side_by_side(interrupted, range(3), 1))
    assert "finishing what has begun; again to stop immediately" in capsys.readouterr().err
