"""What commands print: for people, or with ``--json`` one JSON document for programs."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

_MANY = 1000  # rows

type Row = Mapping[str, Any]


class Console:
    """Writes results to standard output; progress and warnings to standard error, where they disturb no pipe."""

    def __init__(self, *, as_json: bool = False) -> None:
        """``as_json`` leaves only the data on standard output."""
        self.as_json = as_json

    def done(self, text: str, data: Any) -> None:
        """Say what a change did."""
        self._json(data) if self.as_json else self._print(text)

    def warn(self, text: str) -> None:
        """Say something that needs attention but stops nothing."""
        print(f"warning: {text}", file=sys.stderr)

    def note(self, text: str) -> None:
        """Say something that is neither a result nor a warning."""
        print(text, file=sys.stderr)

    def table(self, columns: Sequence[str], rows: Iterable[Row], *, empty: str) -> None:
        """Show rows of the same kind; ``empty`` is said when there are none."""
        rows = list(rows)
        if self.as_json:
            self._json(rows)
        elif not rows:
            self._print(empty)
        elif len(rows) > _MANY:
            self._plain_table(columns, rows)
        else:
            from rich import box
            from rich.table import Table

            table = Table(*(column.replace("_", " ") for column in columns), box=box.SIMPLE_HEAD, pad_edge=False)
            for row in rows:
                table.add_row(*(cell(row.get(column)) for column in columns))
            self._print(table)

    def _plain_table(self, columns: Sequence[str], rows: list[Row]) -> None:
        """Align columns without rich, which takes a minute for 100,000 rows."""
        cells = [[column.replace("_", " ") for column in columns]]
        cells += [[cell(row.get(column)) for column in columns] for row in rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for line in cells:
            print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())

    def record(self, row: Row) -> None:
        """Show one thing with all its fields."""
        if self.as_json:
            self._json(row)
            return
        width = max(map(len, row), default=0)
        for name, value in row.items():
            self._print(f"{name.replace('_', ' '):{width}}  {cell(value)}")

    def tree(self, tree: "Tree | Text", data: Any) -> None:
        """Show a tree, or a text in colours, to people, ``data`` to programs."""
        self._json(data) if self.as_json else self._print(tree)

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator["Progress"]:
        """Show how far a long task is, when somebody is looking."""
        if not sys.stderr.isatty():
            yield Progress()
            return
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with RichProgress(*columns, console=RichConsole(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield _Bar(bar, task)

    def _json(self, data: Any) -> None:
        print(json.dumps(data, ensure_ascii=False, indent=2, default=_plain))

    def _print(self, thing: Any) -> None:
        if isinstance(thing, str):
            print(thing)
            return
        from rich.console import Console as RichConsole

        # A table in a file or a pipe is as wide as it needs to be: cutting addresses off would make it useless.
        RichConsole(width=None if sys.stdout.isatty() else 400, highlight=False, markup=False).print(thing)


class Progress:
    """Counts steps of a long task; this one shows nothing."""

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more."""


class _Bar(Progress):
    def __init__(self, bar: Any, task: Any) -> None:
        self._bar = bar
        self._task = task

    def advance(self, steps: int = 1) -> None:
        self._bar.advance(self._task, steps)


def cell(value: Any) -> str:
    """Put a value into a few words."""
    match value:
        case bool():
            return "yes" if value else "no"
        case None | "":
            return "-"
        case dict() | list() if not value:
            return "-"
        case dict():
            return ", ".join(f"{name}={one}" for name, one in value.items())
        case list() | tuple() | set():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset | tuple):
        return sorted(value)
    return int(value) if value == int(value) else float(value)
