"""What a page says first of a message: in a sentence why a copy is missing, and what delivers it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from mailroom.resolve.entries import Mailbox
from mailroom.resolve.look_up import LookUp
from mailroom.resolve.problems import Kind
from mailroom.statuses import Status

from mailroomctl.deliveries.held import at_fault
from mailroomctl.deliveries.table import BOUNCE, Record, reason

_NAMED = 3
_POLICY, _UNUSABLE = "5.7.1", "5.3.5"  # codes of what the look-ups of addresses do not show

#: What needs somebody first comes first.
_ORDER = (
    Status.HELD,
    Status.FAILED,
    Status.CLAIMED,
    Status.RELEASED,
    Status.RESTORING,
    Status.QUARANTINED,
    Status.REJECTED,
    Status.DISCARDED,
    Status.DELIVERED,
)

#: After these the message can be delivered again.
AGAIN = frozenset({Status.HELD, Status.FAILED, Status.CLAIMED, Status.REJECTED, Status.DISCARDED})

_SENTENCES = {
    Status.HELD: "No copy for {whom} yet, a fault of our own holds it: {why}.",
    Status.FAILED: "No copy for {whom} yet: {why}. It is tried again by itself while it is in the inbound queue.",
    Status.CLAIMED: "The copy for {whom} is being made, or its execution was interrupted: {why}.",
    Status.RELEASED: "Released from quarantine for {whom}, and not delivered yet.",
    Status.RESTORING: "The copy for {whom} is being restored.",
    Status.QUARANTINED: "In quarantine for {whom}, where a policy holds it back: {why}.",
    Status.REJECTED: "No copy for {whom}, it was rejected: {why}.",
    Status.DISCARDED: "No copy for {whom}: an operator has given it up.",
    Status.DELIVERED: "Delivered to {whom}.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something to click: where it leads, and whether it is what helps now."""

    text: str
    address: str
    main: bool = False
    key: str = ""
    """The entry of the directory that it changes or makes."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence about the copies with the same outcome, and what can be done about them."""

    status: Status
    text: str
    steps: tuple[Step, ...] = ()


type Rules = Mapping[str, Sequence[LookUp]]
"""The look-ups from each recipient on, as the directory is now."""


def advise(message_id: str, records: Sequence[Record], rules: Rules, *, stored: bool) -> list[Advice]:
    """Say what became of a message, what needs somebody first. ``stored`` is whether its raw mail is still there."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        if record["mailbox"] != BOUNCE and record["status"] in _ORDER:
            groups.setdefault(_key(record), []).append(record)
    found = [_advice(message_id, some, rules, stored=stored) for some in groups.values()]
    return sorted(found, key=lambda one: _ORDER.index(one.status))


def _key(record: Record) -> tuple[str, ...]:
    """Copies of one message that fail are told together, whatever each has met."""
    match record["status"]:
        case Status.HELD:
            return (Status.HELD, at_fault(record))
        case Status.QUARANTINED | Status.REJECTED as status:
            return (status, reason(record))
        case status:
            return (str(status),)


def _advice(message_id: str, records: Sequence[Record], rules: Rules, *, stored: bool) -> Advice:
    first = records[0]
    status = Status(first["status"])
    whom = _whom(records)
    why = reason(first).removeprefix(f"{whom}: ").strip().rstrip(".") or "the record does not say why"
    text = _SENTENCES[status].format(whom=whom, why=why)
    mends = tuple(_mends(message_id, records, rules))
    if status in (Status.REJECTED, Status.HELD) and not mends and _leads_on(records, rules):
        text += " The directory has been mended since."
    steps = mends
    if stored and status in AGAIN:
        steps += (Step("Deliver again…", _address("/do/replay", message_ids=message_id), main=not mends),)
    if status == Status.HELD and stored:
        entry = at_fault(first)
        steps += (Step(f"Deliver all that {entry} holds…", _address("/do/replay-held", entry=entry)),)
    if status == Status.QUARANTINED:
        mailboxes = [("mailbox", record["mailbox"]) for record in records]
        given = urlencode([("message_id", message_id), *mailboxes])
        steps = (
            Step("Release from quarantine…", f"/do/release?{given}", main=True),
            Step("Delete from quarantine…", f"/do/delete-quarantined?{given}"),
        )
    return Advice(status, text, steps)


def _whom(records: Sequence[Record]) -> str:
    names = [str(record["mailbox"]) for record in records]
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def _leads_on(records: Sequence[Record], rules: Rules) -> bool:
    """Whether the directory, which led nowhere then, leads to a mailbox now."""
    if any(record.get("error") or record.get("code") in (_POLICY, _UNUSABLE) for record in records):
        return False
    found = [one for record in records for name in record.get("recipients", ()) for one in rules.get(name, ())]
    return all(one.problem is None for one in found) and any(isinstance(one.entry, Mailbox) for one in found)


def _mends(message_id: str, records: Sequence[Record], rules: Rules) -> Iterator[Step]:
    """What in the directory is to be changed before it is delivered: of each group the first."""
    first = records[0]
    held, error = first["status"] == Status.HELD, first.get("error")
    if not held and first["status"] != Status.REJECTED:
        return
    if error or first.get("code") == _POLICY:
        # Of what the copy met on its way to the disk, only the path is the directory's.
        if not error or error == "MailboxPathRejected":
            yield _change(message_id, first["mailbox"])
        return
    found = [one for record in records for name in record.get("recipients", ()) for one in rules.get(name, ())]
    problem = next((one for one in found if one.problem), None)
    if problem:
        yield _mend(message_id, problem)
    if held and not _leads_on(records, rules):
        entry = at_fault(first)
        if not problem or _mend(message_id, problem).key not in ("", entry, entry.removeprefix("@")):
            yield _change(message_id, entry, main=not problem)


def _mend(message_id: str, look_up: LookUp) -> Step:
    problem = look_up.problem
    assert problem
    match problem.kind:
        case Kind.UNKNOWN:
            given = {"add": "mailbox-add", "address": look_up.address, "message": message_id}
            return Step(
                f"Add the mailbox {look_up.address}", _address("/directory", **given) + "#add", True, look_up.address
            )
        case Kind.UNKNOWN_DOMAIN:
            given = {"add": "domain-add", "domain": problem.members[0], "message": message_id}
            name = problem.members[0]
            return Step(f"Add the domain {name}", _address("/directory", **given) + "#add", True, name)
    return _change(message_id, problem.entry or (problem.members[0] if problem.members else look_up.address))


def _change(message_id: str, key: str, *, main: bool = True) -> Step:
    return Step(f"Change {key}", _address("/directory/entry", key=key, message=message_id), main, key)


def _address(path: str, **given: str) -> str:
    return f"{path}?{urlencode(given)}"
