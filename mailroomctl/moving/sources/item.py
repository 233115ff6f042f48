"""What a source gives: messages, what looked like one and cannot be read, and what is no mail."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, NamedTuple, Protocol

from mailroomctl.moving.content import Content
from mailroomctl.moving.folders import Levels
from mailroomctl.moving.headers import Headers


@dataclass(slots=True)
class Message:
    """One message; whoever takes it closes ``content``."""

    where: str
    """For people: file, and number in it."""
    folder: Levels
    content: Content
    headers: Headers
    flags: str | None = None
    """Of ``DFRST``, as in a Maildir; None where the source says nothing."""
    keywords: tuple[str, ...] = ()
    own_date: float | None = None
    """The source's date, seconds since 1970."""
    otherwise: float = 0
    """A date to take when there is no better one."""
    scope: str = ""
    """Equal messages count as several only within one scope."""


class SetAside(NamedTuple):
    """A message, or what may be one, that cannot be read."""

    where: str
    reason: str


class NoMail(NamedTuple):
    """A file of another kind."""

    where: str
    reason: str


type Item = Message | SetAside | NoMail


class Quoting(StrEnum):
    """What to make of ``>From `` at the beginning of a line in an mbox."""

    RD = "rd"
    """mboxrd: one ``>`` less, however many there are."""
    O = "o"  # noqa: E741 - the format's name
    """mboxo: ``>From `` becomes ``From ``, ``>>From `` stays."""
    NONE = "none"
    """Nothing is quoted."""


class Calendar(StrEnum):
    """What to make of calendar items among ``.eml`` files."""

    FOLDER = "folder"
    """They go to a folder of their own."""
    LEAVE_OUT = "leave-out"
    KEEP = "keep"
    """They stay in the folder in which they lie."""


@dataclass(slots=True)
class Reading:
    """How to read."""

    quoting: Quoting = Quoting.RD
    calendar: Calendar = Calendar.FOLDER
    label: Callable[[str], str] = str
    """Translates one of Gmail's labels."""
    keywords: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)
    """Names of keywords by letter, for each Maildir that has been met."""


class Unreadable(Exception):  # noqa: N818 - an event: one message is set aside, the import goes on
    """A file of the source cannot be read; the text is the reason."""


class SourceBroken(Exception):  # noqa: N818 - what was read before it counts
    """The source cannot be read any further; the text is the reason."""


class Entry(NamedTuple):
    """A file of a source."""

    path: tuple[str, ...]
    """The names on the way to it; empty when the source is this one file."""
    where: str
    open: Callable[[], IO[bytes]]
    """Raises ``Unreadable`` or OSError."""
    modified: float | None
    """When it was changed, where that is known for sure."""
    otherwise: float
    problem: str | None = None
    """Why it cannot be read at all."""


class Source(Protocol):
    """Something that messages come out of, once."""

    total: int | None
    """How large it is, in units of ``position``; None when that is not known."""

    def position(self) -> int:
        """How much of it has been read."""

    def items(self) -> Iterator[Item]:
        """All that is in it. Raises ``SourceBroken``."""

    def close(self) -> None:
        """Give back what is open."""


def shown(path: tuple[str, ...] | list[str]) -> str:
    """A path for people, without what a terminal would take for a command."""
    return "".join(one if one.isprintable() else "?" for one in "/".join(path))
