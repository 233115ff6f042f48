"""Which page answers which address."""

from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from mailroom.errors import MailroomError
from starlette.applications import Starlette
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
            404: _not_found,
        },
    )
    app.state.context = context
    return Guard(app, gate)


def _mistake(request: Request, error: Exception) -> Response:
    """What can be explained is no accident: AWS does not answer, or the stack is not there."""
    return render(request, _template(request), 502, title="This did not work", error=explained(error))


def _not_found(request: Request, error: Exception) -> Response:
    return render(request, _template(request), 404, title="There is no such page", error=request.url.path)


def _template(request: Request) -> str:
    """A part of a page takes a part."""
    return "part_error.html" if request.headers.get("hx-request") else "error.html"
