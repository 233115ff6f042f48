"""A plan in words."""

import textwrap
from collections.abc import Iterable, Iterator

from mailroomctl.setup.account import Account
from mailroomctl.setup.plan import Plan
from mailroomctl.setup.receiving import Rule
from mailroomctl.setup.storage import FileSystem

_WIDTH = 110


def page(plan: Plan, path: str, content: str) -> str:
    """Return the whole plan; ``content`` is for the file ``path``. Commands and records are never wrapped."""
    where = f"account {plan.account.id}, region {plan.account.region}"
    lines = [f"Mailroom in {where}. Nothing was changed there.", "", "WHAT IS THERE", *_there(plan.account)]
    if plan.denied:
        lines += ["", "NOT LOOKED AT, because a permission is missing"]
        lines += _items(f"{permission}: {unknown}" for permission, unknown in plan.denied.items())
    if plan.warnings:
        lines += ["", "WATCH OUT", *_items(plan.warnings)]
    lines += ["", f"THE FILE {path}", *_indented(content)]
    lines += ["", "DNS RECORDS", *_records(plan), "", "STEPS"]
    for number, step in enumerate(plan.steps, start=1):
        lines += [
            f"{number:>2}. {step.title}",
            *_wrapped(step.why, "    "),
            *(f"      {one}" for one in step.commands),
            "",
        ]
    return "\n".join(lines).rstrip()


def _there(account: Account) -> Iterator[str]:
    rows: list[tuple[str, str]] = [("stack", _stack(account)), ("receiving", _receiving(account))]
    rows += [("rule", _rule(one)) for one in account.receiving.rules]
    rows += [
        (domain, "unknown to SES" if one is None else "verified" if one.verified else "known to SES, not verified yet")
        for domain, one in account.identities.items()
    ]
    if account.file_systems is not None:
        rows += [("file system", _file_system(one)) for one in account.file_systems] or [("file system", "none")]
    if account.concurrency is not None:
        rows.append(("Lambda", f"{account.concurrency} functions at once"))
    width = max(len(name) for name, _ in rows)
    return (f"  {name:{width}}  {value}" for name, value in rows)


def _stack(account: Account) -> str:
    one = account.deployed
    if one is None:
        return f"{account.stack_name}, perhaps"
    if not one.status:
        return f"{account.stack_name} is not there yet"
    return f"{account.stack_name}, {f'version {one.version}, ' if one.version else ''}{one.status}"


def _receiving(account: Account) -> str:
    one = account.receiving
    if one.possible is None:
        return "unknown"
    if not one.active:
        others = f"; there are {', '.join(one.rule_sets)}" if one.rule_sets else ""
        return f"possible in this region; no rule set is active{others}"
    return f"the rule set {one.active} is active, with {len(one.rules)} rules"


def _rule(one: Rule) -> str:
    whose = f"WorkMail {one.workmail}" if one.workmail else ", ".join(one.actions) or "no action"
    off = "" if one.enabled else " (disabled)"
    return f"{one.name}{off}: {', '.join(one.recipients) or 'every recipient'} → {whose}"


def _file_system(one: FileSystem) -> str:
    points = "access points unknown" if one.access_points is None else _points(one)
    zones = "mount targets unknown"
    if one.mount_targets is not None:
        zones = f"reached from {', '.join(each.zone or each.subnet for each in one.mount_targets) or 'nowhere'}"
    return f"{one}: {points}; {zones}"


def _points(one: FileSystem) -> str:
    found = [
        f"{each.id} ({each.path}, {'no user' if each.uid is None else f'uid {each.uid}'})"
        for each in one.access_points or ()
    ]
    return f"access points {', '.join(found)}" if found else "no access point"


def _records(plan: Plan) -> Iterator[str]:
    rows = [(one.name, one.type, one.value, one.when) for one in plan.records]
    names, values = max(len(row[0]) for row in rows), max(len(row[2]) for row in rows)
    for name, kind, value, when in rows:
        yield f"  {name:{names}}  {kind:5}  {value:{values}}  {when}"


def _items(texts: Iterable[str]) -> list[str]:
    return [line for text in texts for line in _wrapped(text, "    ", "  - ")]


def _wrapped(text: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indented(text: str) -> list[str]:
    return [f"  {line}".rstrip() for line in text.rstrip().splitlines()]
