"""How long a part of the work took."""

import time
from collections.abc import Callable, Iterator


class Stopwatch:
    """Adds up the time between its starts and stops; used as a context manager, or ``over`` an iterator."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Stand at zero."""
        self._clock = clock
        self._started = 0.0
        self.seconds = 0.0
        self.used = False

    @property
    def milliseconds(self) -> float:
        """The time, as a metric has it."""
        return round(self.seconds * 1000, 1)

    def __enter__(self) -> None:
        """Start."""
        self.used = True
        self._started = self._clock()

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.seconds += self._clock() - self._started

    def over[T](self, items: Iterator[T]) -> Iterator[T]:
        """Give the same items; only what it takes to get them counts, and not what becomes of them."""
        while True:
            with self:
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
