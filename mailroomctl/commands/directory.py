"""``mailroomctl directory``: the directory as a whole."""

import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from mailroom.statuses import Status

from mailroomctl.command import INTERRUPTED, command, fail
from mailroomctl.console import Console
from mailroomctl.counting import how_many
from mailroomctl.deliveries.held import Choice, at_fault, group, with_reasons
from mailroomctl.deliveries.indexes import NoIndexError
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.directory.check import Finding, check_directory
from mailroomctl.directory.default_paths import warning, with_present_paths
from mailroomctl.directory.fixes import plan_fixes
from mailroomctl.directory.import_plan import Plan, bad_results, carry_out, make_plan, new_findings
from mailroomctl.directory.stack_rules import stack_rules
from mailroomctl.directory.table import DirectoryTable, Item
from mailroomctl.directory.yaml_file import canonical, write_file
from mailroomctl.directory.yaml_reader import File, read_file
from mailroomctl.errors import CommandError
from mailroomctl.options.confirm import Yes, confirm
from mailroomctl.stack import Stack

_MOST_LINES = 100  # of a diff that was carried out, and of mistakes; a dry run shows all
_MOST_WARNINGS = 10
_FEW, _FEW_OF_ALL = 10, 0.1  # entries that are removed without asking

app = typer.Typer(no_args_is_help=True, help="The whole directory: export, import, check.")


@app.command("export")
@command
def export(
    stack: Stack,
    console: Console,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; else standard output.")] = None,
) -> None:
    """Write the whole directory as one YAML file, or with --json as JSON; import takes both."""
    good: list[Item] = []
    wrong: list[str] = []
    for item in _scan(DirectoryTable(stack), console):
        try:
            good.append(canonical(item))
        except CommandError as error:
            wrong.append(str(error))
    if console.as_json:
        console.record({"entries": sorted(good, key=lambda item: item["address"])})
    elif output is None:
        write_file(good, sys.stdout)
    else:
        _replace(output, good)
        console.note(f"wrote {how_many(len(good), 'entries')} to {output}")
    if wrong:
        raise CommandError(
            f"{len(wrong)} entries were left out because they cannot be understood: {' '.join(wrong[:5])}"
        )


@app.command("import")
@command
def import_file(
    stack: Stack,
    console: Console,
    file: Annotated[Path, typer.Argument(help="YAML file; - is standard input.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Remove entries that are not in the file.")] = False,
    yes: Yes = False,
) -> None:
    """Bring the directory to what a file says; may be repeated and interrupted.

    Where --delete would remove more than 10 entries, or a tenth of all, it asks first, and writes an export of the
    directory as it was into the current folder.
    """
    with console.progress("reading the file"):
        content = _read(file)
    table, rules = DirectoryTable(stack), stack_rules(stack)
    present = _scan(table, console)
    with console.progress("comparing"):
        wanted = with_present_paths(content.items, present, rules.path_template)
        plan = make_plan(wanted, present, delete=delete)
        _refuse(console, content, bad_results(plan, rules))
        dangling = [one for one in new_findings(plan, rules) if one.kind == "dangling"]
    if not dry_run:
        if len(plan.removed) > _FEW or len(plan.removed) > len(present) * _FEW_OF_ALL:
            _keep(console, plan, present, yes=yes)
        _carry_out(plan, table, console)
    _report(console, plan, dry_run=dry_run)
    for one in dangling[:_MOST_WARNINGS]:
        console.warn(f"{one.entry}: {one.text}")
    if len(dangling) > _MOST_WARNINGS:
        console.warn(f"{len(dangling) - _MOST_WARNINGS} more lead nowhere: mailroomctl directory check")
    if text := warning((*plan.added, *plan.changed), rules.path_template):
        console.warn(text)


@app.command("check")
@command
def check(
    stack: Stack,
    console: Console,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write missing domains, and paths that only version 0.1's rule says.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --fix: show what it would write.")] = False,
) -> None:
    """Find dangling aliases, loops, shadowed addresses, mailboxes in one place, and entries that hold mail.

    Exit code 1 when mail would be lost or is held.
    """
    if dry_run and not fix:
        raise CommandError("--dry-run shows what --fix would write; give both.")
    table, rules = DirectoryTable(stack), stack_rules(stack)
    items = _scan(table, console)
    plan = plan_fixes(items, rules.path_template) if fix else Plan()
    if plan.steps and not dry_run:
        _carry_out(plan, table, console)
        items = _scan(table, console)
    findings = check_directory(items, rules)
    with console.progress("reading what is held"):
        findings += _held(console, DeliveriesTable(stack))
    rows = [
        {"severity": one.severity, "kind": one.kind, "entry": one.entry, "outcome": one.outcome, "finding": one.text}
        for one in findings
    ]
    if fix and console.as_json:
        console.record({"dry_run": dry_run, **_changes(plan), "findings": rows})
    else:
        if fix:
            would = "would be " if dry_run else ""
            counts = f"{len(plan.added)} {would}added, {len(plan.changed)} {would}changed"
            console.done("\n".join([*plan.lines(), counts]), None)
        console.table(("severity", "kind", "entry", "outcome", "finding"), rows, empty="the directory is in order")
    if any(one.severity == "error" for one in findings):
        raise typer.Exit(1)


