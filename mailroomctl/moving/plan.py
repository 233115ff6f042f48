"""Which source goes to which mailbox: one, or a file with many."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mailroomctl.errors import CommandError


class Move(NamedTuple):
    """One source and its mailbox."""

    source: str
    address: str
    path: str | None
    """Of the Maildir below the mail root; None to ask the directory."""


def read_map(file: Path) -> list[Move]:
    """Read lines ``SOURCE,MAILBOX`` or ``SOURCE,MAILBOX,PATH`` of CSV; sources are relative to the file.

    Raises ``CommandError`` that names every line that is wrong, before anything is imported.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{file}: {getattr(error, 'strerror', None) or error}.") from None
    moves: list[Move] = []
    wrong: list[str] = []
    for number, line in enumerate(lines, start=1):
        fields = [one.strip() for one in line]
        if not any(fields) or fields[0].startswith("#"):
            continue
        if [one.lower() for one in fields[:2]] == ["source", "mailbox"]:
            continue
        if len(fields) not in (2, 3) or not all(fields[:2]):
            wrong.append(f"line {number} is not SOURCE,MAILBOX or SOURCE,MAILBOX,PATH")
            continue
        source = file.parent / fields[0]
        if not source.exists():
            wrong.append(f"line {number}: there is no {source}")
        moves.append(Move(str(source), fields[1], (fields[2:] or [""])[0] or None))
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise CommandError(f"{file}: {'; '.join(wrong[:5])}{more}.")
    if not moves:
        raise CommandError(f"{file} names no source.")
    return moves


def refuse_own_mailbox(source: str, mail_root: Path, paths: Iterable[str]) -> None:
    """Raise ``CommandError`` for a source that holds the mailbox, or lies in it: it would read what it writes."""
    there = os.path.realpath(source)
    for path in paths:
        mailbox = os.path.realpath(mail_root / path)
        if os.path.commonpath([there, mailbox]) in (there, mailbox):
            raise CommandError(f"{source} is the mailbox itself, holds it, or lies in it.")
