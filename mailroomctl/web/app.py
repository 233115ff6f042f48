"""Which page answers which address."""

from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from mailroom.errors import MailroomError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from mailroomctl.errors import CommandError
from mailroomctl.web.commands import explained
from mailroomctl.web.context import Context
from mailroomctl.web.pages import actions, directory, edits, inbox, jobs, message, messages, overview, queues, send
from mailroomctl.web.rendering import render
from mailroomctl.web.security import App, Gate, Guard

_ROOMS = (overview, messages, message, actions, jobs, queues, directory, edits, inbox, send)


def make_app(context: Context, gate: Gate) -> App:
    """Return the console behind its guard."""
    routes: list[BaseRoute] = [route for room in _ROOMS for route in room.ROUTES]
    routes.append(Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")))
    app = Starlette(
        routes=routes,
        exception_handlers={
            CommandError: _mistake,
            MailroomError: _mistake,
            ClientError: _mistake,
            BotoCoreError: _mistake,
            HTTPException: _refused,
            Exception: _unforeseen,
        },
    )
    app.state.context = context
    return Guard(app, gate)


def _mistake(request: Request, error: Exception) -> Response:
    """What can be explained is no accident: AWS does not answer, or the stack is not there."""
    return render(request, _template(request), 502, title="This did not work", error=explained(error))


def _refused(request: Request, error: Exception) -> Response:
    """An address that is none of the console's, or is none now; the reason says why, where there is more to say."""
    assert isinstance(error, HTTPException)
    title = "There is no such page" if error.status_code == 404 else "This cannot be done here"
    usual = HTTPException(error.status_code).detail
    reason = error.detail if error.detail != usual else f"{request.url.path}: {usual}"
    return render(request, _template(request), error.status_code, title=title, error=reason)


def _unforeseen(request: Request, error: Exception) -> Response:
    """A fault of the console's own: the page names it, what it was about is in the log only."""
    return render(request, _template(request), 500, title="This went wrong", error=explained(error))


def _template(request: Request) -> str:
    """A part of a page takes a part."""
    return "part_error.html" if request.headers.get("hx-request") else "error.html"
