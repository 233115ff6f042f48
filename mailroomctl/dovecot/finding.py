"""What a rule says of a configuration, and what the rules know of this layout."""

from collections.abc import Sequence
from dataclasses import dataclass

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something to change. An ``error`` loses or hides mail; a ``warning`` slows it, shows it late or to others."""

    severity: str
    setting: str
    text: str
    fix: str
    """The line, or the lines, for ``dovecot.conf``."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the configuration has to fit."""

    folder: str = "Maildir"
    """The Maildir in a home (``maildir_in_home``); empty where the home is the Maildir."""
    junk_folders: Sequence[str] = ("Junk",)
