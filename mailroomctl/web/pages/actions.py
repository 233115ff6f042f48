"""What operators do about a message, a queue or the pipe: first a preview, then the same as the commands do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailroomctl.commands import dead_letters, held, parked, pipe, quarantine, replay
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack
from mailroomctl.web.commands import Result, run
from mailroomctl.web.context import Context
from mailroomctl.web.jobs import Job
from mailroomctl.web.pages import jobs
from mailroomctl.web.rendering import render

type Given = Mapping[str, Any]
type Step = Callable[[Stack, Job | None, Given], Result]


@dataclass(frozen=True, slots=True)
class Action:
    """``names`` are what it is given, those with a star as often as one likes; ``needs`` is the one that must be given.

    ``back`` is where one goes on.
    """

    title: str
    says: str
    button: str
    preview: Step
    act: Step
    names: tuple[str, ...] = ()
    needs: str = ""
    back: str = "/queues"


def _both(command: Callable[..., None], *, dry: str = "dry_run", **always: Any) -> tuple[Step, Step]:
    """Preview with the command's --dry-run, then act without."""

    def preview(stack: Stack, job: Job | None, given: Given) -> Result:
        return run(command, stack, job, **always, **given, **{dry: True})

    def act(stack: Stack, job: Job | None, given: Given) -> Result:
        return run(command, stack, job, **always, **given)

    return preview, act


def _quarantined(command: Callable[..., None]) -> tuple[Step, Step]:
    """Preview by showing the message, then act on it alone."""

    def show(stack: Stack, job: Job | None, given: Given) -> Result:
        result = run(quarantine.show, stack, job, message_id=given["message_id"])
        if isinstance(result.data, dict) and "deliveries" in result.data:
            result.rows = result.data["deliveries"]
            result.columns = ("mailbox", "recipients", "received_at", "verdict", "status")
        return result

    def act(stack: Stack, job: Job | None, given: Given) -> Result:
        return run(command, stack, job, message_ids=[given["message_id"]], mailbox=given["mailbox"], yes=True)

    return show, act


def _nothing(text: str) -> Step:
    return lambda stack, job, given: Result(text)


ACTIONS: Mapping[str, Action] = {
    "replay": Action(
        "Deliver again",
        "The workflow runs once more, from what is on record and the raw mail. Copies that are there stay as they are.",
        "Deliver again",
        *_both(replay.replay),
        names=("message_ids*", "recipient*"),
        needs="message_ids",
        back="/messages/{message_ids}",
    ),
    "replay-held": Action(
        "Deliver what is held",
        "What is held is delivered, once its cause is mended. What is still at fault stays held. Nobody gets a bounce.",
        "Deliver",
        *_both(replay.replay, held=True),
        names=("entry",),
    ),
    "discard": Action(
        "Give up what is held",
        "Nothing delivers it by itself then. The raw mail stays in the bucket until it expires.",
        "Give it up",
        *_both(held.discard, yes=True),
        names=("entry",),
        needs="entry",
    ),
    "give-up": Action(
        "Give up what can never be delivered",
        "Its raw mail is gone: nothing can deliver it. It ends as given up, and no list names it any more.",
        "Give it up",
        *_both(held.discard, yes=True),
        names=("message_ids*",),
        back="/messages/{message_ids}",
    ),
    "release": Action(
        "Release from quarantine",
        "The message is delivered to the inbox, although a policy has held it back.",
        "Release",
        *_quarantined(quarantine.release),
        names=("message_id", "mailbox*"),
        needs="message_id",
        back="/messages/{message_id}",
    ),
    "delete-quarantined": Action(
        "Delete from quarantine",
        "The message stays undelivered, and its copy in quarantine is deleted.",
        "Delete it",
        *_quarantined(quarantine.delete),
        names=("message_id", "mailbox*"),
        needs="message_id",
        back="/messages/{message_id}",
    ),
    "redrive": Action(
        "Move dead letters back",
        "They go into the inbound queue, for as many attempts as new mail gets. Correct the cause first.",
        "Move",
        *_both(dead_letters.redrive),
        names=("ids*", "everything", "message_id"),
    ),
    "replay-parked": Action(
        "Run parked events again",
        "An event leaves the queue only when its execution has succeeded.",
        "Run again",
        *_both(parked.replay),
        names=("ids*", "everything"),
    ),
    "delete-parked": Action(
        "Delete parked events",
        "They are gone for good. The raw mail stays in the bucket until it expires.",
        "Delete for good",
        *_both(parked.delete, yes=True),
        names=("ids*", "everything"),
    ),
    "stop-pipe": Action(
        "Stop the pipe",
        "Mail waits in the inbound queue, for up to 14 days, until you start the pipe: the storage breaker does not. It"
        " takes half a minute, and while deliveries fail up to 8 minutes, until nothing more is delivered.",
        "Stop the pipe",
        _nothing("the pipe would be stopped"),
        lambda stack, job, given: run(pipe.stop, stack, job),
        back="/",
    ),
    "start-pipe": Action(
        "Start the pipe",
        "What has waited is delivered. If the storage is still down, attempts are used up: look at it first.",
        "Start the pipe",
        _nothing("the pipe would be started"),
        lambda stack, job, given: run(pipe.start, stack, job),
        back="/",
    ),
}


def page(request: Request) -> Response:
    """Show what would be done."""
    context: Context = request.app.state.context
    context.prepare()
    action = _action(request)
    given = _given(action, request.query_params)
    result = action.preview(context.stack, None, given)
    fields = [(name, value) for name, value in request.query_params.multi_items() if value]
    back = _back(action, given)
    return render(request, "action.html", action=action, result=result, fields=fields, path=request.url.path, back=back)


async def act(request: Request) -> Response:
    """Begin to do it."""
    action = _action(request)
    given = _given(action, await request.form())
    context: Context = request.app.state.context

    def begin() -> Response:
        context.prepare()
        job = context.jobs.start(action.title, _back(action, given), lambda job: action.act(context.stack, job, given))
        return jobs.show(request, job)

    return await run_in_threadpool(begin)


def _action(request: Request) -> Action:
    found = ACTIONS.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return found


def _given(action: Action, params: QueryParams | FormData) -> dict[str, Any]:
    """Return what the action is given; what is empty counts as not given."""
    given: dict[str, Any] = {}
    for name in action.names:
        values = [str(value) for value in params.getlist(name.removesuffix("*")) if value]
        if name.endswith("*"):
            given[name[:-1]] = values or None
        elif name == "everything":
            given[name] = bool(values)
        elif values:
            given[name] = values[0]
    if action.needs and not given.get(action.needs):
        what = "entry" if action.needs == "entry" else "message"
        raise CommandError(f"this address does not say which {what} is meant: go back, and choose it there.")
    return given


def _back(action: Action, given: Given) -> str:
    names = {name: value[0] if isinstance(value, list) else value for name, value in given.items()}
    return action.back.format(**names)


ROUTES = [Route("/do/{name}", page), Route("/do/{name}", act, methods=["POST"])]
