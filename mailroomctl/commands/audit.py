"""``mailroomctl audit``: is anything lost?"""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from mailroom.audit.findings import Kind, clean

from mailroomctl.audit.look import look
from mailroomctl.audit.repair import REPLAYED, Repair, repair_messages, repair_queues
from mailroomctl.audit.work import Work, begun, continued
from mailroomctl.command import INTERRUPTED, fail
from mailroomctl.console import Console
from mailroomctl.counting import how_many
from mailroomctl.errors import CommandError
from mailroomctl.options.period import Since, Until
from mailroomctl.queues.depth import depth
from mailroomctl.stack import Stack

_SHOWN = 10  # reasons, to people
_FEW, _SHARE = 20, 0.1  # lost messages, of all, above which a repair asks first
_REMEDIES = {
    Kind.LOST: "mailroomctl audit --repair; once the inbound queue is empty it is certain",
    Kind.UNANSWERED: "mailroomctl audit --repair",
    Kind.EXPIRED: "nothing can deliver it any more; mailroomctl held discard MESSAGE-ID ends it",
    Kind.OPEN: "wait 7 minutes, then mailroomctl audit --repair",
    Kind.FAILED: "wait for its redelivery, or mailroomctl audit --repair",
    Kind.HELD: "mailroomctl held list; correct the entries, then mailroomctl audit --repair",
    Kind.DEAD_LETTER: "mailroomctl dead-letters list; mailroomctl audit --repair",
    Kind.PARKED: "mailroomctl parked list; mailroomctl audit --repair",
    Kind.UNREADABLE: "run it as a user who may read the mailboxes",
    Kind.ABSENT: "deleted by their readers, or lost; after a loss mailroomctl restore",
}
_ROOT = typer.Option(
    help="The mail root, on a host that has it mounted: look for every delivered copy, in all folders of its mailbox.",
    exists=True,
    file_okay=False,
    show_default=False,
)


def audit(
    stack: Stack,
    console: Console,
    since: Since = None,
    until: Until = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Replay what is missing; what is not certain is left to you.")
    ] = False,
    mail_root: Annotated[Path | None, _ROOT] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask, even when nothing is on record of much of the mail.")
    ] = False,
    single: Annotated[bool, typer.Option("--list", help="Name every message.")] = False,
    limit: Annotated[int, typer.Option(help="With --list, name at most so many.", min=1)] = 1000,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an audit that was interrupted.")] = False,
) -> None:
    """Prove that nothing is lost: compare the stored raw mail with what is on record, and look into the queues.

    It finds raw mail of which nothing is on record, envelope recipients without an outcome, claims that were left open,
    what is held or has failed, what waits in the dead-letter queue and the parked queue, and what can never be
    delivered because its raw mail is gone. Without --since it takes all mail, without --until all but that of the last
    15 minutes, which may be on its way.

    A copy that is nowhere in its mailbox is absent: deleted by its reader, or lost. That is counted, is no fault, and
    is never repaired.

    Exit code 0 only when all is clean, or with --repair when all was repaired; 1 otherwise, 130 when interrupted.
    """
    if resume and (since or until or mail_root):
        raise typer.BadParameter(
            "--resume goes on with the period and the mail root of the audit that was interrupted."
        )
    if single and repair:
        raise typer.BadParameter("give --list or --repair.")
    result: Repair | None = None
    try:
        with continued(stack) if resume else begun(stack, since, until, mail_root) as work:
            look(stack, console, work)
            answer = _answer(stack, work, limit if single else 0)
            if repair:
                _check_the_records_are_there(answer, yes=yes)
                result = _repair(stack, console, work)
    except KeyboardInterrupt:
        fail("interrupted; mailroomctl audit --resume goes on from here", INTERRUPTED)
    if result:
        _say_repaired(console, answer, result)
    else:
        _say(console, answer, single=single)
    left = result.left + _beyond_repair(answer) if result else not answer["clean"]
    if left or (result and result.stopped):
        raise typer.Exit(1)


