"""Messages: find one by mailbox, sender, SES id, Message-ID, outcome and time."""

import json
from datetime import datetime
from urllib.parse import urlencode

import typer
from mailroom.statuses import Status
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mailroomctl.errors import CommandError
from mailroomctl.times import iso, parse_moment
from mailroomctl.web import facts, newest
from mailroomctl.web.context import Context
from mailroomctl.web.newest import Question
from mailroomctl.web.rendering import render

_TEXTS = ("message_id", "mailbox", "sender", "rfc_message_id", "status", "since", "until")
_CHOICES = [status for status in Status if status not in (Status.DUPLICATE, Status.BOUNCED, Status.BOUNCE_FAILED)]


def page(request: Request) -> Response:
    """Show the form, and below what it asks for."""
    asked = {name: request.query_params.get(name, "").strip() for name in _TEXTS}
    if asked["message_id"]:
        return RedirectResponse(f"/messages/{asked['message_id']}", 303)
    return render(request, "messages.html", asked=asked, statuses=_CHOICES, query=urlencode(_given(asked)))


def rows(request: Request) -> Response:
    """Show a page of rows, and a link to those before."""
    context: Context = request.app.state.context
    context.prepare()
    asked = {name: request.query_params.get(name, "").strip() for name in _TEXTS}
    start = request.query_params.get("start")
    page = newest.find(context, _question(asked), json.loads(start) if start else None)
    onward = _given(asked)
    if page.older:
        onward["until"] = iso(page.older.until) if page.older.until else ""
    messages = [facts.rows(records) for records in newest.by_message(page.records)]
    return render(
        request,
        "part_rows.html",
        messages=messages,
        page=page,
        more=urlencode(onward) if page.older else "",
        go_on=urlencode(onward | {"start": json.dumps(page.key)}) if page.key else "",
        first=not start,
    )


def _given(asked: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if value}


def _question(asked: dict[str, str]) -> Question:
    texts = {name: asked[name] for name in ("message_id", "mailbox", "sender", "rfc_message_id", "status")}
    return Question(**texts, since=_moment(asked["since"]), until=_moment(asked["until"]))


def _moment(text: str) -> datetime | None:
    try:
        return parse_moment(text) if text else None
    except typer.BadParameter as error:
        raise CommandError(error.message) from None


ROUTES = [Route("/messages", page), Route("/messages/rows", rows)]
