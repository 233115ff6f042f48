"""Writes workflow files in their one layout: lines filled to 120 columns, so that a whole state is seen at once.

``python -m tools.format_asl FILE…`` rewrites the files, ``--check`` only names those that are laid out otherwise. The
value of a file never changes. What fits into one line stands on one. Of what does not, short values share lines; an
object always begins a line of its own, so that names of states stand at the left, and so does a comment, to be read.

Our own, because ``json.dumps`` knows only one item per line or everything on one, and the libraries that fill lines
are archived or need another language's runtime.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

WIDTH = 120
INDENT = 2


def formatted(text: str) -> str:
    """Give the text of a workflow file in the one layout.

    Raises ``ValueError`` where ``text`` is not JSON, or an object names a key twice: JSON would drop the first.
    """
    return "\n".join(_lines("", json.loads(text, object_pairs_hook=_unique), "", depth=0)) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite or check files; the exit code is 1 when one is wrong."""
    parser = ArgumentParser(prog="format_asl", description="Lay out workflow files.")
    parser.add_argument("--check", action="store_true", help="name the files that are laid out otherwise, write none")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    return max([_process(path, check=options.check) for path in options.files])


def _process(path: Path, *, check: bool) -> int:
    try:
        text = path.read_text(encoding="utf-8")
        wanted = formatted(text)
    except (OSError, ValueError) as error:
        print(f"format_asl: {path}: {error}", file=sys.stderr)
        return 1
    if text == wanted:
        return 0
    if check:
        print(f"format_asl: {path} is laid out otherwise; run make format", file=sys.stderr)
        return 1
    path.write_text(wanted, encoding="utf-8")
    print(f"format_asl: {path} rewritten")
    return 0


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {name!r} stands twice in one object")
        found[name] = value
    return found


def _lines(before: str, value: Any, after: str, *, depth: int) -> list[str]:
    """Give the lines of ``value``, with the key and the comma that stand around it."""
    margin = " " * (INDENT * depth)
    line = f"{margin}{before}{_inline(value)}{after}"
    if len(line) <= WIDTH or not value or not isinstance(value, dict | list):
        return [line]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return [f"{margin}{before}{opening}", *_filled(value, depth + 1), f"{margin}{closing}{after}"]


def _filled(container: dict[str, Any] | list[Any], depth: int) -> list[str]:
    """Give the lines between the brackets of what does not fit into one line."""
    lines: list[str] = []
    open_line = False
    for key, item, comma in _items(container):
        own = _lines(key, item, comma, depth=depth)
        shares = key != '"Comment": ' and not _holds_objects(item) and len(own) == 1
        if shares and open_line and len(lines[-1]) + len(own[0].lstrip()) < WIDTH:
            lines[-1] += f" {own[0].lstrip()}"
        else:
            lines += own
        open_line = shares
    return lines


def _items(container: dict[str, Any] | list[Any]) -> Iterator[tuple[str, Any, str]]:
    """Give each item with its key, as it is written, and the comma after it."""
    last = len(container) - 1
    if isinstance(container, dict):
        for n, (key, item) in enumerate(container.items()):
            yield f"{_text(key)}: ", item, "," if n < last else ""
    else:
        for n, item in enumerate(container):
            yield "", item, "," if n < last else ""


def _holds_objects(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_holds_objects, value)))


def _inline(value: Any) -> str:
    if isinstance(value, dict) and value:
        return f"{{ {', '.join(f'{_text(key)}: {_inline(item)}' for key, item in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
