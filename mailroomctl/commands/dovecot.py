"""``mailroomctl dovecot``: the users, the configuration and the check of the server that shows the mail."""

import grp
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.directory.overlaps import path_template
from mailroomctl.directory.table import DirectoryTable, Item
from mailroomctl.dovecot.check import check_doveconf
from mailroomctl.dovecot.config import CERTIFICATE, KEY, VERSIONS, Wanted, configuration
from mailroomctl.dovecot.files import replace_file
from mailroomctl.dovecot.finding import ERROR, Layout
from mailroomctl.dovecot.junk import junk_folders
from mailroomctl.dovecot.layout import MAIL_ROOT, USERS_FILE, maildir_in_home
from mailroomctl.dovecot.passwords import (
    Password,
    hashed,
    merged,
    read_hashes,
    read_passwords,
    write_hashes,
)
from mailroomctl.dovecot.reading import read_text
from mailroomctl.dovecot.users import Account, User, make_users, passwd_file
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="The Dovecot server: its users, its configuration, what is wrong with it.")


@app.command("users")
@command
def users(
    stack: Stack,
    console: Console,
    passwords: Annotated[
        Path | None,
        typer.Option(help="Your password file: CSV of address, hash and, if wanted, another login."),
    ] = None,
    set_passwords: Annotated[
        Path | None,
        typer.Option(
            help="CSV of addresses and passwords, - is standard input: first put their hashes into --passwords."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; else standard output.", show_default=False)
    ] = None,
    mail_root: Annotated[str, typer.Option(help="Where Dovecot's server mounts the file system.")] = MAIL_ROOT,
    uid: Annotated[str, typer.Option(help="The user that owns the mail, as a number or a name.")] = "vmail",
    gid: Annotated[str, typer.Option(help="The group that owns the mail, as a number or a name.")] = "vmail",
) -> None:
    """Write Dovecot's list of users, from the directory: each mailbox at its true path.

    Sorted, so that two exports can be compared. Disabled mailboxes are in it, and nobody can log in to them.
    """
    if set_passwords and not passwords:
        raise CommandError("--set-passwords puts hashes into a password file; name it with --passwords.")
    if not mail_root.startswith("/") or ":" in mail_root:
        raise CommandError(f"--mail-root {mail_root}: a path from the root on, without a colon.")
    given = read_hashes(passwords) if passwords and (passwords.exists() or not set_passwords) else []
    if passwords and set_passwords:
        given = merged(given, _hash(set_passwords, console))
        write_hashes(passwords, given)
    items, template = _items(stack, console), path_template(stack)
    made = make_users(items, given, template=template, mail_root=mail_root)
    if not made.lines:
        raise CommandError("the directory has no mailbox; nothing was written.")
    content = passwd_file(made, Account(uid, gid))
    if console.as_json:
        console.table((), [_shown(one) for one in made.lines], empty="")
    elif output is None:
        sys.stdout.write(content)
    if output is not None:
        wrote = replace_file(output, content, mode=0o640, group=_group_of_dovecot())
        console.note(f"{'wrote' if wrote else 'no change in'} {output}: {len(made.lines)} names")
    if passwords is None:
        made.without_password = []
        console.warn("without --passwords nobody can log in with this list")
    for note in made.notes():
        console.warn(note)


@app.command("config")
@command
def config(
    stack: Stack,
    console: Console,
    version: Annotated[str, typer.Option(help="Of Dovecot: 2.3 or 2.4.")],
    users_file: Annotated[str, typer.Option(help="What mailroomctl dovecot users writes.")] = USERS_FILE,
    certificate: Annotated[str, typer.Option(help="TLS certificate with its chain, PEM.")] = CERTIFICATE,
    key: Annotated[str, typer.Option(help="Its private key, PEM.")] = KEY,
    quota: Annotated[str, typer.Option(help="Of each mailbox, such as 10G; without it none.", show_default=False)] = "",
) -> None:
    """Print a complete dovecot.conf for this stack; docs/dovecot.md explains each line."""
    if version not in VERSIONS:
        raise CommandError(f"there is no configuration for Dovecot {version}; there is for {' and '.join(VERSIONS)}.")
    layout = _layout(stack, console)
    wanted = Wanted(layout.folder, layout.junk_folders, users_file, certificate, key, quota)
    text = configuration(version, wanted)
    if console.as_json:
        console.record({"version": version, "configuration": text})
    else:
        sys.stdout.write(text)


@app.command("check")
@command
def check(
    stack: Stack,
    console: Console,
    file: Annotated[
        Path | None,
        typer.Argument(help="Output of doveconf -n; - is standard input. Else doveconf -n runs.", show_default=False),
    ] = None,
) -> None:
    """Name what in Dovecot's configuration loses, hides or slows mail, with the lines that mend it.

    Exit code 1 when mail would be lost or hidden.
    """
    findings = check_doveconf(_doveconf(file), _layout(stack, console))
    rows = [{"severity": one.severity, "setting": one.setting, "finding": one.text, "fix": one.fix} for one in findings]
    if console.as_json or not rows:
        console.table((), rows, empty="the configuration is in order")
    else:
        said = (f"{one.severity}: {one.setting}: {one.text}\n{_indented(one.fix)}" for one in findings)
        console.done("\n".join(said), None)
    if any(one.severity == ERROR for one in findings):
        raise typer.Exit(1)


def _items(stack: Stack, console: Console) -> list[Item]:
    items: list[Item] = []
    with console.progress("reading the directory") as progress:
        for item in DirectoryTable(stack).scan():
            items.append(item)
            progress.advance()
    return items


def _layout(stack: Stack, console: Console) -> Layout:
    folders = junk_folders(_items(stack, console), stack.parameter("JunkFolder", "Junk"))
    return Layout(maildir_in_home(path_template(stack)), folders)


def _hash(file: Path, console: Console) -> list[Password]:
    try:
        with nullcontext(sys.stdin) if str(file) == "-" else file.open(encoding="utf-8-sig", newline="") as stream:
            rows = read_passwords(stream, "standard input" if str(file) == "-" else file.name)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}.") from None
    with console.progress("hashing", len(rows)) as progress:
        return hashed(rows, progress)


def _doveconf(file: Path | None) -> str:
    if file is None:
        try:
            return subprocess.run(["doveconf", "-n"], check=True, capture_output=True, text=True).stdout
        except FileNotFoundError:
            raise CommandError("there is no doveconf here; give the output of doveconf -n as FILE.") from None
        except subprocess.CalledProcessError as error:
            raise CommandError(f"doveconf -n failed: {error.stderr}") from None
    return read_text(file)


def _group_of_dovecot() -> int | None:
    """The group that Dovecot's login checks run under, where there is one: it has to read the list."""
    try:
        return grp.getgrnam("dovecot").gr_gid
    except KeyError:
        return None


def _shown(user: User) -> dict[str, str | bool]:
    return {"login": user.login, "mailbox": user.mailbox, "home": user.home.home, "enabled": user.enabled}


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
