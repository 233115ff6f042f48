"""The overview: does mail flow, what waits, what went wrong lately. It is sent again whenever it has changed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from mailroom.statuses import Status
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from mailroomctl.errors import CommandError
from mailroomctl.queues.depth import QUEUES
from mailroomctl.web import facts, newest
from mailroomctl.web.commands import explained
from mailroomctl.web.context import Context
from mailroomctl.web.rendering import render
from mailroomctl.web.security import EVENTS

#: Seconds between two looks: of the embedded AWS, and of AWS, where each costs a little.
EMBEDDED, AWS = 2.0, 20.0
#: Seconds until a stream notices that the console ends.
_STEP = 0.25
_PROBLEMS = 10
_SHOWN = (Status.DELIVERED, Status.QUARANTINED, Status.REJECTED, Status.HELD, Status.FAILED)


def page(request: Request) -> Response:
    """Answer at once; what AWS must be asked for comes after."""
    return render(request, "overview.html")


def part(request: Request) -> Response:
    """Answer with what is known now. A part that AWS refuses says so; the others are shown all the same."""
    context: Context = request.app.state.context
    context.prepare()
    now = facts.now(context.stack)
    pipe, no_pipe = _tried(lambda: facts.pipe(context.stack))
    problems, no_problems = _tried(lambda: _problems(context))
    flow, no_flow = _tried(lambda: facts.flow(context))
    counts = flow.counts if flow else []
    return render(
        request,
        "part_overview.html",
        now=now,
        waits=_waits(now.data or {}),
        pipe=pipe,
        no_pipe=no_pipe,
        problems=problems,
        no_problems=no_problems,
        flow=flow,
        no_flow=no_flow,
        outcomes=[status for status in _SHOWN if any(one[status] for one in counts)],
        totals={status: sum(one[status] for one in counts) for status in _SHOWN},
        where=where,
    )


def _waits(known: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return what waits, from what ``mailroomctl status`` knows, each with its page."""
    for queue in known.get("queues", ()):
        name, address = QUEUES[queue["queue"]], _QUEUES.get(queue["queue"], "")
        yield {"name": name, "address": address} | {one: queue[one] for one in ("waiting", "in_flight", "days_left")}
    for name, address, groups in (
        ("held mail", "/queues#held", known.get("held")),
        ("quarantine", "/queues#quarantine", [one] if (one := known.get("quarantine")) else None),
    ):
        if groups is not None:
            left = [one["days_left"] for one in groups if one["days_left"] is not None]
            number = f"{sum(one['messages'] for one in groups)}{' or more' if any(map(_more, groups)) else ''}"
            yield {"name": name, "address": address, "waiting": number, "in_flight": "-"} | {
                "days_left": round(min(left), 2) if left else None
            }


def _more(group: Mapping[str, Any]) -> bool:
    return bool(group.get("more"))


_QUEUES = {"Parked": "/queues#parked", "DeadLetter": "/queues#dead-letters"}


def where(command: str) -> str:
    """Return the page that does what a command of ``mailroomctl status`` does; empty where there is none."""
    name = command.removeprefix("mailroomctl ").partition(" ")[0]
    return _WHERE.get(name, "") if command.startswith("mailroomctl ") else ""


_WHERE = {
    "held": "/queues#held",
    "parked": "/queues#parked",
    "dead-letters": "/queues#dead-letters",
    "quarantine": "/queues#quarantine",
    "pipe": "/do/start-pipe",
    "trace": f"/messages?status={Status.FAILED}",
}


def _problems(context: Context) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for status in (Status.FAILED, Status.HELD):
        found += facts.rows(newest.find(context, newest.Question(status=status)).records[:_PROBLEMS])
    found.sort(key=lambda row: str(row["received_at"]), reverse=True)
    return found[:_PROBLEMS]


def _tried[Fact](look: Callable[[], Fact]) -> tuple[Fact | None, str]:
    """Return what a look has found, or else why it found nothing."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return look(), ""
    except (CommandError, ClientError, BotoCoreError) as error:
        return None, explained(error)


async def events(request: Request) -> Response:
    """Send the overview whenever it looks different."""
    context: Context = request.app.state.context
    seconds = EMBEDDED if context.embedded else AWS

    async def stream() -> AsyncIterator[str]:
        shown = ""
        while not (context.ending() or await request.is_disconnected()):
            text = await run_in_threadpool(_text, request)
            if text != shown:
                shown = text
                yield "event: overview\n" + "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
            else:
                yield "event: same\ndata: -\n\n"
            for _ in range(round(seconds / _STEP)):
                if not context.ending():
                    await asyncio.sleep(_STEP)

    return StreamingResponse(stream(), media_type="text/event-stream")


def _text(request: Request) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = part(request)
    except (CommandError, ClientError, BotoCoreError) as error:
        answer = render(request, "part_error.html", title="The stack does not answer", error=explained(error))
    return bytes(answer.body).decode()


ROUTES = [Route("/", page), Route("/overview", part), Route(EVENTS, events)]
