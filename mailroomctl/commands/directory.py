"""``mailroomctl directory``: the directory as a whole."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from mailroom.statuses import Status

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.deliveries.held import Choice, at_fault, group, with_reasons
from mailroomctl.deliveries.indexes import NoIndexError
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.directory.check import Finding, check_directory
from mailroomctl.directory.default_paths import warning, with_present_paths
from mailroomctl.directory.fixes import plan_fixes
from mailroomctl.directory.import_plan import Plan, carry_out, make_plan, refuse_bad_result
from mailroomctl.directory.stack_rules import stack_rules
from mailroomctl.directory.table import DirectoryTable, Item
from mailroomctl.directory.yaml_file import canonical, read_file, write_file
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

_MOST_LINES = 100  # of a diff that was carried out; a dry run shows all

app = typer.Typer(no_args_is_help=True, help="The whole directory: export, import, check.")


@app.command("export")
@command
def export(
    stack: Stack,
    console: Console,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; else standard output.")] = None,
) -> None:
    """Write the whole directory as one YAML file, or with --json as a list."""
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
        console.note(f"wrote {len(good)} entries to {output}")
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
) -> None:
    """Bring the directory to what a file says; may be repeated and interrupted."""
    with console.progress("reading the file"):
        wanted = _read(file)
    table, rules = DirectoryTable(stack), stack_rules(stack)
    present = _scan(table, console)
    with console.progress("comparing"):
        wanted = with_present_paths(wanted, present, rules.path_template)
        plan = make_plan(wanted, present, delete=delete)
        refuse_bad_result(plan, rules)
    if not dry_run:
        _carry_out(plan, table, console)
    _report(console, plan, dry_run=dry_run)
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
        Finding("error", "held", one.key, f"{one.messages} messages are held, the oldest since {one.oldest}; {reason}")
        for one, reason in with_reasons(table, groups)
    ]


def _carry_out(plan: Plan, table: DirectoryTable, console: Console) -> None:
    """Write a plan; raises ``CommandError`` that names the entries which somebody else changed meanwhile."""
    with console.progress("writing", plan.steps) as progress:
        conflicts = carry_out(plan, table, progress)
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


def _read(file: Path) -> list[Item]:
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
