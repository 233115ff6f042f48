"""``mailroomctl``: the operator's command line."""

from typing import Annotated, Any

import typer

from mailroomctl.command import command
from mailroomctl.commands import (
    alias,
    audit,
    catch_all,
    console,
    dead_letters,
    directory,
    doctor,
    domain,
    dovecot,
    explain,
    group,
    held,
    import_mail,
    init,
    mailbox,
    parked,
    pipe,
    quarantine,
    replay,
    restore,
    status,
    trace,
    workmail,
)
from mailroomctl.commands.local import app as local_app
from mailroomctl.version import VERSION

app = typer.Typer(
    name="mailroomctl",
    epilog="Exit codes: 0 done; 1 failed or incomplete, with the reason; 2 usage error; 3 a part of the embedded AWS"
    " is not running; 130 interrupted by Ctrl-C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"mailroomctl {VERSION}")
        raise typer.Exit


def _misplaced(name: str) -> Any:
    """An option that every command has, and that people write in front of it."""

    def refuse(value: str | None) -> None:
        if value is not None:
            raise typer.BadParameter(f"it goes after the command: mailroomctl status {name} {value}")

    return typer.Option(name, callback=refuse, hidden=True)


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    stack_name: Annotated[str | None, _misplaced("--stack-name")] = None,
    region: Annotated[str | None, _misplaced("--region")] = None,
    profile: Annotated[str | None, _misplaced("--profile")] = None,
    endpoint_url: Annotated[str | None, _misplaced("--endpoint-url")] = None,
) -> None:
    """Operate Mailroom: who receives mail, and what became of it."""


app.command("init")(command(init.init))
app.add_typer(mailbox.app, name="mailbox")
app.add_typer(alias.app, name="alias")
app.add_typer(group.app, name="group")
app.add_typer(catch_all.app, name="catch-all")
app.add_typer(domain.app, name="domain")
app.add_typer(directory.app, name="directory")
app.add_typer(dovecot.app, name="dovecot")
app.command("import")(command(import_mail.import_mail))
app.add_typer(quarantine.app, name="quarantine")
app.command("explain")(command(explain.explain))
app.command("status")(command(status.status))
app.command("doctor")(command(doctor.doctor))
app.command("trace")(command(trace.trace))
app.command("audit")(command(audit.audit))
app.command("replay")(command(replay.replay))
app.command("restore")(command(restore.restore))
app.add_typer(held.app, name="held")
app.add_typer(parked.app, name="parked")
app.add_typer(pipe.app, name="pipe")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(workmail.app, name="workmail")
app.command("console")(command(console.console))
app.add_typer(local_app, name="local")
