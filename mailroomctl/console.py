"""What commands print: for people, or with ``--json`` one JSON document for programs."""

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mailroomctl.for_people import escaped, for_people

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

_MANY = 1000  # rows
_BETWEEN = 3  # characters between two columns
_NARROWEST = 4
_COLOURED = frozenset({"outcome", "status", "severity"})
_COLOURS = {
    "DELIVERED": "green",
    "FAILED": "red",
    "HELD": "red",
    "error": "red",
    "REJECTED": "yellow",
    "QUARANTINED": "yellow",
    "CLAIMED": "yellow",
    "warning": "yellow",
}

type Row = Mapping[str, Any]


class Console:
    """Writes results to standard output; progress and warnings to standard error, where they disturb no pipe."""

    def __init__(self, *, as_json: bool = False) -> None:
        """``as_json`` leaves only the data on standard output."""
        self.as_json = as_json

    def done(self, text: str, data: Any) -> None:
        """Say what a change did."""
        self._json(data) if self.as_json else self._print(text)

    @property
    def narrow(self) -> bool:
        """Whether a person looks, on a terminal of limited width; programs and files get whole values."""
        return sys.stdout.isatty()

    def say(self, text: str, colour: str = "", *, outcome: str = "") -> None:
        """Say a line of a longer answer to people; the words alone must do, a colour is only for the eye."""
        if self.as_json:
            return
        colour = colour or _COLOURS.get(outcome, "")
        if not colour:
            self._print(text)
            return
        from rich.text import Text

        self._print(Text(for_people(text), style=colour))

    def warn(self, text: str) -> None:
        """Say something that needs attention but stops nothing."""
        print(for_people(f"warning: {text}"), file=sys.stderr)

    def note(self, text: str) -> None:
        """Say something that is neither a result nor a warning."""
        print(for_people(text), file=sys.stderr)

    def table(
        self, columns: Sequence[str], rows: Iterable[Row], *, empty: str, uncut: Sequence[str] = (), wide: bool = False
    ) -> None:
        """Show rows of the same kind; ``empty`` is said when there are none.

        On a terminal the others make room for the columns ``uncut``, each row on one line; ``wide`` cuts nothing.
        """
        rows = list(rows)
        if self.as_json:
            self._json(rows)
        elif not rows:
            self._print(empty)
        elif wide or len(rows) > _MANY:
            self._plain_table(columns, rows)
        else:
            from rich import box
            from rich.table import Table

            table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
            widths = self._widths(columns, rows, uncut) if uncut else {}
            for column in columns:
                name = column.replace("_", " ")
                overflow: Any = "ellipsis" if uncut else "fold"
                table.add_column(name, no_wrap=bool(uncut), overflow=overflow, max_width=widths.get(column))
            for row in rows:
                table.add_row(*(_coloured(column, _cell(row.get(column))) for column in columns))
            self._print(table)

    def _widths(self, columns: Sequence[str], rows: list[Row], uncut: Sequence[str]) -> dict[str, int]:
        """Share what the columns ``uncut`` leave of a line among the others: what one does not need, the next has."""
        from rich.cells import cell_len

        needed = {name: max(len(name), *(cell_len(_cell(row.get(name))) for row in rows)) for name in columns}
        room = self._width() - _BETWEEN * len(columns) - sum(needed[name] for name in uncut)
        widths: dict[str, int] = {}
        left = sorted((name for name in columns if name not in uncut), key=needed.__getitem__)
        while left:
            name = left[0]
            widths[name] = max(_NARROWEST, min(needed[name], room // len(left)))
            room -= widths[name]
            left = left[1:]
        return widths

    def _plain_table(self, columns: Sequence[str], rows: list[Row]) -> None:
        """Align columns without rich's tables, which take a minute for 100,000 rows."""
        from rich.cells import cell_len

        cells = [[column.replace("_", " ") for column in columns]]
        cells += [[_cell(row.get(column)) for column in columns] for row in rows]
        widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        for line in cells:
            padded = (text + " " * (width - cell_len(text)) for text, width in zip(line, widths, strict=True))
            print("  ".join(padded).rstrip())

    def record(self, row: Row) -> None:
        """Show one thing with all its fields."""
        if self.as_json:
            self._json(row)
            return
        width = max(map(len, row), default=0)
        for name, value in row.items():
            self._print(f"{name.replace('_', ' '):{width}}  {_cell(value)}")

    def tree(self, tree: "Tree | Text", data: Any) -> None:
        """Show a tree, or a text in colours, to people, ``data`` to programs."""
        self._json(data) if self.as_json else self._print(_tree_for_people(tree))

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
        print(escaped(json.dumps(data, ensure_ascii=False, indent=2, default=_plain)))

    def _print(self, thing: Any) -> None:
        if isinstance(thing, str):
            print(for_people(thing))
            return
        from rich.console import Console as RichConsole

        RichConsole(width=self._width(), highlight=False, markup=False).print(thing)

    def _width(self) -> int:
        """A table in a file or a pipe is as wide as it needs to be: cutting addresses off would make it useless."""
        return shutil.get_terminal_size().columns if self.narrow else 400


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


def _coloured(column: str, text: str) -> Any:
    """Show good, bad and between in colour too, where the terminal has one and NO_COLOR is not set."""
    colour = _COLOURS.get(text.partition(" ")[0]) if column in _COLOURED else None
    if not colour:
        return text
    from rich.text import Text

    return Text(text, style=colour)


def _cell(value: Any) -> str:
    """A line of its own in a table: text as strangers wrote it may have several."""
    return for_people(cell(value)).replace("\n", " ")


def _tree_for_people(tree: "Tree | Text") -> "Tree | Text":
    """Change the labels of a tree; a text of a page has been written for people."""
    from rich.tree import Tree

    if isinstance(tree, Tree):
        tree.label = for_people(tree.label) if isinstance(tree.label, str) else tree.label
        for child in tree.children:
            _tree_for_people(child)
    return tree


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