def _held(console: Console, table: DeliveriesTable) -> list[Finding]:
    """Entries that hold mail, the most first."""
    try:
        groups = group(Choice(Status.HELD).rows(table), at_fault)
    except NoIndexError as error:
        console.warn(str(error))
        return []
    return [
        Finding(
            "error",
            "held",
            one.key,
            f"{how_many(one.messages, 'messages')} held, the oldest since {one.oldest}; {reason}",
        )
        for one, reason in with_reasons(table, groups)
    ]


def _refuse(console: Console, content: File, findings: list[Finding]) -> None:
    """Raise ``CommandError`` for everything that is wrong at once; several are a line each."""
    lines = [str(one) for one in sorted(content.mistakes, key=lambda one: one.line)]
    for one in findings:
        line = content.lines.get(one.entry)
        lines.append(f"line {line}: {one.text}." if line else f"{one.text}.")
    if not lines:
        return
    if len(lines) == 1:
        raise CommandError(f"nothing was changed: {lines[0]}")
    for text in lines[:_MOST_LINES]:
        console.note(text)
    more = f" (the first {_MOST_LINES} are shown)" if len(lines) > _MOST_LINES else ""
    raise CommandError(f"nothing was changed: the file has {len(lines)} mistakes{more}.")


def _keep(console: Console, plan: Plan, present: list[Item], *, yes: bool) -> None:
    """Ask before much is removed, and write down what was there."""
    count = f"{len(plan.removed)} of {len(present)} entries"
    confirm(f"Remove {count}, which are not in the file?", yes=yes, otherwise="nothing was changed.")
    file = Path(f"directory-before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.yaml")
    _replace(file, list(plan.good.values()))
    console.note(f"wrote the directory as it was to {file}")


def _carry_out(plan: Plan, table: DirectoryTable, console: Console) -> None:
    """Write a plan; raises ``CommandError`` that names the entries which somebody else changed meanwhile."""
    try:
        with console.progress("writing", plan.steps) as progress:
            conflicts = carry_out(plan, table, progress)
    except KeyboardInterrupt:
        fail("interrupted: what was written stays, and repeating the command does the rest", INTERRUPTED)
    if conflicts:
        raise CommandError(f"{len(conflicts)} entries stay as they are: {' '.join(conflicts[:5])}")


def _replace(file: Path, items: list[Item]) -> None:
    """Write the file whole or not at all: half a directory is a directory too, and an import would believe it."""
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("w", encoding="utf-8") as stream:
            write_file(items, stream)
        part.replace(file)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}.") from None


def _read(file: Path) -> File:
    try:
        with nullcontext(sys.stdin) if str(file) == "-" else file.open(encoding="utf-8") as stream:
            return read_file(stream)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}.") from None


def _scan(table: DirectoryTable, console: Console) -> list[Item]:
    items: list[Item] = []
    with console.progress("reading the directory") as progress:
        for item in table.scan():
            items.append(item)
            progress.advance()
    return items


def _report(console: Console, plan: Plan, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    counts = f"{len(plan.added)} {would}added, {len(plan.changed)} {would}changed, {len(plan.removed)} {would}removed"
    lines = plan.lines() if dry_run or plan.steps <= _MOST_LINES else []
    lines.append(f"{counts}, {plan.unchanged} as they were")
    if plan.extra:
        lines.append(f"{plan.extra} entries are not in the file and stay; --delete would remove them")
    data = {
        "dry_run": dry_run,
        **_changes(plan),
        "removed": plan.removed,
        "unchanged": plan.unchanged,
        "not_in_file": plan.extra,
    }
    console.done("\n".join(lines), data)


def _changes(plan: Plan) -> dict[str, list[Any]]:
    changed = [{"before": plan.seen[item["address"]], "after": item} for item in plan.changed]
    return {"added": plan.added, "changed": changed}
