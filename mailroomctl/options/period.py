"""The options ``--since`` and ``--until``, the same on several commands."""

from datetime import datetime
from typing import Annotated

import typer

from mailroomctl.times import parse_moment

SINCE = typer.Option(
    parser=parse_moment,
    metavar="WHEN",
    help="Only received since: an age such as 2d, or a date (UTC).",
    show_default=False,
)
UNTIL = typer.Option(parser=parse_moment, metavar="WHEN", help="Only received until.", show_default=False)

Since = Annotated[datetime | None, SINCE]
Until = Annotated[datetime | None, UNTIL]
