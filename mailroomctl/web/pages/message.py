"""One message: the way it took through the workflow, and what became of it for each recipient."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError
from mailroom.errors import MailroomError
from mailroom.resolve.look_up import LookUp
from mailroom.statuses import Status
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from mailroomctl.deliveries.held import at_fault
from mailroomctl.deliveries.ids import full_id
from mailroomctl.deliveries.table import BOUNCE, DeliveriesTable, Record
from mailroomctl.errors import CommandError
from mailroomctl.web import execution_log, facts
from mailroomctl.web.advice import AGAIN, advise
from mailroomctl.web.commands import explained
from mailroomctl.web.context import Context
from mailroomctl.web.graph.inferred import infer_way
from mailroomctl.web.graph.machine import Machine
from mailroomctl.web.graph.picture import draw
from mailroomctl.web.graph.way import Visit, Way
from mailroomctl.web.rendering import render

_MOST = 25  # recipients whose rules are looked up


def page(request: Request) -> Response:
    """Show a message in full; at most eight calls."""
    context: Context = request.app.state.context
    context.prepare()
    stack, message_id = context.stack, request.path_params["message_id"]
    records = DeliveriesTable(stack).of_message(message_id)
    raw = facts.raw_mail(stack, message_id, records)
    if not records and raw.stored is None and (whole := full_id(stack, message_id)) != message_id:
        return RedirectResponse(f"/messages/{quote(whole, safe='')}", 303)
    machine = context.machine()
    ways, why_no_log = _ways(context, message_id, records)
    number = _number(request.query_params.get("execution"), len(ways))
    way = ways[number] if ways else infer_way(machine, records)
    names = sorted({*way.names.values(), *(one["mailbox"] for one in records if one["mailbox"] != BOUNCE)})
    chosen = request.query_params.get("for") or (names[0] if names else None)
    shown, looked_up = _rules(context, records)
    return render(
        request,
        "message.html",
        message_id=message_id,
        rows=facts.rows(records),
        advice_first=advise(message_id, records, shown, stored=raw.stored is not None),
        first=records[0] if records else {},
        raw=raw,
        ways=ways,
        number=number,
        way=way,
        why_no_log=why_no_log,
        chosen=chosen if chosen in names else None,
        names=names,
        picture=Markup(_picture(machine, way, chosen)),  # noqa: S704 - all text in it is escaped
        steps=_steps(way, chosen),
        rules=shown,
        rules_error=looked_up,
        can=_actions(records, raw.stored is not None),
    )


def _number(given: str | None, count: int) -> int:
    return min(int(given), max(count - 1, 0)) if given and given.isdecimal() else 0


def _ways(context: Context, message_id: str, records: Sequence[Record]) -> tuple[list[Way], str]:
    """Return the executions in the log, or why there are none."""
    try:
        ways = execution_log.ways_of(context.stack, message_id, records)
    except (ClientError, BotoCoreError) as error:
        return [], explained(error)
    return ways, "" if ways else "the execution log has nothing of this message: it is kept for a while only, or is off"


def _rules(context: Context, records: Sequence[Record]) -> tuple[dict[str, list[LookUp]], str]:
    """Return the look-ups from each recipient on, as the directory is now."""
    recipients = sorted({one for record in records for one in record.get("recipients", ())})[:_MOST]
    try:
        found = facts.rules_of(context.stack, recipients) if recipients else {}
    except (CommandError, MailroomError) as error:
        return {}, explained(error)
    rules: dict[str, list[LookUp]] = {}
    for recipient in recipients:
        pending, met = [recipient], dict[str, None]()
        while pending:
            name = pending.pop(0)
            if name in met or name not in found:
                continue
            met[name] = None
            pending += getattr(found[name].entry, "targets", ())
        rules[recipient] = [found[name] for name in met][:_MOST]
    return rules, ""


def _actions(records: Sequence[Record], stored: bool) -> dict[str, Any]:
    """Say what may be done besides what the advice names: as the commands would."""
    held = sorted({at_fault(one) for one in records if one["status"] == Status.HELD})
    failed = not records or any(one["status"] in (Status.FAILED, Status.CLAIMED) for one in records)
    named = any(one["status"] in AGAIN for one in records)
    return {
        "replay": stored and bool(records) and not named,
        "held": held,
        "redrive": failed,
        "given_up": not stored and failed and bool(records),
    }


def _picture(machine: Machine, way: Way, chosen: str | None) -> str:
    marks: dict[tuple[str, str], str] = {}
    taken: list[tuple[str, str, str]] = []
    chains = [("", way.visits), *((item[0], way.items[item]) for item in way.of(chosen))]
    running = way.source == "log" and way.end == "running"
    for scope, visits in chains:
        for number, visit in enumerate(visits):
            last = number == len(visits) - 1
            marks[scope, visit.state] = _mark(machine, scope, visit, unfinished=running and last)
            if not last:
                taken.append((scope, visit.state, visits[number + 1].state))
    return draw(machine, marks, taken, "The workflow, with the way of this message")


def _mark(machine: Machine, scope: str, visit: Visit, *, unfinished: bool) -> str:
    kinds = machine.inside[scope].kinds if scope in machine.inside else machine.kinds
    if visit.errors or kinds.get(visit.state) == "Fail":
        return "failed"
    return "now" if unfinished else "passed"


def _steps(way: Way, chosen: str | None) -> list[dict[str, Any]]:
    """Return the states in their order, those of the items below their Map."""
    steps: list[dict[str, Any]] = []
    for visit in way.visits:
        steps.append({"visit": visit, "whom": ""})
        for item in way.of(chosen):
            if item[0] == visit.state:
                steps += [
                    {"visit": one, "whom": way.names.get(item) or f"item {item[1] + 1}"} for one in way.items[item]
                ]
    return steps


ROUTES = [Route("/messages/{message_id}", page)]
