"""Whether mail flows now, and what an operator has to do: all facts together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mailroomctl.deliveries.indexes import NoIndexError
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.errors import CommandError
from mailroomctl.flow.alarms import ALARM, Alarm, look_at_alarms
from mailroomctl.flow.audits import Audit, last_audit
from mailroomctl.flow.breaker import next_probe
from mailroomctl.flow.lately import Attention, Failing, LastDelivery, find_last_delivery, look_at_attention
from mailroomctl.flow.waiting import Quarantine, Queue, look_at_quarantine, look_at_queues
from mailroomctl.queues.pipe import RUNNING, Pipe, look
from mailroomctl.stack import Stack
from mailroomctl.times import age, iso

#: Seconds after which mail that waits needs somebody, as for the alarm InboundAgeAlarm.
LATE = 900

_TOLD_BETTER = frozenset(
    {"DeadLetterAlarm", "ParkedAlarm", "MailStillWaitsAlarm", "EntriesHeldAlarm", "InboundAgeAlarm", "PipeIdleAlarm"}
)
"""Alarms on what is looked at here as it is now; they come and go some minutes later."""

_DENIED = ("AccessDenied", "AccessDeniedException", "AccessDeniedError")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that needs an operator: what it is, whether mail stands still for it, and the command that helps."""

    text: str
    command: str
    stops_mail: bool = False


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """What there is to know. None stands for what could not be looked at; ``unknown`` says why."""

    now: datetime
    stack_version: str | None
    pipe: Pipe
    next_probe: datetime | None
    last_delivery: LastDelivery | None
    queues: list[Queue]
    attention: Attention | None
    quarantine: Quarantine | None
    alarms: list[Alarm] | None
    audit: Audit | None = None
    unknown: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def flows(self) -> bool:
        """Whether mail that arrives now is delivered, as far as anybody can see."""
        return not any(one.stops_mail for one in self.problems)


def status_facts(stack: Stack) -> StatusFacts:
    """Look at everything. A look that the caller is not allowed leaves its fact unknown, except for pipe and queues."""
    now = datetime.now(UTC)
    unknown: list[str] = []
    table = DeliveriesTable(stack)
    pipe = look(stack)
    facts = StatusFacts(
        now=now,
        stack_version=_version(stack),
        pipe=pipe,
        next_probe=_unless_denied(unknown, lambda: next_probe(stack, pipe)),
        last_delivery=_unless_denied(unknown, lambda: find_last_delivery(stack, table, now)),
        queues=look_at_queues(stack),
        attention=_unless_denied(unknown, lambda: look_at_attention(table, now)),
        quarantine=_unless_denied(unknown, lambda: look_at_quarantine(stack)),
        alarms=_unless_denied(unknown, lambda: look_at_alarms(stack)),
        audit=_unless_denied(unknown, lambda: last_audit(stack, now)),
        unknown=unknown,
    )
    facts.problems.extend(_problems(facts))
    return facts


def _problems(facts: StatusFacts) -> list[Problem]:
    """What needs an operator; what lets no mail through comes first."""
    found: list[Problem] = []
    pipe, attention = facts.pipe, facts.attention
    if pipe.current != RUNNING:
        found.append(Problem(f"the pipe is {pipe}", "mailroomctl pipe start", stops_mail=True))
    elif pipe.runs_marked:
        found.append(Problem(f"the pipe is {pipe}", "mailroomctl pipe start"))
    if attention and attention.failing:
        found += _fails(attention.failing, facts.last_delivery)
    for queue in facts.queues:
        if queue.key == "Inbound":
            if queue.oldest and queue.oldest.seconds > LATE:
                text = f"mail has waited in the inbound queue for {age(queue.oldest.seconds)}"
                found.append(Problem(text, "mailroomctl trace --status FAILED"))
        elif not queue.empty:
            name = "parked" if queue.key == "Parked" else "dead-letters"
            text = f"{queue.waiting + queue.in_flight} in the {queue.name}"
            found.append(Problem(text, f"mailroomctl {name} list"))
    if attention and attention.held:
        by = "entry" if len(attention.held) == 1 else "entries"
        text = f"{attention.held_messages} held, by {len(attention.held)} {by}"
        found.append(Problem(text, "mailroomctl held list"))
    if facts.audit and facts.audit.at and facts.audit.found:
        text = f"the audit of {iso(facts.audit.at)} found {facts.audit.found}"
        found.append(Problem(text, "mailroomctl audit --since 3d --list"))
    for alarm in facts.alarms or ():
        if alarm.state == ALARM and alarm.name not in _TOLD_BETTER:
            found.append(Problem(f"{alarm.name} since {alarm.since}: {alarm.description}", "see docs/operations.md"))
    return sorted(found, key=lambda one: not one.stops_mail)


def _fails(failing: Failing, last: LastDelivery | None) -> list[Problem]:
    """A failure that deliveries came after, and that was the first of its copies, passes by itself mostly."""
    none_since = last is None or last.at < datetime.fromisoformat(failing.since)
    if failing.attempts < 2 and not none_since:
        return []
    since = ", and none was delivered since" if none_since else ""
    copies = f"{failing.copies} {'copy fails' if failing.copies == 1 else 'copies fail'}{since}"
    return [
        Problem(f"{copies}: {failing.reason}", "mailroomctl trace --status FAILED --since 1d", stops_mail=none_since)
    ]


def _unless_denied[Fact](unknown: list[str], look: Callable[[], Fact]) -> Fact | None:
    from botocore.exceptions import ClientError

    try:
        return look()
    except NoIndexError as error:
        unknown.append(str(error))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _DENIED:
            raise
        unknown.append(f"AWS refused {error.operation_name}: {error.response['Error'].get('Message', '')}")
    return None


def _version(stack: Stack) -> str | None:
    try:
        return stack.output("Version")
    except CommandError:
        return None  # from before the first release; the rest is worth showing all the same
