"""``mailroomctl replay --held`` and ``--rejected``: one line per entry or address, whatever their number."""

from typing import Any

from mailroom.statuses import Status

from mailroomctl.addresses import normalised
from mailroomctl.command import INTERRUPTED, fail
from mailroomctl.console import Console
from mailroomctl.counting import how_many
from mailroomctl.deliveries.held import Choice, at_fault, group, with_reasons
from mailroomctl.deliveries.replay_many import FAILED, REPLAYED, STILL_UNDELIVERED, Result, replay_many
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.stack import Stack

_SHOWN = 10  # failures, to people


def replay_chosen(stack: Stack, console: Console, choice: Choice, *, dry_run: bool) -> None:
    """Replay what is chosen, or with ``dry_run`` count it; held mail by its entry, rejected mail by its address."""
    if dry_run:
        _plan(stack, console, choice)
        return
    result = Result()
    interrupted = False
    try:
        with console.progress("replaying") as progress:
            replay_many(stack, choice, _key(choice), result, progress)
    except KeyboardInterrupt:
        interrupted = True
    _report(console, choice, result)
    if interrupted:
        fail("interrupted; the command may be repeated", INTERRUPTED)
    if result.stopped:
        fail(f"stopped, because so many executions in a row failed; the last: {result.last}")
    if result.failed:
        fail(f"{how_many(result.failed, 'messages')} not replayed, and as before")


def _plan(stack: Stack, console: Console, choice: Choice) -> None:
    table, name = DeliveriesTable(stack), _name(choice)
    with console.progress("reading"):
        groups = group(choice.rows(table), _key(choice))
    rows = [
        {
            name: one.key,
            "messages": one.messages,
            "codes": sorted(one.codes),
            "oldest": one.oldest,
            "newest": one.newest,
            "reason": reason,
            "result": "would be replayed",
        }
        for one, reason in with_reasons(table, groups)
    ]
    console.table(("messages", name, "codes", "oldest", "newest", "result"), rows, empty="nothing matches")


def _report(console: Console, choice: Choice, result: Result) -> None:
    name = _name(choice)
    columns = (REPLAYED, STILL_UNDELIVERED, FAILED)
    rows: list[dict[str, Any]] = [
        {name: key, **{column: counts[column] for column in columns}}
        for key, counts in sorted(result.counts.items(), key=lambda one: (-one[1].total(), one[0]))
    ]
    if console.as_json:
        failures = [{"message_id": message_id, "reason": why} for message_id, why in result.failures]
        console.record({"groups": rows, "failed": result.failed, "failures": failures})
        return
    console.table((name, *columns), rows, empty="nothing matches")
    for message_id, why in result.failures[:_SHOWN]:
        console.warn(f"{message_id}: {why}")
    if result.failed > _SHOWN:
        console.note(f"and {result.failed - _SHOWN} more; --json names the first {len(result.failures)}")


def _key(choice: Choice) -> Any:
    return at_fault if choice.status == Status.HELD else _address


def _name(choice: Choice) -> str:
    return "entry" if choice.status == Status.HELD else "address"


def _address(record: Record) -> str:
    return normalised(record["mailbox"])