def _answer(stack: Stack, work: Work, limit: int) -> dict[str, Any]:
    notes = work.notes
    found = {kind: (count, first, last) for kind, count, first, last in notes.summary()}
    rows = [
        {"finding": kind.value, "count": found[kind][0], "oldest": found[kind][1], "newest": found[kind][2]}
        for kind in Kind
        if kind in found
    ]
    period = {"since": _moment(work.period.since), "until": _moment(work.period.until)}
    counts = {"objects": notes.count("objects"), "records": notes.count("records"), "clean": clean(found)}
    answer = {**period, **counts, "findings": rows, "inbound": sum(depth(stack.sqs, stack.output("InboundQueueUrl")))}
    if limit:
        answer["messages"] = [one._asdict() for one in notes.findings(limit=limit)]
    return answer


def _check_the_records_are_there(answer: dict[str, Any], *, yes: bool) -> None:
    """A table that was lost, or made anew, is no lost notification: its mail has been delivered, and would be again."""
    lost = sum(row["count"] for row in answer["findings"] if row["finding"] == Kind.LOST)
    if yes or lost < _FEW or lost < answer["objects"] * _SHARE:
        return
    what = f"nothing is on record of {lost} of {how_many(answer['objects'], 'messages')}"
    if not sys.stdin.isatty():
        raise CommandError(
            f"{what}: was the deliveries table made anew? Restore it (point-in-time recovery), or every one that has"
            " its copy gets another; add --yes if they have none."
        )
    if not typer.confirm(
        f"{what}. Was the deliveries table made anew? Those with a copy get another. Go on?", err=True
    ):
        raise CommandError("nothing was repaired.")


def _repair(stack: Stack, console: Console, work: Work) -> Repair:
    result = Repair()
    kinds = {kind for kind, *_ in work.notes.summary()}
    if kinds & {Kind.DEAD_LETTER, Kind.PARKED}:
        repair_queues(stack, console, result)
    if kinds & set(REPLAYED):
        with console.progress("replaying") as progress:
            repair_messages(stack, work.notes, result, progress)
    return result


def _beyond_repair(answer: dict[str, Any]) -> int:
    return sum(row["count"] for row in answer["findings"] if row["finding"] in (Kind.EXPIRED, Kind.UNREADABLE))


def _say(console: Console, answer: dict[str, Any], *, single: bool) -> None:
    if console.as_json:
        console.record(answer)
        return
    if single:
        columns = ("kind", "received_at", "message_id", "mailbox", "recipients", "reason")
        console.table(columns, answer["messages"], empty="nothing was found")
        total = sum(row["count"] for row in answer["findings"])
        if total > len(answer["messages"]):
            console.warn(f"there are {total}: use --since, --until or --limit")
        return
    rows = [{**row, "remedy": _REMEDIES[Kind(row["finding"])]} for row in answer["findings"]]
    if rows:
        console.table(("finding", "count", "oldest", "newest", "remedy"), rows, empty="")
    console.done(_verdict(answer), answer)


def _verdict(answer: dict[str, Any]) -> str:
    waits = f"; {how_many(answer['inbound'], 'messages')} in the inbound queue" if answer["inbound"] else ""
    objects, records = how_many(answer["objects"], "objects"), how_many(answer["records"], "records")
    read = f"{objects}, {records}, until {answer['until']}{waits}"
    return f"{read}: {'clean' if answer['clean'] else 'not clean'}"


def _say_repaired(console: Console, answer: dict[str, Any], result: Repair) -> None:
    left = result.left + _beyond_repair(answer)
    reasons = [{"message_id": message_id, "reason": why} for message_id, why in result.reasons]
    if console.as_json:
        console.record({**answer, "repaired": result.repaired, "left": left, "reasons": reasons})
    else:
        _say(console, answer, single=False)
        console.done(f"repaired {result.repaired}, left {left} as they were", None)
        for message_id, why in result.reasons[:_SHOWN]:
            console.warn(f"{message_id}: {why}")
        if len(reasons) > _SHOWN:
            console.note(f"and {result.left - _SHOWN} more; --json names the first {len(reasons)}")
    if result.stopped:
        console.warn("stopped, because so many executions in a row failed")


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
