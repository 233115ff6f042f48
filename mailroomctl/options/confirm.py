"""Ask before what cannot be taken back; ``--yes`` for programs."""

import sys
from typing import Annotated

import typer

from mailroomctl.errors import CommandError

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def confirm(question: str, *, yes: bool, otherwise: str) -> None:
    """Return when the answer is yes. Raises ``CommandError`` else, and where nobody can be asked.

    ``question`` ends with a question mark, and ``otherwise`` says what was not done.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{question.removesuffix('?')}: add --yes to do that without being asked.")
    if not typer.confirm(question, err=True):
        raise CommandError(otherwise)
