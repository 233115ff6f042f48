"""Do slow things side by side: a few at once, the results in order, and little taken ahead of what is used."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

_AHEAD = 4
"""Calls handed out for each that may run, so that one that takes long does not stop the others."""


def side_by_side[Given, Result](
    function: Callable[[Given], Result], items: Iterable[Given], at_once: int
) -> Iterator[Result]:
    """Call ``function`` for each item, ``at_once`` at the same time.

    Ctrl-C, an error, and a caller who has enough end it: what has begun comes to its end first, the rest is not begun.
    """
    pool = ThreadPoolExecutor(at_once)
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(function, item))
            if len(begun) >= at_once * _AHEAD:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    except KeyboardInterrupt:
        print("finishing what has begun; again to stop immediately", file=sys.stderr)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
