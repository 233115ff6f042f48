"""``mailroomctl import``: old mail into a mailbox, from a mounted mail root."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from mailroom.errors import MailroomError, StorageUnavailable
from mailroom.mailbox_paths import check_path

from mailroomctl.addresses import normalised
from mailroomctl.command import INTERRUPTED, fail
from mailroomctl.console import Console
from mailroomctl.directory.models import checked_address
from mailroomctl.directory.overlaps import path_of, path_template
from mailroomctl.directory.records_names import records_name
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.errors import CommandError
from mailroomctl.moving.folders import Folders, left_out_folders, parse_folder, parse_mapping
from mailroomctl.moving.importing import Options, import_source
from mailroomctl.moving.known import By
from mailroomctl.moving.owner import Owner, owner_for, parse_owner
from mailroomctl.moving.plan import Move, Target, Wrong, read_map, refuse_own_mailbox, targets
from mailroomctl.moving.progress import showing
from mailroomctl.moving.sources.item import Calendar, Quoting, Reading
from mailroomctl.moving.sources.opening import STDIN, open_source
from mailroomctl.moving.summary import COLUMNS, Outcome, Summary
from mailroomctl.moving.write import usual_jobs
from mailroomctl.stack import Stack

_SHOWN = 10  # messages, to people
_MOST_LINES = 100  # of what is wrong in a map


def import_mail(
    stack: Stack,
    console: Console,
    source: Annotated[
        str | None,
        typer.Argument(
            help="A zip or tar archive, an mbox, a Maildir, a folder of .eml files; - is standard input.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[str | None, typer.Option(help="Address of the mailbox.", show_default=False)] = None,
    mail_root: Annotated[
        Path | None,
        typer.Option(
            envvar="MAILROOM_MAIL_ROOT", help="Folder that holds all mailboxes, mounted here.", show_default=False
        ),
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(help="Maildir below the mail root; else the directory says, on AWS.", show_default=False),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", help="CSV file with lines SOURCE,MAILBOX[,PATH], instead of one.", show_default=False),
    ] = None,
    folder: Annotated[
        str | None, typer.Option(help="Folder to put everything below; else the mailbox itself.", show_default=False)
    ] = None,
    folder_map: Annotated[
        list[str] | None,
        typer.Option(metavar="FROM=TO", help="Another name for a folder and all below it; repeatable."),
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option(metavar="FOLDER", help="Leave out a folder and all below it; repeatable.")
    ] = None,
    mbox: Annotated[Quoting, typer.Option(help="How lines that begin with From are quoted in an mbox.")] = Quoting.RD,
    calendar: Annotated[
        Calendar, typer.Option(help="What becomes of calendar items among .eml files.")
    ] = Calendar.FOLDER,
    seen: Annotated[bool, typer.Option("--seen", help="Mark as read what the source says nothing about.")] = False,
    skip_known: Annotated[
        bool, typer.Option("--skip-known", help="Leave out mail that has come to the mailbox another way.")
    ] = False,
    skip_by: Annotated[
        By | None,
        typer.Option(help="What makes mail known; implies --skip-known. By message-id alone at your own risk."),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(metavar="USER[:GROUP]", help="Owner of what root writes; else the mailbox's.", show_default=False),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Messages to write at once; else 16 on NFS, 4 elsewhere.", min=1, max=256)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be imported; write nothing.")] = False,
) -> None:
    """Import old mail into a mailbox. May be repeated and interrupted: what is there is not written again."""
    if mail_root is None:
        raise CommandError("give --mail-root, the folder that holds all mailboxes, or set MAILROOM_MAIL_ROOT.")
    if not mail_root.is_dir():
        raise CommandError(f"{mail_root} is no folder; is the file system mounted?")
    mapping = parse_mapping(folder_map or [])
    left_out, base = left_out_folders(leave_out or []), parse_folder(folder or "")
    labels = {source[0]: target for source, target in mapping.items() if len(source) == 1}
    wanted = parse_owner(owner)
    moves = _moves(stack, console, source, to, path, map_file)

    def reading() -> Reading:
        return Reading(mbox, calendar, lambda label: "/".join(labels.get(label.casefold(), (label,))))

    def options(owner: Owner | None, name: str) -> Options:
        return Options(
            folders=lambda: Folders(mapping, left_out, base),
            jobs=jobs or usual_jobs(str(mail_root)),
            name=name,
            known_by=skip_by or (By.ALL if skip_known else None),
            seen=seen,
            dry_run=dry_run,
            owner=owner,
        )

    _import_all(console, moves, mail_root, wanted, reading, options)


def _moves(
    stack: Stack, console: Console, source: str | None, to: str | None, path: str | None, map_file: Path | None
) -> list[tuple[Move, Target]]:
    if map_file is None:
        if source is None or to is None:
            raise CommandError("give a SOURCE and --to MAILBOX, or --map FILE.")
        moves, wrong = [Move(source, to, path)], list[Wrong]()
    elif source or to or path:
        raise CommandError("--map says what goes where; give no SOURCE, --to or --path with it.")
    else:
        moves, wrong = read_map(map_file)
    found = targets(moves, lambda move: _target(stack, move), wrong)
    if wrong:
        for one in wrong[:_MOST_LINES]:
            console.note(str(one))
        lines = "one line is" if len(wrong) == 1 else f"{len(wrong)} lines are"
        raise CommandError(f"nothing was imported: {lines} wrong in {map_file}.")
    for target in dict.fromkeys(target for _, target in found):
        if not target.enabled:
            console.warn(f"{target.address} is disabled: mail is imported, and nobody can log in to read it")
    return found


def _target(stack: Stack, move: Move) -> Target:
    """Find a mailbox: where it is said to lie, else where the directory says."""
    address = normalised(str(checked_address(move.address)))
    if move.path:
        return Target(address, check_path(move.path), address)
    item = DirectoryTable(stack).require(address, "mailbox")
    enabled = item.get("enabled") is not False
    return Target(address, path_of(item, path_template(stack)), records_name(item), enabled)


def _import_all(
    console: Console,
    moves: list[tuple[Move, Target]],
    mail_root: Path,
    wanted: Owner | None,
    reading: Callable[[], Reading],
    options: Callable[[Owner | None, str], Options],
) -> None:
    """Import one source after the other; what is wrong with one does not keep the next from its mailbox."""
    summaries: list[Summary] = []
    interrupted = False
    try:
        for move, target in moves:
            summary = Summary(move.source, target.address, target.path)
            summaries.append(summary)
            try:
                given = options(owner_for(str(mail_root), target.path.split("/"), wanted), target.name)
                _import_one(mail_root, reading(), given, summary)
            except (CommandError, MailroomError) as error:
                if len(moves) == 1 and not summary.found:
                    raise
                summary.problem = str(error)
                if isinstance(error, StorageUnavailable):
                    break
    except KeyboardInterrupt:
        interrupted = True
        summaries[-1].problem = "interrupted"
    _report(console, summaries)
    if interrupted:
        fail("interrupted; the command may be repeated", INTERRUPTED)
    _complain(summaries, left=len(moves) - len(summaries))


def _import_one(mail_root: Path, reading: Reading, options: Options, summary: Summary) -> None:
    if summary.source != STDIN:
        refuse_own_mailbox(summary.source, mail_root, [summary.path])
    summary.dry_run = options.dry_run
    source = open_source(summary.source, reading)
    try:
        with showing(source, summary.mailbox) as progress:
            import_source(source, str(mail_root), summary.path, summary, options, progress)
    finally:
        source.close()


def _report(console: Console, summaries: list[Summary]) -> None:
    if console.as_json:
        console.record({"imports": [summary.data() for summary in summaries]})
        return
    for summary in summaries:
        would = " would go" if summary.dry_run else ""
        console.done(f"{summary.source}{would} to {summary.mailbox} at {summary.path}", None)
        columns = [name for name in COLUMNS if name in ("folder", "found", "imported") or summary.total(Outcome(name))]
        console.table(columns, summary.rows() if summary.folders else [], empty="there is no mail in it")
        _tell(console, summary)


def _tell(console: Console, summary: Summary) -> None:
    """Say what the numbers do not."""
    for before, after in summary.replaced.items():
        console.note(f"the folder {before!r} cannot have this name; it becomes {after!r}")
    if summary.keywords:
        words = ", ".join(f"{name} ({number})" for name, number in summary.keywords.most_common(_SHOWN))
        console.note(f"keywords were not written: {words}")
    new = [name for name in summary.made if name != "INBOX"]
    if new:
        folders = "one folder" if len(new) == 1 else f"{len(new)} folders"
        folders += " would be" if summary.dry_run else " is" if len(new) == 1 else " are"
        console.note(
            f"{folders} new; a mail program that shows subscribed folders only needs for each:"
            f" doveadm mailbox subscribe -u {summary.mailbox} FOLDER"
        )
    for told, number, what in (
        (summary.no_mail, summary.counts["no_mail"], "files are no mail"),
        (summary.same_id, summary.counts["same_message_id"], "messages have the Message-ID of another one"),
        (summary.set_aside, summary.total(Outcome.SET_ASIDE), "messages were set aside"),
    ):
        for one in told[:_SHOWN]:
            console.warn(f"{one['where']}: {one['reason']}")
        if number > _SHOWN:
            console.note(f"and {number - _SHOWN} more: {number} {what}; --json names the first {len(told)}")


def _complain(summaries: list[Summary], left: int) -> None:
    """End with exit code 1 when something is missing."""
    problems: list[Any] = [summary for summary in summaries if summary.problem]
    if problems:
        text = "; ".join(f"{one.source}: {one.problem}" for one in problems[:_SHOWN])
        more = f"; {left} sources were not begun" if left else ""
        fail(f"not complete: {text}{more}; the command may be repeated")
    aside = sum(summary.total(Outcome.SET_ASIDE) for summary in summaries)
    if aside:
        were = "message was set aside and is" if aside == 1 else "messages were set aside and are"
        fail(f"{aside} {were} not in the mailbox")
