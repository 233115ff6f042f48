"""Which source goes to which mailbox: one, or a file with many."""

import csv
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from mailroom.errors import MailroomError

from mailroomctl.errors import CommandError


class Move(NamedTuple):
    """One source and its mailbox, as somebody has asked for it."""

    source: str
    address: str
    path: str | None
    """Of the Maildir below the mail root; None to ask the directory."""
    line: int = 0
    """Of the file that says so."""


class Wrong(NamedTuple):
    """A line of the file that cannot be done."""

    line: int
    text: str

    def __str__(self) -> str:
        """Say where and what."""
        return f"line {self.line}: {self.text}"


class Target(NamedTuple):
    """The mailbox that a source goes to."""

    address: str
    path: str
    name: str
    """Under which imports remember what is there: it stays when the mailbox is renamed."""
    enabled: bool = True


def read_map(file: Path) -> tuple[list[Move], list[Wrong]]:
    """Read lines ``SOURCE,MAILBOX`` or ``SOURCE,MAILBOX,PATH`` of CSV; sources are relative to the file.

    Raises ``CommandError`` for a file that cannot be read as a whole, or that names no source.
    """
    moves: list[Move] = []
    wrong: list[Wrong] = []
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            for line in reader:
                _read_line(file.parent, reader.line_num, [one.strip() for one in line], moves, wrong)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{file}: {getattr(error, 'strerror', None) or error}.") from None
    if not moves and not wrong:
        raise CommandError(f"{file} names no source.")
    return moves, wrong


def _read_line(folder: Path, number: int, fields: list[str], moves: list[Move], wrong: list[Wrong]) -> None:
    if not any(fields) or fields[0].startswith("#") or [one.lower() for one in fields[:2]] == ["source", "mailbox"]:
        return
    if len(fields) not in (2, 3) or not all(fields[:2]):
        wrong.append(Wrong(number, "it is not SOURCE,MAILBOX or SOURCE,MAILBOX,PATH."))
        return
    source = folder / fields[0]
    if not source.exists():
        wrong.append(Wrong(number, f"there is no {source}."))
    moves.append(Move(str(source), fields[1], (fields[2:] or [""])[0] or None, number))


def targets(moves: Iterable[Move], find: Callable[[Move], Target], wrong: list[Wrong]) -> list[tuple[Move, Target]]:
    """Find the mailbox of every source; what cannot be found is added to ``wrong``."""
    found: list[tuple[Move, Target]] = []
    for move in moves:
        try:
            found.append((move, find(move)))
        except (CommandError, MailroomError) as error:
            if not move.line:
                raise
            wrong.append(Wrong(move.line, str(error)))
    wrong.sort()
    return found


def refuse_own_mailbox(source: str, mail_root: Path, paths: Iterable[str]) -> None:
    """Raise ``CommandError`` for a source that holds the mailbox, or lies in it: it would read what it writes."""
    there = os.path.realpath(source)
    for path in paths:
        mailbox = os.path.realpath(mail_root / path)
        if os.path.commonpath([there, mailbox]) in (there, mailbox):
            raise CommandError(f"{source} is the mailbox itself, holds it, or lies in it.")
