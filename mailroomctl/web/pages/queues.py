"""Queues and holds: what is parked, given up, held and in quarantine, with the reason and what can be done."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailroomctl.commands import dead_letters, held, parked, quarantine
from mailroomctl.web.commands import run
from mailroomctl.web.context import Context
from mailroomctl.web.rendering import render


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of events, its commands, and the actions of ``pages.actions`` for one and for all of it."""

    title: str
    says: str
    list_all: Callable[..., None]
    show: Callable[..., None]
    actions: tuple[tuple[str, str], ...]


QUEUES = {
    "parked": Queue(
        "Parked events",
        "Events that can never work as they are, with the reason. Fix the cause, then run them again.",
        parked.list_all,
        parked.show_one,
        (("replay-parked", "Run again"), ("delete-parked", "Delete")),
    ),
    "dead-letters": Queue(
        "Dead letters",
        "Mail that the inbound queue gave up after all its attempts. Fix the cause, then move it back.",
        dead_letters.list_all,
        dead_letters.show_one,
        (("redrive", "Move back"),),
    ),
}


def page(request: Request) -> Response:
    """Answer at once; each part is asked for by itself."""
    return render(request, "queues.html", queues=QUEUES)


def queue(request: Request) -> Response:
    """List one queue."""
    name, found = _queue(request)
    result = run(found.list_all, _stack(request))
    return render(request, "part_queue.html", name=name, queue=found, result=result)


def event(request: Request) -> Response:
    """Show one event of a queue in full."""
    name, found = _queue(request)
    result = run(found.show, _stack(request), which=request.path_params["id"])
    data: dict[str, Any] = result.data or {}
    text = json.dumps(data.get("event"), ensure_ascii=False, indent=2)
    return render(request, "event.html", name=name, queue=found, result=result, data=data, event=text)


def held_mail(request: Request) -> Response:
    """List the entries that hold mail."""
    return render(request, "part_held.html", result=run(held.list_all, _stack(request)))


def quarantined(request: Request) -> Response:
    """List what policies hold back."""
    return render(request, "part_quarantine.html", result=run(quarantine.list_all, _stack(request)))


def _stack(request: Request) -> Any:
    context: Context = request.app.state.context
    context.prepare()
    return context.stack


def _queue(request: Request) -> tuple[str, Queue]:
    name = request.path_params["name"]
    if name not in QUEUES:
        raise HTTPException(404)
    return name, QUEUES[name]


ROUTES = [
    Route("/queues", page),
    Route("/queues/held", held_mail),
    Route("/queues/quarantine", quarantined),
    Route("/queues/{name}", queue),
    Route("/queues/{name}/{id}", event),
]
