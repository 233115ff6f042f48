"""Which messages of a queue a command is about: ids, filters, or all."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import typer

from mailroomctl.addresses import normalised
from mailroomctl.errors import CommandError
from mailroomctl.options.sharing import Options, with_options
from mailroomctl.queues.messages import Waiting
from mailroomctl.times import parse_age

HELP_ID = "Id as in the list, its beginning, or an SES message id."

_PANEL = "Which messages"
_SHORTEST_ID = 4

_OPTIONS: Options = {
    "ids": (
        Annotated[
            list[str] | None,
            typer.Argument(metavar="ID", help=HELP_ID, show_default=False),
        ],
        None,
    ),
    "error": (
        Annotated[
            str | None, typer.Option(help="Only with this error, such as MessageMissing.", rich_help_panel=_PANEL)
        ],
        None,
    ),
    "message_id": (Annotated[str | None, typer.Option(help="Only this SES message id.", rich_help_panel=_PANEL)], None),
    "recipient": (
        Annotated[
            str | None, typer.Option(help="Only with this envelope recipient or mailbox.", rich_help_panel=_PANEL)
        ],
        None,
    ),
    "older_than": (
        Annotated[
            timedelta | None,
            typer.Option(parser=parse_age, metavar="AGE", help="Only older, such as 2h or 3d.", rich_help_panel=_PANEL),
        ],
        None,
    ),
    "newer_than": (
        Annotated[
            timedelta | None,
            typer.Option(parser=parse_age, metavar="AGE", help="Only newer, such as 30m.", rich_help_panel=_PANEL),
        ],
        None,
    ),
}
Limit = Annotated[
    int, typer.Option(help="Without ids and filters, list at most so many: a call for each ten of them.", min=1)
]
_ALL = Annotated[bool, typer.Option("--all", help="Every message of the queue.", rich_help_panel=_PANEL)]


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user has said; everything that is given must hold."""

    ids: Sequence[str] = ()
    error: str | None = None
    message_id: str | None = None
    recipient: str | None = None
    older_than: timedelta | None = None
    newer_than: timedelta | None = None
    everything: bool = False

    @property
    def filtered(self) -> bool:
        """Whether anything narrows the choice."""
        return bool(self.ids or self.error or self.message_id or self.recipient or self.older_than or self.newer_than)

    def check(self) -> None:
        """Make sure that a command which changes something was told what. Raises ``CommandError``."""
        if self.everything and self.filtered:
            raise CommandError("--all means every message: leave it out, or the ids and filters.")
        if not self.everything and not self.filtered:
            raise CommandError("say which messages: ids as in the list, filters such as --error, or --all.")

    def choose(self, waiting: Sequence[Waiting]) -> list[Waiting]:
        """Return the messages meant, in their order. Raises ``CommandError`` for an id that names none, or several."""
        named = {one.message.id for text in self.ids for one in _named(text, waiting)}
        return [one for one in waiting if (not self.ids or one.message.id in named) and self._holds(one)]

    def _holds(self, one: Waiting) -> bool:
        seconds = time.time() - one.message.sent_at
        return (
            (self.error is None or self.error in one.errors)
            and (self.message_id is None or self.message_id == one.message_id)
            and (self.recipient is None or normalised(self.recipient) in one.addresses)
            and (self.older_than is None or seconds > self.older_than.total_seconds())
            and (self.newer_than is None or seconds < self.newer_than.total_seconds())
        )


def selecting(*, all_of_it: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn a function's parameter ``selection`` into the ids and filters, and with ``all_of_it`` the option --all."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        def call(given: dict[str, Any], values: dict[str, Any]) -> None:
            selection = Selection(**given | {"ids": tuple(given["ids"] or ())})
            if all_of_it:
                selection.check()
            function(selection=selection, **values)

        offered = {**_OPTIONS, "everything": (_ALL, False)} if all_of_it else _OPTIONS
        return with_options(function, offered, call, instead_of=("selection",), first=True)

    return decorate


def _named(text: str, waiting: Sequence[Waiting]) -> list[Waiting]:
    found = [one for one in waiting if text in (one.message.id, one.message_id)]
    if not found and len(text) < _SHORTEST_ID:
        raise CommandError(f"{text} is too short: write at least {_SHORTEST_ID} characters of an id.")
    if not found:
        found = [one for one in waiting if one.message.id.startswith(text)]
        found = found or [one for one in waiting if str(one.message_id or "").startswith(text)]
        if len({one.message_id or one.message.id for one in found}) > 1:
            names = ", ".join(one.message.id[:12] for one in found[:5])
            raise CommandError(f"{text} is the beginning of {len(found)} ids: {names}. Write more of it.")
    if not found:
        raise CommandError(f"{text} is not in the queue: list shows what is; it may be in flight to another reader.")
    return found
