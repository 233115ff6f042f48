"""The password file: who logs in under which name, with which hash. It stays with the user, never in the directory.

CSV with two or three columns: the address as its user spells it, the hash (``{SCHEME}…``, as ``doveadm pw`` prints it),
and, where somebody wants one, another name to log in with.
"""

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from mailroom.addresses import parse
from mailroom.errors import InvalidAddress

from mailroomctl.console import Progress
from mailroomctl.dovecot.files import replace_file
from mailroomctl.dovecot.spellings import listable
from mailroomctl.errors import CommandError

_HASH = re.compile(r"\{([A-Za-z0-9.-]+)\}[^\s:]+")
_NO_HASHES = {"PLAIN", "CLEAR", "CLEARTEXT", "PLAIN-TRUNC"}

# Argon2id at OWASP's first recommendation: 19 MiB, two passes, one lane. Dovecot checks a password in the process that
# serves all logins; doveadm's own 64 MiB would let 1,000 clients that come back at once wait for minutes.
_MEMORY_KIB = 19 * 1024
_PASSES = 2


@dataclass(frozen=True, slots=True)
class Password:
    """One line of the file."""

    spelling: str
    """The address as its user writes it."""
    secret: str
    """The hash with its scheme; a password in the file of ``--set-passwords``."""
    login: str = ""
    """Another name to log in with; empty for none."""


def read_hashes(file: Path) -> list[Password]:
    """Read a password file; raises ``CommandError`` with the line that is wrong."""
    with _open(file) as stream:
        rows = list(_rows(stream, file.name))
    for number, one in rows:
        found = _HASH.fullmatch(one.secret)
        if not found or found[1].upper() in _NO_HASHES:
            raise CommandError(
                f"{file.name}, line {number}: the second column is no hash with its scheme, such as"
                " {ARGON2ID}$argon2id…; make hashes from passwords with --set-passwords."
            )
    return [one for _, one in rows]


def read_passwords(stream: TextIO, name: str) -> list[Password]:
    """Read passwords that are to be hashed; raises ``CommandError`` with the line that is wrong, never a password."""
    rows = list(_rows(stream, name))
    for number, one in rows:
        if not one.secret:
            raise CommandError(f"{name}, line {number}: the password is empty.")
        if _HASH.fullmatch(one.secret) and one.secret.startswith("{ARGON2ID}"):
            raise CommandError(f"{name}, line {number}: that is a hash already; it belongs into the password file.")
    return [one for _, one in rows]


def hashed(passwords: list[Password], progress: Progress) -> list[Password]:
    """Return the same lines with hashes; takes some 30 ms of a processor for each."""
    from argon2 import PasswordHasher

    hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1)

    def one(password: Password) -> Password:
        made = Password(password.spelling, f"{{ARGON2ID}}{hasher.hash(password.secret)}", password.login)
        progress.advance()
        return made

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, passwords))


def merged(present: Iterable[Password], new: Iterable[Password]) -> list[Password]:
    """Return the lines of a password file after new ones: a line of the same spelling and name is replaced in place."""
    lines = {(one.spelling, one.login): one for one in present}
    lines.update({(one.spelling, one.login): one for one in new})
    return list(lines.values())


def write_hashes(file: Path, passwords: Iterable[Password]) -> None:
    """Write a password file, for its owner alone unless it was there with other permissions."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [one.spelling, one.secret, *([one.login] if one.login else [])] for one in passwords
    )
    replace_file(file, text.getvalue(), mode=0o600)


def _open(file: Path) -> TextIO:
    try:
        return file.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}.") from None


def _rows(stream: TextIO, name: str) -> Iterator[tuple[int, Password]]:
    seen: dict[tuple[str, str], int] = {}
    reader = csv.reader(stream, strict=True)
    try:
        for row in reader:
            if not row:
                continue
            number = reader.line_num
            if not 2 <= len(row) <= 3:
                raise CommandError(f"{name}, line {number}: a line has two or three columns: address, secret, name.")
            one = Password(row[0].strip(), row[1], row[2].strip() if len(row) == 3 else "")
            _check(one, f"{name}, line {number}")
            if (before := seen.setdefault((one.spelling, one.login), number)) != number:
                raise CommandError(f"{name}, line {number}: {one.spelling} is in line {before} already.")
            yield number, one
    except (csv.Error, UnicodeDecodeError) as error:
        raise CommandError(f"{name}, after line {reader.line_num}: not CSV in UTF-8: {error}.") from None


def _check(one: Password, where: str) -> None:
    try:
        parse(one.spelling)
    except InvalidAddress as error:
        raise CommandError(f"{where}: {one.spelling!r} is not an address: {error}.") from None
    if one.login and not listable(one.login):
        raise CommandError(f"{where}: nobody can log in as {one.login!r}: a name holds no colon and starts with no #.")
