"""``mailroomctl local``: the whole application on this machine."""

import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from mailroom.statuses import FINAL

from mailroomctl.command import clear_errors
from mailroomctl.console import Console
from mailroomctl.errors import CommandError
from mailroomctl.local.settings import ACCESS_KEY, SECRET_KEY, Settings
from mailroomctl.options.verdict import VerdictOption, parse_verdicts

app = typer.Typer(no_args_is_help=True, help="Run the whole application on this machine, without an AWS account.")

State = Annotated[Path, typer.Option(help="Folder for everything that the embedded AWS keeps.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
STATE = Path(".local")

# What the commands do is imported when they run: it takes a second, and `mailroomctl --help` must not pay for it.


@app.command()
def up(
    state: State = STATE,
    aws_port: Annotated[int, typer.Option(help="Port of the AWS endpoint.", min=1, max=65535)] = 4566,
    smtp_port: Annotated[int, typer.Option(help="Port of the SMTP server.", min=1, max=65535)] = 2525,
    console_port: Annotated[int, typer.Option(help="Port of the console.", min=1, max=65535)] = 8850,
    no_console: Annotated[bool, typer.Option("--no-console", help="Start no console.")] = False,
    bind: Annotated[
        str | None, typer.Option(help="One more address for the AWS endpoint, so that containers reach it.")
    ] = None,
    region: Annotated[str, typer.Option(help="AWS region.")] = "us-east-1",
    stack_name: Annotated[str, typer.Option(help="Name of the stack.")] = "mailroom-local",
    redelivery: Annotated[
        int | None, typer.Option(help="Seconds until a failed message is redelivered, instead of the queue's.", min=0)
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="Template parameter, such as LogLevel=DEBUG; repeatable.")
    ] = None,
) -> None:
    """Start the embedded AWS, deploy the application on it, and open the SMTP server."""
    from rich.console import Console as RichConsole

    from mailroomctl.local import lifecycle

    with clear_errors():
        settings = Settings(
            state=state.absolute(),
            aws_port=aws_port,
            smtp_port=smtp_port,
            console_port=None if no_console else console_port,
            bind=bind,
            region=region,
            stack_name=stack_name,
            redelivery=redelivery,
            parameters=dict(_pair(item, "--parameter") for item in parameter or []),
        )
        # Nothing half-started may stay behind, whatever ends this.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        with RichConsole(stderr=True).status("") as spinner:
            settings = lifecycle.up(settings, spinner.update)
        typer.echo(_how_to_use(settings, lifecycle.console_address(settings)))


@app.command()
def down(state: State = STATE) -> None:
    """End every process of the embedded AWS. The mail and the logs stay."""
    from mailroomctl.local import lifecycle

    with clear_errors():
        ended = (state / "local.json").exists() and lifecycle.down(Settings.load(state))
        typer.echo("ended" if ended else f"nothing was running with state folder {state.absolute()}")


@app.command()
def status(state: State = STATE, as_json: Json = False) -> None:
    """Show what runs where, and what waits in the queues. Exit code 3 when a part does not run."""
    from mailroomctl.local import lifecycle

    with clear_errors():
        settings = Settings.load(state)
        now = lifecycle.status(settings)
        shown = asdict(now) | {"state": str(settings.state), "mail_root": str(settings.mail_root)}
        console = Console(as_json=as_json)
        if as_json:
            console.record(shown)
        else:
            console.table(["part", "address", "pid"], shown["parts"], empty="")
            console.table(["queue", "waiting", "in_flight"], shown["queues"], empty="no queues\n")
            typer.echo(f"mail root {settings.mail_root}")
        if not all(part.pid for part in now.parts):
            raise typer.Exit(3)


@app.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="Mails as files; - is standard input.", show_default=False)],
    to: Annotated[list[str], typer.Option(help="Envelope recipient; repeatable.", show_default=False)],
    sender: Annotated[str, typer.Option("--from", help="Envelope sender; '' as for a bounce.")] = "sender@example.org",
    verdict: VerdictOption = None,
    notifications: Annotated[int, typer.Option(help="How often SES notifies of the mail.", min=1, max=9)] = 1,
    wait: Annotated[float, typer.Option(help="Seconds to wait for each outcome.", min=0)] = 60,
    state: State = STATE,
    as_json: Json = False,
) -> None:
    """Send messages through the SMTP server, and print what became of each copy.

    Exit code 1 when one has no outcome.
    """
    from mailroomctl.local import outcomes
    from mailroomctl.local import send as smtp

    with clear_errors():
        settings = Settings.load(state)
        found = parse_verdicts(verdict)
        if notifications > 1:
            found["notifications"] = str(notifications)
        contents = [(str(file), _read(file)) for file in files]
        sent = [(name, smtp.send(settings, sender, to, content, found)) for name, content in contents]
        rows: list[dict[str, Any]] = [
            {"message": name, "message_id": mail.message_id, **asdict(outcome)}
            for name, mail in sent
            for outcome in outcomes.wait(settings, mail, wait)
        ]
        Console(as_json=as_json).table(["message", "recipient", "mailbox", "outcome", "file", "detail"], rows, empty="")
        if any(row["outcome"] not in FINAL for row in rows):
            raise typer.Exit(1)


def _how_to_use(settings: Settings, console: str) -> str:
    address = (
        f"console       {console} (opens once; `mailroomctl local status` has the next address)\n" if console else ""
    )
    return (
        f"{address}"
        f"SMTP server   127.0.0.1:{settings.smtp_port} (any mail client; no login)\n"
        f"AWS endpoint  {settings.endpoint}, region {settings.region}, stack {settings.stack_name}\n"
        f"mail root     {settings.mail_root}\n\n"
        "For mailroomctl and the AWS tools:\n"
        f"  export AWS_ENDPOINT_URL={settings.endpoint} AWS_REGION={settings.region}"
        # The AWS CLI 1 and boto3 know this one only.
        f" AWS_DEFAULT_REGION={settings.region}"
        f" AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={SECRET_KEY}"
        # Without the last one they would look for a host called sync-127.0.0.1.
        f" MAILROOM_STACK_NAME={settings.stack_name} AWS_DISABLE_HOST_PREFIX_INJECTION=true"
    )


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from None


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise CommandError(f"{option} takes NAME=VALUE, not {text!r}")
    return name, value
