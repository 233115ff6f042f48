"""How far an import is: messages, their rate, and the time that is left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailroomctl.moving.sources.item import Source
from mailroomctl.moving.summary import Summary

_SECONDS = 0.25  # between two looks


@contextmanager
def showing(source: Source, what: str) -> Iterator[Callable[[Summary], None]]:
    """Give a function to call after each message; it shows something when somebody is looking."""
    if not sys.stderr.isatty():
        yield lambda _: None
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
