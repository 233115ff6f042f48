"""``mailroomctl workmail``: what an organisation of Amazon WorkMail becomes here."""

import sys
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.directory.yaml_file import write_file
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack
from mailroomctl.workmail import reading
from mailroomctl.workmail.exports import Export, exports, script
from mailroomctl.workmail.organisation import Organisation, load, saved
from mailroomctl.workmail.plan import make_plan

app = typer.Typer(no_args_is_help=True, help="Leaving Amazon WorkMail.")


@app.callback()
def _only_plan() -> None:
    """A typer with one command would have none below its name."""


@app.command("plan")
@command
def plan(
    stack: Stack,
    console: Console,
    organization: Annotated[
        str | None, typer.Option(help="Such as m-…; else the only one in the region.", show_default=False)
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from", help="What --save wrote, instead of asking AWS; - is standard input.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            help="File for what was read, as JSON. Give it every time: WorkMail forgets exports after a week."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="YAML file to write; else standard output.")
    ] = None,
    export_script: Annotated[
        Path | None, typer.Option("--exports", help="Shell script to write, with the exports that are left.")
    ] = None,
    exported_since: Annotated[
        datetime | None,
        typer.Option(
            help="Exports that were started before are old and have to be run again (UTC).", show_default=False
        ),
    ] = None,
) -> None:
    """Plan the directory from WorkMail's users, groups and resources, for directory import to read.

    Says what has no counterpart, and how far the exports of mail are. It changes nothing at WorkMail.
    """
    organisation = _organisation(stack, console, organization, from_file, save)
    made = make_plan(organisation)
    found = exports(organisation, made.mailboxes, exported_since.isoformat() if exported_since else "")
    if save:
        _write(save, saved(organisation))
    if export_script:
        _write(export_script, script(organisation.OrganizationId, found))
    if output:
        with _opened(output) as stream:
            write_file(made.items, stream)
        console.note(f"wrote {len(made.items)} entries to {output}")
    if console.as_json:
        console.record(
            {
                "organization": organisation.OrganizationId,
                "entries": made.items,
                "no_counterpart": [{"about": one.about, "text": one.text} for one in made.notes],
                "exports": [_shown(one) for one in found],
            }
        )
    elif not output:
        write_file(made.items, sys.stdout)
    for note in made.notes:
        console.warn(f"{note.about}: {note.text}")
    console.note(_summary(found))


def _organisation(
    stack: Stack, console: Console, organization: str | None, file: Path | None, save: Path | None
) -> Organisation:
    if file:
        return _saved(file)
    earlier = _saved(save) if save and save.exists() else None
    client = stack.client("workmail", **reading.CLIENT)
    organization = organization or reading.find(client)
    if earlier and earlier.OrganizationId != organization:
        raise CommandError(f"{save} holds another organisation, {earlier.OrganizationId}; give another file.")
    with console.progress("reading WorkMail") as progress:
        return reading.read(client, organization, progress, earlier.Jobs if earlier else ())


def _saved(file: Path) -> Organisation:
    try:
        with nullcontext(sys.stdin) if str(file) == "-" else file.open(encoding="utf-8") as stream:
            return load(stream, "standard input" if str(file) == "-" else str(file))
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}.") from None


def _summary(found: list[Export]) -> str:
    counts = {state: sum(one.state == state for one in found) for state in sorted({one.state for one in found})}
    said = ", ".join(f"{count} {state.lower().replace('_', ' ')}" for state, count in counts.items())
    return f"exports of mail: {said or 'no mailbox'}"


def _shown(one: Export) -> dict[str, str]:
    return {"entity": one.entity, "mailbox": one.address, "state": one.state, "detail": one.detail}


def _write(file: Path, text: str) -> None:
    with _opened(file) as stream:
        stream.write(text)


def _opened(file: Path) -> TextIO:
    try:
        return file.open("w", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}.") from None
