"""What is wrong in a whole directory, though every entry for itself may be right."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mailroom.addresses import Address, parse
from mailroom.errors import FanOutLimitExceeded
from mailroom.resolve.entries import DEFAULT_SEPARATORS, Broken, domain_key
from mailroom.resolve.expansion import expand, walk
from mailroom.resolve.look_up import split_tags
from mailroom.resolve.mailboxes import Rules, resolve_mailboxes
from mailroom.resolve.problems import Kind, Problem
from mailroom.resolve.resolution import Request, Undelivered
from mailroom.statuses import Status

from mailroomctl.addresses import normalised
from mailroomctl.directory.default_paths import advice, by_old_rule, dovecot_looks_in
from mailroomctl.directory.domains import domains_without_entry
from mailroomctl.directory.overlaps import overlaps, path_of
from mailroomctl.directory.overlay import EntriesInMemory
from mailroomctl.directory.records_names import clashes
from mailroomctl.directory.table import Item
from mailroomctl.directory.yaml_file import canonical
from mailroomctl.errors import CommandError

_NO_LIMIT = 10**9


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something to look at. An ``error`` holds, parks or misplaces mail; a ``warning`` may be meant."""

    severity: str
    kind: str
    entry: str
    text: str
    outcome: str = ""
    """What becomes of mail to the entry because of it: ``HELD``, ``REJECTED``, or empty where it arrives somewhere."""


def check_directory(items: Iterable[Item], rules: Rules) -> list[Finding]:
    """Check everything; the result is sorted, errors first."""
    findings: list[Finding] = []
    good: list[Item] = []
    items = list(items)
    entries = EntriesInMemory(items)
    for item in items:
        try:
            good.append(canonical(item))
        except CommandError as error:
            key = item["address"]
            findings.append(Finding("error", "broken", key, str(error), _outcome(key, entries, rules)))
    findings += misplaced_and_looping(good, rules)
    findings += _shadowed(good)
    findings += _domain_aliases(good)
    findings += _unlike_dovecot(good, rules.path_template)
    findings += _domains(good)
    return sorted(findings)


def _outcome(key: str, entries: EntriesInMemory, rules: Rules) -> str:
    """What becomes of mail to an entry that the commands would not write; the function makes of it what it can."""
    if key.startswith(("@", "*@")):
        return Status.HELD if isinstance(entries.remembered([key])[key], Broken) else ""
    if normalised(key) != key:
        return ""  # no mail finds it
    try:
        undelivered = resolve_mailboxes(Request((key,)), entries, rules).undelivered
    except FanOutLimitExceeded:
        return ""
    return undelivered[0].status if undelivered else ""


def misplaced_and_looping(items: list[Item], rules: Rules) -> list[Finding]:
    """Check canonical items for what one does to another: paths, names of records, dangling targets, loops, fan-out."""
    return [*_paths(items, rules), *_forwards(items, rules)]


def _paths(items: list[Item], rules: Rules) -> Iterator[Finding]:
    mailboxes = [item for item in items if item["type"] == "mailbox"]
    for item in mailboxes:
        try:
            path_of(item, rules.path_template)
        except CommandError as error:
            yield Finding("error", "path", item["address"], str(error), Status.HELD)
    for overlap in overlaps(mailboxes, rules.path_template):
        yield Finding("error", "path", overlap.first, f"{overlap}")
    for clash in clashes(mailboxes):
        yield Finding("error", "records", clash.other, f"{clash}; remove or rename one of them")


def _unlike_dovecot(items: list[Item], template: str) -> Iterator[Finding]:
    for item in items:
        if item["type"] != "mailbox":
            continue
        key, looks_in = item["address"], dovecot_looks_in(item, template)
        if path := by_old_rule(item, template):
            text = f"without a path of its own it stays at {path}, as in version 0.1; --fix writes that into the entry"
            yield Finding("warning", "path", key, f"{text}, and {advice(looks_in)}" if looks_in else text)
        elif looks_in:
            yield Finding("warning", "path", key, f"it is at {path_of(item, template)}, but {advice(looks_in)}")


def _domains(items: list[Item]) -> Iterator[Finding]:
    for name, count in domains_without_entry(items).items():
        addresses = f"{count} address{'' if count == 1 else 'es'}"
        text = f"{addresses} and no entry: the directory does not know the domain; --fix adds it"
        yield Finding("warning", "domain", domain_key(name), text)


def _forwards(items: list[Item], rules: Rules) -> Iterator[Finding]:
    """Dangling targets, loops (each once, wherever one comes into it), and groups that no message could use."""
    forwards = [item for item in items if "targets" in item]
    entries = EntriesInMemory(items)
    starts = [item["address"] for item in forwards]
    found = expand([*starts, *(target for item in forwards for target in item["targets"])], entries, _NO_LIMIT)
    loops: set[frozenset[str]] = set()
    for item in forwards:
        key = item["address"]
        reach = walk(key, found, _NO_LIMIT)
        outcome = "" if reach.mailboxes else Undelivered(key, tuple(reach.problems)).status
        for target in item["targets"]:
            if problem := found[target].problem:
                problem = replace(problem, met_at=target, entry=problem.entry or key)
                if problem.kind is Kind.DISABLED:
                    yield Finding("warning", "disabled", key, problem.reason, outcome)
                else:
                    yield Finding("error", "dangling", key, f"{problem.reason}; {problem.remedy}", outcome)
        for problem in reach.problems:
            members = frozenset(problem.members)
            if problem.endless and members not in loops:
                loops.add(members)
                yield Finding("error", "loop", problem.entry, f"{problem.reason}; {problem.remedy}", outcome)
        if len(reach.mailboxes) > rules.fan_out_limit:
            count = f"{len(reach.mailboxes)} mailboxes, more than the limit of {rules.fan_out_limit}"
            yield Finding("error", "fan-out", key, f"it leads to {count}: its mail is parked")


def _domain_aliases(items: list[Item]) -> Iterator[Finding]:
    """Domains whose mail can be for nobody: an alias of a domain that is not known, or of itself."""
    domains = {item["address"]: item for item in items if item["type"] == "domain"}
    for key, item in domains.items():
        way, onward = [key], item.get("alias_of")
        while onward and (next_key := domain_key(onward)) in domains and next_key not in way:
            way.append(next_key)
            onward = domains[next_key].get("alias_of")
        if onward:
            name, loop = key.removeprefix("@"), domain_key(onward) in way
            kind = Kind.DOMAIN_LOOP if loop else Kind.UNKNOWN_DOMAIN
            problem = Problem(kind, (name if loop else onward,), entry=key)
            yield Finding("error", "domain", key, f"{problem.text}; {problem.remedy}", Status.HELD)


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
