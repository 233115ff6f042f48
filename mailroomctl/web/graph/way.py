"""The states that a message went through, from the events of an execution as Step Functions logs them.

https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html. An event names the one before it, so the items of a
Map, which run side by side, are told apart. Without execution data (``ExecutionLog=metadata``) the items have no names.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mailroomctl.deliveries.cause import plain_cause

type Item = tuple[str, int]
"""A Map and the number of its item."""

_ENDS = {
    "ExecutionSucceeded": "succeeded",
    "ExecutionFailed": "failed",
    "ExecutionTimedOut": "timed out",
    "ExecutionAborted": "aborted",
}


@dataclass(slots=True)
class Visit:
    """One state of the way. ``errors`` are those of its attempts; it is over when it has ``left``."""

    state: str
    entered: datetime | None = None
    left: datetime | None = None
    attempts: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return (self.left - self.entered).total_seconds() if self.left and self.entered else None


@dataclass(slots=True)
class Way:
    """One execution, or what is known of it. ``items`` have the states within the Maps, ``names`` whom they are for."""

    source: str
    name: str = ""
    end: str = "running"
    error: str = ""
    began: datetime | None = None
    ended: datetime | None = None
    visits: list[Visit] = field(default_factory=list)
    items: dict[Item, list[Visit]] = field(default_factory=dict)
    names: dict[Item, str] = field(default_factory=dict)

    def of(self, address: str | None) -> list[Item]:
        """Return the items for a mailbox or recipient; without one, all."""
        return [item for item in self.items if address is None or self.names.get(item, address) == address]


def read_way(events: Iterable[Mapping[str, Any]]) -> Way:
    """Read the events of one execution, in any order."""
    way = Way("log")
    where: dict[str, Item | None] = {}
    for event in sorted(events, key=lambda one: int(one["id"])):
        kind, details = event["type"], event.get("details") or {}
        at = datetime.fromtimestamp(int(event["event_timestamp"]) / 1000, UTC)
        item = _item(kind, details, where.get(str(event.get("previous_event_id"))))
        where[str(event["id"])] = item
        visits = way.visits if item is None else way.items.setdefault(item, [])
        if kind == "ExecutionStarted":
            way.name, way.began = _name(event), at
        elif kind in _ENDS:
            way.end, way.ended = _ENDS[kind], at
            way.error = _error(details)
        elif kind.endswith("StateEntered"):
            visits.append(Visit(str(details.get("name", "")), at))
            if item is not None and item not in way.names and (name := _whom(details)):
                way.names[item] = name
        elif visits:
            _note(_visit(visits, kind, details), kind, details, at)
    return way


def _item(kind: str, details: Mapping[str, Any], before: Item | None) -> Item | None:
    if kind == "MapIterationStarted":
        return str(details.get("name", "")), int(details.get("index", 0))
    if kind.startswith("Map") and not kind.startswith("MapIteration"):
        return None
    return before


def _visit(visits: list[Visit], kind: str, details: Mapping[str, Any]) -> Visit:
    """Return the visit that an event is about: the last, or the one that is being left."""
    if kind.endswith("StateExited"):
        for visit in reversed(visits):
            if visit.state == details.get("name"):
                return visit
    return visits[-1]


def _note(visit: Visit, kind: str, details: Mapping[str, Any], at: datetime) -> None:
    if kind.endswith("StateExited"):
        visit.left = at
    elif kind.endswith("Scheduled"):
        visit.attempts += 1
    elif kind.endswith(("Failed", "TimedOut")) and not kind.startswith("Map"):
        visit.errors.append(_error(details))


def _error(details: Mapping[str, Any]) -> str:
    return ": ".join(filter(None, [str(details.get("error") or ""), plain_cause(str(details.get("cause") or ""))]))


def _name(event: Mapping[str, Any]) -> str:
    """``arn:aws:states:REGION:ACCOUNT:express:MACHINE:NAME:ID``; of other kinds the name is the last part."""
    parts = str(event.get("execution_arn", "")).split(":")
    return parts[7] if len(parts) > 7 else parts[-1]


def _whom(details: Mapping[str, Any]) -> str:
    try:
        given = json.loads(details.get("input") or "{}")
    except ValueError:  # cut off by the log
        return ""
    if not isinstance(given, dict):
        return ""
    for name, key in (("delivery", "mailbox"), ("undelivered", "recipient")):
        if isinstance(found := given.get(name), dict) and found.get(key):
            return str(found[key])
    return ""
