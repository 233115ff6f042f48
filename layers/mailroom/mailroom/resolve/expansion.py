"""From addresses to mailboxes: aliases, groups and catch-alls to any depth, loops included.

The whole message expands together, level by level, so that one level costs one read however many addresses it has.
Every address is looked up once. What the look-ups found is a graph; walking it then needs no reads.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from mailroom.errors import FanOutLimitExceeded
from mailroom.resolve.directory import BATCH_SIZE
from mailroom.resolve.entries import Entry, Forward, Mailbox
from mailroom.resolve.look_up import LookUp, Needs, look_up_text
from mailroom.resolve.problems import LEADS_NOWHERE, SHOWN, Kind, Problem

ADDRESSES_PER_MAILBOX = 10
"""Addresses that a message may lead through for each mailbox that it may lead to: bounds the reads."""

LOOP_MEMBERS = SHOWN + 1
"""Members of a loop that are kept, as its sentence needs them: a directory can have more loops than addresses, each as
long as all of it."""


class LookUps(Protocol):
    """Where entries come from: ``mailroom.resolve.directory.Directory``, or something in memory."""

    def remembered(self, keys: Iterable[str]) -> Mapping[str, Entry | None]:
        """Return what is known without a call."""

    def read(self, keys: Iterable[str], *, consistent: bool = False) -> Mapping[str, Entry | None]:
        """Return an entry or ``None`` for every key; with ``consistent`` as they are now."""


@dataclass(slots=True)
class Reach:
    """Where one recipient's mail arrives."""

    mailboxes: dict[str, tuple[Mailbox, str | None]] = field(default_factory=dict)
    """By address, in the order found; with the tag that leads to a folder, ``None`` once one way has none."""
    problems: dict[Problem, None] = field(default_factory=dict)
    """Without duplicates, in the order found."""
    met: set[str] = field(default_factory=set)
    """Every address on the way."""


def expand(
    addresses: Iterable[str], directory: LookUps, limit: int, known: dict[str, Entry | None] | None = None
) -> dict[str, LookUp]:
    """Look up ``addresses`` and everything they lead to; the result holds every address met.

    ``known`` is what the message has learned of the directory, and learns here. Ends for every directory. Raises
    ``FanOutLimitExceeded`` when there are more than ``limit`` mailboxes, or far more addresses than that could need;
    ``DirectoryUnavailable``.
    """
    known = {} if known is None else known
    found: dict[str, LookUp] = {}
    pending = deque(dict.fromkeys(addresses))
    met = set(pending)
    most = len(pending) + limit * ADDRESSES_PER_MAILBOX
    mailboxes: set[str] = set()
    while pending:
        waiting: list[str] = []
        needs: dict[str, None] = {}
        prefetch: dict[str, None] = {}
        while pending:
            text = pending.popleft()
            result = look_up_text(text, known)
            if isinstance(result, Needs):
                waiting.append(text)
                needs.update(dict.fromkeys(result.keys))
                prefetch.update(dict.fromkeys(result.prefetch))
                continue
            found[text] = result
            if isinstance(result.entry, Mailbox):
                mailboxes.add(result.entry.address)
                if len(mailboxes) > limit:
                    raise FanOutLimitExceeded(f"the message leads to more than {limit} mailboxes")
            elif isinstance(result.entry, Forward):
                new = [target for target in dict.fromkeys(result.entry.targets) if target not in met]
                met.update(new)
                pending.extend(new)
                if len(met) > most:
                    raise FanOutLimitExceeded(f"the message leads through more than {most} addresses")
        if waiting:
            known.update(fetch(directory, needs, prefetch, known))
            pending.extend(waiting)
    return found


def fetch(
    directory: LookUps, needs: Iterable[str], prefetch: Iterable[str], known: Mapping[str, object]
) -> dict[str, Entry | None]:
    """Get ``needs``, from the cache or else the table; of ``prefetch`` what costs no call more.

    A level's calls are counted in hundreds of keys, so prefetch keys fill the last hundred.
    """
    wanted = dict.fromkeys(needs)
    likely = [key for key in prefetch if key not in known and key not in wanted]
    have = dict(directory.remembered([*wanted, *likely]))
    keys = [key for key in wanted if key not in have]
    if not keys:
        return have
    room = -len(keys) % BATCH_SIZE
    keys += [key for key in likely if key not in have][:room]
    return {**have, **directory.read(keys)}


def walk(start: str, found: Mapping[str, LookUp], loop_members: int = LOOP_MEMBERS) -> Reach:
    """Follow everything from ``start``; a loop is cut where it closes, and named by its first ``loop_members``.

    A tag travels through aliases, as with Postfix's extensions, so that ``info+lists@`` reaches the same folder as
    ``bob+lists@``; not through groups and catch-alls, whose members did not ask for it.
    """
    reach = Reach()
    path: dict[str, None] = {}
    seen: set[tuple[str, str | None]] = set()
    # (address, tag carried to it), or None to leave the address on top of the path
    stack: list[tuple[str, str | None] | None] = [(start, None)]
    while stack:
        step = stack.pop()
        if step is None:
            path.popitem()
            continue
        text, carried = step
        if text in path:
            reach.problems[_loop(text, path, found, loop_members)] = None
            continue
        if step in seen:
            continue
        seen.add(step)
        result = found[text]
        tag = carried if result.tag is None else result.tag
        if result.problem:
            reach.problems[_met(result.problem, text, path, found)] = None
        elif isinstance(result.entry, Mailbox):
            _add_mailbox(reach, result.entry, tag)
        elif isinstance(result.entry, Forward):
            if not result.entry.targets:
                key = result.entry.address
                reach.problems[Problem(Kind.NO_TARGETS, (key,), entry=key)] = None
            path[text] = None
            stack.append(None)
            onward = tag if result.entry.kind == "alias" else None
            stack.extend((target, onward) for target in reversed(result.entry.targets))
    reach.met = {text for text, _ in seen}
    return reach


def _add_mailbox(reach: Reach, mailbox: Mailbox, tag: str | None) -> None:
    first = mailbox.address not in reach.mailboxes
    if first or tag is None:
        reach.mailboxes[mailbox.address] = (mailbox, tag)


def _met(problem: Problem, text: str, path: dict[str, None], found: Mapping[str, LookUp]) -> Problem:
    """Say where mail met a problem; an address that leads nowhere is the fault of the entry that names it."""
    if not path:
        return problem
    entry = _key(next(reversed(path)), found) if problem.kind in LEADS_NOWHERE else problem.entry
    return replace(problem, met_at=text, entry=entry)


def _loop(text: str, path: Iterable[str], found: Mapping[str, LookUp], most: int) -> Problem:
    names = list(path)
    loop = names[names.index(text) :]
    # The same entry is named wherever mail comes into the loop.
    return Problem(Kind.LOOP, tuple(loop[:most]), entry=min(_key(name, found) for name in loop))


def _key(text: str, found: Mapping[str, LookUp]) -> str:
    """The key of the entry that an address on the way has led through."""
    entry = found[text].entry
    return entry.address if entry else text
