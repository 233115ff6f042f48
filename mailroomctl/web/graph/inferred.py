"""The way of a message as its records tell it: which states an outcome must have led through.

Records keep outcomes, not steps, and only of the last attempt: the page says so.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mailroom.statuses import Status

from mailroomctl.deliveries.table import BOUNCE, Record
from mailroomctl.web.graph.machine import Arrow, Machine
from mailroomctl.web.graph.way import Visit, Way

_DELIVERIES, _UNDELIVERED = "DeliverToMailboxes", "RecordUndelivered"
_OPEN = frozenset({Status.FAILED, Status.CLAIMED})

#: By status: the states through which the way of a copy leads, the last one last.
_COPIES: Mapping[str, tuple[str, ...]] = {
    Status.DELIVERED: ("WriteMailbox", "DeliveryRecorded"),
    Status.QUARANTINED: ("QuarantineMessage", "DeliveryQuarantined"),
    Status.RELEASED: ("QuarantineMessage", "DeliveryQuarantined"),
    Status.HELD: ("WriteMailbox", "RecordHeldCopy", "DeliveryHeld"),
    Status.DISCARDED: ("WriteMailbox", "RecordHeldCopy", "DeliveryHeld"),
    Status.FAILED: ("WriteMailbox", "RecordTemporaryFailure", "DeliveryFailed"),
    Status.CLAIMED: ("WriteMailbox",),
}


def infer_way(machine: Machine, records: Sequence[Record]) -> Way:
    """Return the way that the records tell of; nothing where the workflow is not the one that this page knows."""
    way = Way("records", end="")
    outcomes = [record for record in records if record["mailbox"] != BOUNCE]
    if not outcomes or not {_DELIVERIES, _UNDELIVERED} <= machine.inside.keys():
        return way
    for record in outcomes:
        scope = _DELIVERIES if record.get("attempts") else _UNDELIVERED
        item = (scope, sum(one[0] == scope for one in way.items))
        way.items[item] = _visits(machine.inside[scope], _stations(scope, record), record)
        way.names[item] = record["mailbox"]
    bounced = len(outcomes) != len(records)
    undone = any(record["status"] in _OPEN for record in outcomes)
    end = "DeliveryIncomplete" if undone else "Delivered"
    claimed = all(record["status"] == Status.CLAIMED for record in outcomes)
    stations = (_DELIVERIES,) if claimed else (_UNDELIVERED, *(("SendBounce",) if bounced else ()), end)
    way.visits = [Visit(name) for name in path(machine, machine.start, stations)]
    return way


def path(machine: Machine, start: str, stations: Sequence[str], error: str = "") -> list[str]:
    """Return the shortest way from ``start`` through all stations; a Catch counts only where no usual way leads on."""
    way = [start]
    for station in stations:
        part = _shortest(machine.arrows, way[-1], station, error)
        if not part:
            return way
        way += part[1:]
    return way


def _stations(scope: str, record: Record) -> tuple[str, ...]:
    if scope == _UNDELIVERED:
        return ("NoticeHeldEntry", "RecipientUndelivered") if record.get("entry") else ("RecipientUndelivered",)
    return _COPIES.get(record["status"], ())


def _visits(machine: Machine, stations: Sequence[str], record: Record) -> list[Visit]:
    error = str(record.get("error") or "")
    names = path(machine, machine.start, stations, error)
    visits = [Visit(name) for name in names]
    for visit in visits:
        if visit.state == machine.start and record.get("first_claimed_at"):
            visit.entered = datetime.fromtimestamp(int(record["first_claimed_at"]), UTC)
            visit.attempts = int(record.get("attempts_since") or record.get("attempts") or 0)
        if visit.state == "WriteMailbox" and error:
            visit.errors.append(error)
    ended: Any = record.get("delivered_at") or record.get("failed_at")
    if visits and ended:
        visits[-1].left = datetime.fromisoformat(ended)
    return visits


def _shortest(arrows: Sequence[Arrow], start: str, end: str, error: str) -> list[str]:
    """Breadth first; the arrows of a Catch come last, that of the error itself before those of any error."""
    usual = [arrow for arrow in arrows if not arrow.errors]
    named = [arrow for arrow in arrows if error and error in arrow.errors]
    for allowed in (usual, usual + named, arrows):
        came: dict[str, str] = {start: ""}
        pending = deque([start])
        while pending:
            name = pending.popleft()
            for arrow in allowed:
                if arrow.source == name and arrow.target not in came:
                    came[arrow.target] = name
                    pending.append(arrow.target)
        if end in came:
            way = [end]
            while way[0] != start:
                way.insert(0, came[way[0]])
            return way
    return []
