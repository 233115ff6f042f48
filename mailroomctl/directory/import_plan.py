"""Bring the table to what a file says, entry by entry.

Every entry is one conditional write: whoever stops the import in the middle finds some entries as before and the others
as in the file, none between. Repeating it does the rest, because what is as in the file already is not written.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field

from mailroom.resolve.entries import domain_key
from mailroom.resolve.mailboxes import Rules

from mailroomctl.console import Progress, cell
from mailroomctl.directory.check import Finding, misplaced_and_looping
from mailroomctl.directory.table import DirectoryTable, Item, display_key, usual_domain
from mailroomctl.directory.yaml_file import canonical
from mailroomctl.errors import AlreadyInDirectoryError, ChangedMeanwhileError, CommandError

WORKERS = 8  # one write is a round trip of a few milliseconds


@dataclass(slots=True)
class Plan:
    """What an import will do. ``seen`` holds the table's items by key, as they were read."""

    added: list[Item] = field(default_factory=list)
    changed: list[Item] = field(default_factory=list)
    removed: list[Item] = field(default_factory=list)
    unchanged: int = 0
    extra: int = 0
    """Entries that are in the table only, and stay."""
    seen: dict[str, Item] = field(default_factory=dict)
    good: dict[str, Item] = field(default_factory=dict)
    """Those of ``seen`` that can be understood, as a file would have them."""

    @property
    def steps(self) -> int:
        """How many entries will be written or deleted."""
        return len(self.added) + len(self.changed) + len(self.removed)

    def lines(self) -> list[str]:
        """Return the plan as a diff to read."""
        removed = [f"- {_named(item)}" for item in self.removed]
        changed = [f"~ {_named(item)}: {self._difference(item)}" for item in self.changed]
        return [*(f"+ {_named(item)}" for item in self.added), *changed, *removed]

    def _difference(self, after: Item) -> str:
        key = after["address"]
        before = self.good.get(key, self.seen[key])
        if before.get("type") != after["type"]:
            return f"was a {before.get('type')}"
        parts: list[str] = []
        for name in sorted((before.keys() | after.keys()) - {"version"}):
            old, new = before.get(name), after.get(name)
            if name == "targets" and isinstance(old, list | set):
                parts += [f"+{one}" for one in after["targets"] if one not in old]
                parts += [f"-{one}" for one in old if one not in after["targets"]]
                parts += ["order"] if not parts else []
            elif old != new:
                parts.append(f"{name.replace('_', ' ')} {cell(old)} → {cell(new)}")
        return ", ".join(parts)


def make_plan(wanted: Iterable[Item], present: Iterable[Item], *, delete: bool) -> Plan:
    """Compare a file's items with the table's; the domains of its addresses belong to it, named or not."""
    plan = Plan(seen={item["address"]: item for item in present})
    for key, item in plan.seen.items():
        with suppress(CommandError):
            plan.good[key] = canonical(item)
    left, wanted = dict(plan.seen), list(wanted)
    for domain in _unwritten_domains(wanted):
        seen = left.pop(domain["address"], None)
        if seen is None:
            plan.added.append(domain)
        elif delete and plan.good.get(domain["address"]) != domain:
            plan.changed.append(domain)
    for item in wanted:
        seen = left.pop(item["address"], None)
        if seen is None:
            plan.added.append(item)
        elif plan.good.get(item["address"]) == item:
            plan.unchanged += 1
        else:
            plan.changed.append(item)
    if delete:
        plan.removed = sorted(left.values(), key=lambda item: item["address"])
    else:
        plan.extra = len(left)
    return plan


def _unwritten_domains(wanted: list[Item]) -> list[Item]:
    """The domains that a file's addresses are in and that it has no settings for."""
    keys = dict.fromkeys(domain_key(item["address"].rpartition("@")[2]) for item in wanted)
    written = {item["address"] for item in wanted}
    return [usual_domain(key) for key in keys if key not in written]


def bad_results(plan: Plan, rules: Rules) -> list[Finding]:
    """Return the mailboxes in one another or with one name of records, and the loops, that are new after the plan."""
    return [one for one in new_findings(plan, rules) if one.kind in ("path", "records", "loop")]


def new_findings(plan: Plan, rules: Rules) -> list[Finding]:
    """Return what would be wrong with the directory after the plan, and is not now."""
    after = {**plan.good, **{item["address"]: item for item in (*plan.added, *plan.changed)}}
    for item in plan.removed:
        after.pop(item["address"], None)
    found = misplaced_and_looping(list(after.values()), rules)
    if not found:
        return []
    before = set(misplaced_and_looping(list(plan.good.values()), rules))
    return [one for one in found if one not in before]


def carry_out(plan: Plan, table: DirectoryTable, progress: Progress) -> list[str]:
    """Write the plan; return a line for every entry that somebody else changed meanwhile, which stays as it is."""
    conflicts: list[str] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        # Domains go before their addresses, so that all of these are in a known domain at any time. What others lead
        # to goes first, removals last, so that no alias leads nowhere for longer than it must.
        added, removed = _domains_apart(plan.added), _domains_apart(plan.removed)
        for batch in (*added, plan.changed, *reversed(removed)):
            futures = [pool.submit(_step(plan, table, item)) for item in batch]
            try:
                _finish(futures, conflicts, progress)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
    return conflicts


def _step(plan: Plan, table: DirectoryTable, item: Item) -> Callable[[], object]:
    seen = plan.seen.get(item["address"])
    if seen is None:
        # Somebody else may have added an address there meanwhile: the same entry, no conflict.
        only_known = item == usual_domain(item["address"])
        return lambda: table.make_known(item) if only_known else table.create(item, alone=True)
    if seen is item:
        return lambda: table.delete(item)
    return lambda: table.replace(item, seen, alone=True)


def _domains_apart(items: list[Item]) -> tuple[list[Item], list[Item]]:
    domains = [item for item in items if item["address"].startswith("@")]
    return domains, [item for item in items if not item["address"].startswith("@")]


def _finish(futures: list[Future[object]], conflicts: list[str], progress: Progress) -> None:
    for future in futures:
        # In short waits, so that Ctrl-C is heard at once.
        while not future.done():
            wait([future], timeout=0.2)
        try:
            future.result()
        except (ChangedMeanwhileError, AlreadyInDirectoryError) as error:
            conflicts.append(str(error))
        progress.advance()


def _named(item: Item) -> str:
    return f"{item['type'].replace('_', '-')} {display_key(item['address'])}"
