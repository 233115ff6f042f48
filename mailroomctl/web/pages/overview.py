"""The overview: does mail flow, what waits, what went wrong lately. It is sent again whenever it has changed."""

import asyncio
from collections.abc import AsyncIterator

from mailroom.statuses import Status
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from mailroomctl.errors import CommandError
from mailroomctl.web import facts, newest
from mailroomctl.web.commands import explained
from mailroomctl.web.context import Context
from mailroomctl.web.rendering import render
from mailroomctl.web.security import EVENTS

#: Seconds between two looks: of the embedded AWS, and of AWS, where each costs a little.
EMBEDDED, AWS = 2.0, 20.0
_PROBLEMS = 10
_SHOWN = (Status.DELIVERED, Status.QUARANTINED, Status.REJECTED, Status.HELD, Status.FAILED)


def page(request: Request) -> Response:
    """Answer at once; what AWS must be asked for comes after."""
    return render(request, "overview.html")


def part(request: Request) -> Response:
    """Answer with what is known now."""
    context: Context = request.app.state.context
    context.prepare()
    problems: list[dict[str, object]] = []
    for status in (Status.FAILED, Status.HELD):
        problems += facts.rows(newest.find(context, newest.Question(status=status)).records[:_PROBLEMS])
    problems.sort(key=lambda row: str(row["received_at"]), reverse=True)
    flow = facts.flow(context)
    return render(
        request,
        "part_overview.html",
        now=facts.now(context.stack),
        pipe=facts.pipe(context.stack),
        problems=problems[:_PROBLEMS],
        flow=flow,
        outcomes=[status for status in _SHOWN if any(one[status] for one in flow.counts)],
        totals={status: sum(one[status] for one in flow.counts) for status in _SHOWN},
    )


async def events(request: Request) -> Response:
    """Send the overview whenever it looks different."""
    context: Context = request.app.state.context
    seconds = EMBEDDED if context.embedded else AWS

    async def stream() -> AsyncIterator[str]:
        shown = ""
        while not await request.is_disconnected():
            text = await run_in_threadpool(_text, request)
            if text != shown:
                shown = text
                yield "event: overview\n" + "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
            else:
                yield ": nothing new\n\n"
            await asyncio.sleep(seconds)

    return StreamingResponse(stream(), media_type="text/event-stream")


def _text(request: Request) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = part(request)
    except (CommandError, ClientError, BotoCoreError) as error:
        answer = render(request, "part_error.html", title="The stack does not answer", error=explained(error))
    return bytes(answer.body).decode()


ROUTES = [Route("/", page), Route("/overview", part), Route(EVENTS, events)]
