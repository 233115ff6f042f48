"""``mailroomctl restore``: the day after a backup of the file system had to be used."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from mailroomctl.audit.repair import Repair
from mailroomctl.audit.restore import Lost, by_mailbox, end_unfinished, find_lost, restore_lost
from mailroomctl.audit.work import begun
from mailroomctl.command import INTERRUPTED, fail
from mailroomctl.console import Console
from mailroomctl.counting import how_many
from mailroomctl.directory.models import checked_address
from mailroomctl.directory.records_names import name_of
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack
from mailroomctl.times import parse_moment

_SHOWN = 10  # reasons, to people
_SINCE = typer.Option(
    parser=parse_moment,
    metavar="WHEN",
    help="When the backup was begun: what was delivered since is looked for.",
    show_default=False,
)
_UNTIL = typer.Option(
    parser=parse_moment,
    metavar="WHEN",
    help="When the restored file system came into use, if mail has been read since.",
    show_default=False,
)
_ROOT = typer.Option(help="The mail root, mounted here.", exists=True, file_okay=False, show_default=False)


def restore(
    stack: Stack,
    console: Console,
    since: Annotated[datetime, _SINCE],
    mail_root: Annotated[Path, _ROOT],
    until: Annotated[datetime | None, _UNTIL] = None,
    mailbox: Annotated[
        list[str] | None, typer.Option(help="Only this mailbox; repeatable. Else all.", show_default=False)
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also what an earlier restore since then has delivered.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Deliver again what is on record since a backup was made and nowhere in its mailbox, from the raw mail.

    For the day after a backup of the file system had to be used. A copy that is in its mailbox, in any folder and with
    any flags, stays as it is; one that is not comes back as new mail, in the folder where it was delivered to. So does
    what its reader has deleted since the backup, for nothing knows of that. No sender gets a bounce.

    It may be interrupted and repeated: what it has delivered once it leaves, even when its reader deletes it.

    Exit code 1 when anything is left, 130 when interrupted.
    """
    wanted = [name_of(DirectoryTable(stack), checked_address(one)) for one in mailbox or ()]
    result = Repair()
    try:
        with begun(stack, since, until or datetime.now(UTC), mail_root) as work:
            lost = find_lost(stack, console, work, wanted, again=again)
            if dry_run:
                _say_plan(console, lost, by_mailbox(work.notes))
                return
            if lost.absent:
                _confirm(lost, len(by_mailbox(work.notes)), yes=yes)
                with console.progress("restoring", lost.absent) as progress:
                    restore_lost(stack, work.notes, result, progress)
            if not lost.unreadable:
                end_unfinished(stack, work.notes)
    except KeyboardInterrupt:
        _say(console, lost, result) if result.repaired or result.left else None
        fail("interrupted; the command may be repeated", INTERRUPTED)
    _say(console, lost, result)
    if result.left or lost.unreadable:
        raise typer.Exit(1)


def _confirm(lost: Lost, mailboxes: int, *, yes: bool) -> None:
    if yes:
        return
    what = f"{how_many(lost.absent, 'copies')} in {how_many(mailboxes, 'mailboxes')}"
    if not sys.stdin.isatty():
        raise CommandError(f"absent: {what}. Add --yes to deliver them again without being asked.")
    if not typer.confirm(f"Deliver {what} again? What was deleted since the backup comes back, too.", err=True):
        raise CommandError("nothing was restored.")


def _say_plan(console: Console, lost: Lost, rows: list[dict[str, object]]) -> None:
    if console.as_json:
        console.record({"absent": lost.absent, "restored_before": lost.before, "mailboxes": rows})
        return
    console.table(("mailbox", "copies", "oldest", "newest"), rows, empty="nothing is absent")
    if lost.absent:
        console.done(f"{how_many(lost.absent, 'copies')} would be restored", None)
    _note(console, lost)


def _say(console: Console, lost: Lost, result: Repair) -> None:
    reasons = [{"message_id": message_id, "reason": why} for message_id, why in result.reasons]
    data = {"restored": result.repaired, "left": result.left, "restored_before": lost.before, "reasons": reasons}
    left = f", {result.left} are left as they were" if result.left else ""
    console.done(f"restored {result.repaired} of {lost.absent} absent copies{left}", data)
    _note(console, lost)
    if not console.as_json:
        for message_id, why in result.reasons[:_SHOWN]:
            console.warn(f"{message_id}: {why}")
    if result.stopped:
        console.warn("stopped, because so many executions in a row failed")


def _note(console: Console, lost: Lost) -> None:
    if lost.before:
        console.note(
            f"{lost.before} were restored before and are absent again, most likely deleted; --again takes them"
        )
    for mailbox, why in lost.unreadable:
        console.warn(f"{mailbox} could not be looked into: {why}")
