"""The option ``--limit`` of lists that take a few calls, and what to say where such a list ends."""

from typing import Annotated

import typer

from mailroomctl.console import Console
from mailroomctl.deliveries.ids import short_id
from mailroomctl.deliveries.search import Found

Limit = Annotated[int, typer.Option(help="Show at most so many; a larger number also looks further back.", min=1)]


def say_what_is_left(console: Console, found: Found, limit: int) -> None:
    """Say how to go on, if that is all that was shown."""
    if found.partial and found.records:
        message_id = short_id(found.records[-1]["message_id"])
        console.warn(f"not every recipient of the last message is shown: mailroomctl trace {message_id} shows them")
    if found.unseen:
        where = f"looked back to {found.older}"
        console.warn(f"{where}: --until {found.older} goes on from there, and a larger --limit looks further at once")
    elif found.older:
        console.warn(f"there are more than these: --until {found.older} goes on from there")
    elif found.more:
        console.warn(f"there are more than {limit}: use --since, --until or --limit")
