"""Templates, and how values are shown in them."""

import time
import unicodedata
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from mailroomctl.console import cell
from mailroomctl.times import age
from mailroomctl.version import VERSION
from mailroomctl.web import facts
from mailroomctl.web.context import Context
from mailroomctl.web.security import Gate

_SHORT_ID = 12

#: Pages of the navigation: address, name, key.
PAGES = (
    ("/", "Overview", "o"),
    ("/messages", "Messages", "m"),
    ("/queues", "Queues and holds", "q"),
    ("/directory", "Directory", "d"),
    ("/inbox", "Inbox", "i"),
)


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Answer with a page or a part of one."""
    context: Context = request.app.state.context
    shown = {
        "pages": PAGES,
        "here": request.url.path,
        "stack_name": context.stack.name,
        "embedded": context.embedded is not None,
        "mail_is_shown": context.mail_is_shown,
        "read_only": context.read_only,
        "token": Gate.token(request.scope["session"]),
        "version": VERSION,
    }
    return HTMLResponse(environment().get_template(template).render(shown | values), status)


@cache
def environment() -> Environment:
    """The templates; everything put into them is escaped."""
    found = Environment(
        loader=PackageLoader("mailroomctl.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "cell": lambda value: visible(cell(value)),
        "visible": visible,
        "when": when,
        "ago": ago,
        "short": lambda text: text[:_SHORT_ID],
        "took": took,
        "size": size,
        "columns": lambda name: name.replace("_", " "),
    }
    found.globals |= {"sign": facts.sign}
    return found


def visible(text: object) -> str:
    """Show what would play tricks: control characters, and those that turn the direction of writing."""
    return "".join(
        one
        if one in " \n" or unicodedata.category(one) not in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
        else "\N{REPLACEMENT CHARACTER}"
        for one in str(text)
    )


def when(moment: object) -> str:
    """Write a point in time to the second, in UTC."""
    if not moment:
        return "-"
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            return visible(moment)
    assert isinstance(moment, datetime)
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def ago(seconds: float) -> str:
    """Say how long ago a point in time was; in epoch seconds."""
    return f"{age(time.time() - seconds)} ago"


def took(seconds: float | None) -> str:
    """Write a short time."""
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def size(octets: Any) -> str:
    """Write a number of octets."""
    number = float(octets or 0)
    for unit in ("B", "KB", "MB"):
        if number < 1000 or unit == "MB":
            return f"{number:.0f} {unit}" if unit == "B" or number >= 10 else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError
