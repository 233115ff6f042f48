"""``mailroomctl status``: whether mail flows now, and what an operator has to do."""

from typing import Any

import typer

from mailroomctl.console import Console
from mailroomctl.deliveries.held import Group
from mailroomctl.deliveries.raw_mail import days_left as days_of_raw_mail
from mailroomctl.flow.alarms import ALARM
from mailroomctl.flow.audits import Audit
from mailroomctl.flow.facts import StatusFacts, status_facts
from mailroomctl.flow.lately import Failing
from mailroomctl.flow.waiting import Quarantine, Queue
from mailroomctl.stack import Stack
from mailroomctl.times import age, iso
from mailroomctl.version import VERSION

_SHOWN = 10  # entries


def status(stack: Stack, console: Console) -> None:
    """Show whether mail flows now, what waits and for how long, and what to do.

    Exit code 1 when an operator is needed: the pipe does not run (or runs with an operator's mark); copies fail and
    none was delivered since, or one has failed twice; mail has waited for 15 minutes, is in the dead-letter queue or
    the parked queue, or is held; the last daily audit has found something; or an alarm rings that is about something
    else.

    The numbers of the queues are SQS's own, which are approximate and up to a minute old. The oldest message is at
    least so old, and has so many days left at most; of held mail, they are those until its raw mail expires.
    """
    facts = status_facts(stack)
    if console.as_json:
        console.record(_for_programs(stack, facts))
    else:
        _for_people(stack, console, facts)
    if facts.problems:
        raise typer.Exit(1)


def _for_people(stack: Stack, console: Console, facts: StatusFacts) -> None:
    last = _last(facts)
    if facts.flows:
        console.say(f"mail flows; {last}", "green")
    else:
        console.say(f"mail does not flow; {last}", "red")
    for problem in facts.problems:
        console.say(f"  {problem.text}", "red" if problem.stops_mail else "yellow")
        console.say(f"    {problem.command}")
    for text in facts.unknown:
        console.say(f"  not known: {text}", "yellow")
    console.say("")
    console.record(_summary(facts))
    console.table(
        ("queue", "waiting", "in_flight", "oldest", "days_left"), [_queue_row(one) for one in facts.queues], empty=""
    )
    if facts.attention and facts.attention.held:
        rows = [_held_row(stack, one) for one in facts.attention.held]
        more = [{"held_by": f"{len(rows) - _SHOWN} more entries"}] if len(rows) > _SHOWN else []
        console.table(("held_by", "messages", "oldest", "days_left"), [*rows[:_SHOWN], *more], empty="")


def _last(facts: StatusFacts) -> str:
    if not facts.last_delivery:
        return "no delivery is known"
    ago = age((facts.now - facts.last_delivery.at).total_seconds())
    return f"the last copy was delivered {'about ' if facts.last_delivery.about else ''}{ago} ago"


def _summary(facts: StatusFacts) -> dict[str, Any]:
    attention = facts.attention
    summary: dict[str, Any] = {"stack": _version(facts.stack_version), "pipe": str(facts.pipe)}
    if facts.next_probe:
        seconds = (facts.next_probe - facts.now).total_seconds()
        when = f"in {age(seconds)}, at {iso(facts.next_probe)}" if seconds > 0 else "now"
        summary["storage breaker"] = f"probes {when}"
    if attention:
        summary["failing"] = _failing(attention.failing) + (
            f"; {attention.stale} met no attempt for an hour" if attention.stale else ""
        )
        summary["last hour"] = f"{attention.rejected_last_hour} rejected, {attention.held_last_hour} held"
    if facts.quarantine:
        summary["quarantine"] = _quarantine(facts.quarantine)
    if facts.audit:
        summary["audit"] = _audit(facts.audit)
    if facts.alarms is not None:
        ringing = [f"{one.name} since {one.since}" for one in facts.alarms if one.state == ALARM]
        summary["alarms"] = f"{', '.join(ringing) or 'none rings'} (of {len(facts.alarms)})"
    return summary


def _audit(audit: Audit) -> str:
    if not audit.at:
        return "none has ended since yesterday"
    return f"{f'found {audit.found}' if audit.found else 'clean'}, at {iso(audit.at)}"


def _failing(failing: Failing | None) -> str:
    if not failing:
        return "nothing"
    errors = ", ".join(f"{name} {number}" for name, number in failing.errors.items())
    boxes = f"{failing.mailboxes} {'mailbox' if failing.mailboxes == 1 else 'mailboxes'}"
    return f"{failing.copies} in {boxes} since {failing.since} ({errors})"


def _quarantine(quarantine: Quarantine) -> str:
    if not quarantine.messages:
        return "empty"
    more = " or more" if quarantine.more else ""
    return f"{quarantine.messages}{more}, the oldest of {quarantine.oldest}, {quarantine.days_left:.1f} days left"


def _queue_row(queue: Queue) -> dict[str, Any]:
    row: dict[str, Any] = {"queue": queue.name, "waiting": queue.waiting, "in_flight": queue.in_flight}
    if queue.oldest:
        row |= {"oldest": age(queue.oldest.seconds), "days_left": f"{queue.oldest.days_left:.1f}"}
    return row


def _held_row(stack: Stack, one: Group) -> dict[str, Any]:
    return {
        "held_by": one.key,
        "messages": one.messages,
        "oldest": one.oldest,
        "days_left": days_of_raw_mail(stack, one.oldest),
    }


def _version(deployed: str | None) -> str:
    """The version that is deployed, and this program's where it is another."""
    return VERSION if deployed == VERSION else f"{deployed or 'unknown'}, mailroomctl {VERSION}"


def _for_programs(stack: Stack, facts: StatusFacts) -> dict[str, Any]:
    attention, failing = facts.attention, facts.attention.failing if facts.attention else None
    return {
        "flows": facts.flows,
        "problems": [
            {"text": one.text, "command": one.command, "stops_mail": one.stops_mail} for one in facts.problems
        ],
        "unknown": facts.unknown,
        "versions": {"stack": facts.stack_version, "mailroomctl": VERSION},
        "pipe": {
            "state": facts.pipe.current,
            "desired": facts.pipe.desired,
            "stopped_by": facts.pipe.stopped_by,
            "stopped_since": facts.pipe.stopped_since,
            "next_probe": iso(facts.next_probe) if facts.next_probe else None,
        },
        "last_delivery": _last_for_programs(facts),
        "queues": [
            {
                "queue": one.key,
                "waiting": one.waiting,
                "in_flight": one.in_flight,
                "oldest_seconds": round(one.oldest.seconds, 1) if one.oldest else None,
                "days_left": round(one.oldest.days_left, 2) if one.oldest else None,
            }
            for one in facts.queues
        ],
        "failing": {name: getattr(failing, name) for name in failing.__slots__} if failing else None,
        "failed_before": attention.stale if attention else None,
        "held": [_held_for_programs(stack, one) for one in attention.held] if attention else None,
        "last_hour": {"rejected": attention.rejected_last_hour, "held": attention.held_last_hour}
        if attention
        else None,
        "quarantine": (
            {name: getattr(facts.quarantine, name) for name in facts.quarantine.__slots__} if facts.quarantine else None
        ),
        "audit": (
            {"at": iso(facts.audit.at) if facts.audit.at else None, "found": facts.audit.found} if facts.audit else None
        ),
        "alarms": (
            None
            if facts.alarms is None
            else [{"name": one.name, "state": one.state, "since": one.since} for one in facts.alarms]
        ),
    }


def _last_for_programs(facts: StatusFacts) -> dict[str, Any] | None:
    if not facts.last_delivery:
        return None
    seconds = (facts.now - facts.last_delivery.at).total_seconds()
    return {"at": iso(facts.last_delivery.at), "seconds_ago": round(seconds, 1), "about": facts.last_delivery.about}


def _held_for_programs(stack: Stack, one: Group) -> dict[str, Any]:
    return {
        "entry": one.key,
        "messages": one.messages,
        "oldest": one.oldest,
        "newest": one.newest,
        "days_left": days_of_raw_mail(stack, one.oldest),
    }
