"""What is wrong in a whole directory, though every entry for itself may be right."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mailroom.addresses import Address, parse
from mailroom.resolve.entries import DEFAULT_SEPARATORS, domain_key
from mailroom.resolve.expansion import expand, walk
from mailroom.resolve.look_up import split_tags
from mailroom.resolve.mailboxes import Rules
from mailroom.resolve.problems import Kind

from mailroomctl.directory.overlaps import overlaps, path_of
from mailroomctl.directory.overlay import EntriesInMemory
from mailroomctl.directory.table import Item
from mailroomctl.directory.yaml_file import canonical
from mailroomctl.errors import CommandError

_NO_LIMIT = 10**9


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something to look at. An ``error`` loses or misplaces mail; a ``warning`` may be meant."""

    severity: str
    kind: str
    entry: str
    text: str


def check_directory(items: Iterable[Item], rules: Rules) -> list[Finding]:
    """Check everything; the result is sorted, errors first."""
    findings: list[Finding] = []
    good: list[Item] = []
    for item in items:
        try:
            good.append(canonical(item))
        except CommandError as error:
            findings.append(Finding("error", "broken", item["address"], str(error)))
    findings += misplaced_and_looping(good, rules)
    findings += _shadowed(good)
    return sorted(findings)


def misplaced_and_looping(items: list[Item], rules: Rules) -> list[Finding]:
    """Check canonical items for what one entry does to another: paths, dangling targets, loops, fan-out."""
    return [*_paths(items, rules), *_forwards(items, rules)]


def _paths(items: list[Item], rules: Rules) -> Iterator[Finding]:
    mailboxes = [item for item in items if item["type"] == "mailbox"]
    for item in mailboxes:
        try:
            path_of(item, rules.path_template)
        except CommandError as error:
            yield Finding("error", "path", item["address"], str(error))
    for overlap in overlaps(mailboxes, rules.path_template):
        yield Finding("error", "path", overlap.first, f"{overlap}")


def _forwards(items: list[Item], rules: Rules) -> Iterator[Finding]:
    """Dangling targets, loops (each once, wherever one comes into it), and groups that no message could use."""
    forwards = [item for item in items if "targets" in item]
    entries = EntriesInMemory(items)
    starts = [item["address"] for item in forwards]
    found = expand([*starts, *(target for item in forwards for target in item["targets"])], entries, _NO_LIMIT)
    loops: set[frozenset[str]] = set()
    for item in forwards:
        key = item["address"]
        for target in item["targets"]:
            if problem := found[target].problem:
                disabled = problem.kind is Kind.DISABLED
                severity, kind = ("warning", "disabled") if disabled else ("error", "dangling")
                yield Finding(severity, kind, key, replace(problem, met_at=target).reason)
        reach = walk(key, found, _NO_LIMIT)
        for problem in reach.problems:
            members = frozenset(problem.members)
            if problem.endless and members not in loops:
                loops.add(members)
                yield Finding("error", "loop", key, problem.reason)
        if len(reach.mailboxes) > rules.fan_out_limit:
            count = f"{len(reach.mailboxes)} mailboxes, more than the limit of {rules.fan_out_limit}"
            yield Finding("error", "fan-out", key, f"it leads to {count}: its mail is parked")


def _shadowed(items: list[Item]) -> Iterator[Finding]:
    """Entries that mail cannot find, or finds in the place of others."""
    by_key = {item["address"]: item for item in items}
    domains = {item["address"]: item for item in items if item["type"] == "domain"}
    for item in items:
        key, kind = item["address"], item["type"]
        if kind == "domain":
            continue
        name = key.rpartition("@")[2]
        settings = domains.get(domain_key(name), {})
        alias_of = settings.get("alias_of")
        if kind == "catch_all":
            if alias_of:
                text = f"never used: {name} is an alias of {alias_of}, whose catch-all is asked"
                yield Finding("warning", "shadowed", key, text)
            continue
        address = parse(key)
        other = Address(address.local_part, alias_of).text if alias_of else ""
        if other in by_key:
            yield Finding(
                "warning", "shadowed", other, f"mail to {key} does not reach it: {key} has an entry of its own"
            )
        for base, tag in split_tags(address.local_part, settings.get("separators", DEFAULT_SEPARATORS)):
            holder = by_key.get(Address(base, name).text, {})
            if holder.get("subaddress_folders"):
                text = f"mail with the tag {tag!r} does not reach its folder: {key} has an entry of its own"
                yield Finding("warning", "shadowed", holder["address"], text)
