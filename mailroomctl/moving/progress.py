"""How far an import is: messages, their rate, and the time that is left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from mailroomctl.moving.sources.item import Source
from mailroomctl.moving.summary import Summary

_SECONDS = 0.25  # between two looks
_SECONDS_OF_A_LOG = 60.0


@contextmanager
def showing(source: Source, what: str) -> Iterator[Callable[[Summary], None]]:
    """Give a function to call after each message: a bar when somebody is looking, else now and then a line."""
    if not sys.stderr.isatty():
        yield _Log(source, what)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[messages]:,} messages, {task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(what), total=source.total, messages=0, rate=0.0)
        begun = last = time.monotonic()

        def show(summary: Summary) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _SECONDS:
                last = now
                rate = summary.found / (now - begun)
                bar.update(task, completed=source.position(), messages=summary.found, rate=rate)

        yield show


class _Log:
    """A line every minute, for whoever reads a file afterwards, or waits for one to grow."""

    def __init__(self, source: Source, what: str) -> None:
        self._source = source
        self._what = what
        self._begun = self._last = time.monotonic()

    def __call__(self, summary: Summary) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_OF_A_LOG:
            return
        self._last = now
        passed, done, total = now - self._begun, self._source.position(), self._source.total
        line = f"{self._what}: {summary.found:,} messages, {summary.found / passed:,.0f}/s"
        if total and done:
            left = timedelta(seconds=round(passed * max(0, total - done) / done))
            line += f", {min(100, 100 * done // total)} %, about {left} left"
        print(line, file=sys.stderr)
