"""Messages: find one by mailbox, sender, SES id, Message-ID, outcome and time."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import typer
from mailroom.addresses import parse
from mailroom.errors import InvalidAddress
from mailroom.statuses import Status
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mailroomctl.deliveries.indexes import Period
from mailroomctl.errors import CommandError
from mailroomctl.times import iso, parse_moment
from mailroomctl.web import facts, newest
from mailroomctl.web.context import Context
from mailroomctl.web.newest import Question
from mailroomctl.web.rendering import render

_TEXTS = ("message_id", "mailbox", "sender", "rfc_message_id", "status", "since", "until")
#: Nothing is on record before or after; further times than these cannot be counted with.
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_CHOICES = [status for status in Status if status not in (Status.DUPLICATE, Status.BOUNCED, Status.BOUNCE_FAILED)]


def page(request: Request) -> Response:
    """Show the form, and below what it asks for."""
    asked = {name: request.query_params.get(name, "").strip() for name in _TEXTS}
    if asked["message_id"]:
        return RedirectResponse(f"/messages/{quote(asked['message_id'], safe='')}", 303)
    return render(request, "messages.html", asked=asked, statuses=_CHOICES, query=urlencode(_given(asked)))


def rows(request: Request) -> Response:
    """Show a page of rows, and a link to those before."""
    context: Context = request.app.state.context
    context.prepare()
    asked = {name: request.query_params.get(name, "").strip() for name in _TEXTS}
    start = request.query_params.get("start")
    page = newest.find(context, _question(asked), _key(start) if start else None)
    if asked["mailbox"] and not page.records:
        _refuse_no_address(asked["mailbox"])
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


def _refuse_no_address(mailbox: str) -> None:
    """A recipient that is no address may be on record; where nothing is, it was most likely a mistake."""
    try:
        parse(mailbox)
    except InvalidAddress as error:
        raise CommandError(f"{mailbox!r} is not an address, and nothing is on record under it: {error}.") from None


def _question(asked: dict[str, str]) -> Question:
    texts = {name: asked[name] for name in ("message_id", "mailbox", "sender", "rfc_message_id", "status")}
    if asked["status"] and asked["status"] not in Status:
        raise CommandError(f"there is no outcome {asked['status']}: it is one of {', '.join(_CHOICES)}.")
    period = Period(moment(asked["since"]), moment(asked["until"]))
    period.check()
    return Question(**texts, since=period.since, until=period.until)


def _key(text: str) -> dict[str, Any]:
    """Read where a search goes on, as this page has written it."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CommandError("this address does not say where the search goes on: begin it again.")
    return found


def moment(text: str) -> datetime | None:
    """Read a point in time of a form; empty is none. Raises ``CommandError`` for what is no time."""
    try:
        return min(max(parse_moment(text), _FIRST), _LAST) if text else None
    except typer.BadParameter as error:
        raise CommandError(error.message) from None


ROUTES = [Route("/messages", page), Route("/messages/rows", rows)]
