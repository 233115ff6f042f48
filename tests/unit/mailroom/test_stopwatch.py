"""Time that is the watch's, and time that is not."""

from collections.abc import Iterator

import pytest
from mailroom.stopwatch import Stopwatch


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_only_what_is_between_start_and_stop_counts() -> None:
    clock = Clock()
    watch = Stopwatch(clock)
    assert not watch.used
    for _ in range(2):
        with watch:
            clock.now += 0.5
        clock.now += 10
    assert (watch.used, watch.seconds, watch.milliseconds) == (True, 1, 1000)


def test_over_an_iterator_what_becomes_of_the_items_does_not_count() -> None:
    clock = Clock()
    watch = Stopwatch(clock)

    def slow() -> Iterator[int]:
        for number in range(3):
            clock.now += 1
            yield number

    for _ in watch.over(slow()):
        clock.now += 10
    assert watch.seconds == 3


def test_an_error_passes_and_its_time_counts() -> None:
    clock = Clock()
    watch = Stopwatch(clock)

    def broken() -> Iterator[int]:
        clock.now += 2
        raise OSError
        yield 1

    with pytest.raises(OSError):  # noqa: PT011 - the class is the test
        list(watch.over(broken()))
    assert watch.seconds == 2
