"""docs/architecture.md, as data: its sections, tables, diagrams and samples."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[2] / "docs/architecture.md").read_text(encoding="utf-8")
OUTSIDE = "[*]"
"""Where a diagram's arrows begin and end, in Mermaid's own spelling."""

TIMES = {"never": 0, "once": 1, "twice": 2}
NOTHING = ("", "in the item")
"""Cells of a state that has no Retry or Catch of its own."""

type Arrow = tuple[str, str, str]
"""From, to, and why: empty, ``if`` for a choice's condition, or ``Catch`` with the errors."""


def section(title: str) -> str:
    """What stands between a heading and the next one, of whatever level."""
    ((_, text),) = [
        part for part in re.findall(r"^#+ (.+)\n((?:(?!^#).*\n?)*)", PAGE, re.MULTILINE) if part[0] == title
    ]
    return text


def tables(title: str) -> list[list[dict[str, str]]]:
    """The tables of a section, each a list of rows, each a mapping from the column's name to the cell."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", section(title), re.MULTILINE):
        head, _, *rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in block.strip().splitlines()]
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def code(cell: str) -> list[str]:
    """What a cell, or any text, writes as code."""
    return re.findall(r"`([^`]+)`", cell)


def samples(title: str) -> list[Any]:
    """The JSON of a section."""
    return [json.loads(text) for text in re.findall(r"^```json\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)]


def diagram(title: str) -> Counter[Arrow]:
    """The arrows of a section's state diagram; a line that is neither an arrow nor a name fails."""
    (text,) = re.findall(r"^```mermaid\nstateDiagram-v2\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)
    names, arrows = {}, Counter[Arrow]()
    for line in text.splitlines():
        if named := re.fullmatch(r' +state "(.+)" as (\w+)', line):
            names[named[2]] = named[1]
            continue
        arrow = re.fullmatch(r" +(\[\*\]|\w+) --> (\[\*\]|\w+)(?:: (.+))?", line)
        assert arrow, line
        source, target, label = arrow.groups(default="")
        why = label if label.startswith("Catch ") else "if" if label else ""
        arrows[names.get(source, source), names.get(target, target), why] += 1
    return arrows


def table_arrows(row: dict[str, str]) -> Counter[Arrow]:
    """The arrows that one row of a state table stands for."""
    arrows = Counter[Arrow]()
    for way in row["next"].split("; "):
        condition, _, target = way.rpartition(" → ")
        why = "if" if condition not in ("", "else") else ""
        arrows[row["state"], OUTSIDE if target == "end" else target, why] += 1
    if row["Catch"] not in NOTHING:
        for way in row["Catch"].split("; "):
            errors, _, target = way.partition(" → ")
            arrows[row["state"], target, f"Catch {', '.join(code(errors)) or _other(errors)}"] += 1
    return arrows


def table_retries(row: dict[str, str]) -> dict[str, int]:
    """How often each error is tried again, as one row of a state table says."""
    found: dict[str, int] = {}
    if row["retries"] not in NOTHING:
        for group in row["retries"].split("; "):
            ((often, errors),) = re.findall(r"^(never|once|twice|\d+ times) (.+)", group)
            most = TIMES[often] if often in TIMES else int(often.removesuffix(" times"))
            found |= dict.fromkeys(code(errors) or [_other(errors)], most)
    return found


def _other(errors: str) -> str:
    assert errors == "any other", errors
    return "States.ALL"
