"""``mailroomctl local``: the whole application on this machine."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mailroomctl.local import lifecycle
from mailroomctl.local import send as sending
from mailroomctl.local.settings import ACCESS_KEY, SECRET_KEY, LocalError, Settings
from mailroomctl.local.smtp_door import checked_findings

app = typer.Typer(no_args_is_help=True, help="Run the whole application on this machine, without an AWS account.")

State = Annotated[Path, typer.Option("--state", help="Folder for everything the embedded AWS keeps.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
STATE = Path(".local")


@app.command()
def up(
    state: State = STATE,
    aws_port: Annotated[int, typer.Option(help="Port of the AWS endpoint.")] = 4566,
    smtp_port: Annotated[int, typer.Option(help="Port of the SMTP door.")] = 2525,
    bind: Annotated[str | None, typer.Option(help="One more address for the AWS endpoint, for containers.")] = None,
    region: Annotated[str, typer.Option(help="AWS region.")] = "us-east-1",
    stack_name: Annotated[str, typer.Option(help="Name of the stack.")] = "mailroom-local",
    visibility_timeout: Annotated[
        int | None, typer.Option(help="Seconds until a failed message is tried again [the queue's own setting].", min=0)
    ] = None,
    parameter: Annotated[list[str] | None, typer.Option(help="One more template parameter, Name=Value.")] = None,
) -> None:
    """Start the embedded AWS, deploy the application on it, and open the SMTP door."""
    with _errors():
        parameters = dict(_pair(item, "--parameter") for item in parameter or [])
        settings = Settings(
            state=state.absolute(),
            aws_port=aws_port,
            smtp_port=smtp_port,
            bind=bind,
            region=region,
            stack_name=stack_name,
            visibility_timeout=visibility_timeout,
            parameters=parameters,
        )
        console = Console(stderr=True)
        with console.status("starting") as spinner:
            lifecycle.up(settings, lambda text: spinner.update(text))
        typer.echo(_how_to_use(settings))


@app.command()
def down(state: State = STATE) -> None:
    """End every process of the embedded AWS. The mail and the logs stay."""
    with _errors():
        typer.echo("ended" if lifecycle.down(Settings.load(state)) else "nothing was running")


@app.command()
def status(state: State = STATE, as_json: Json = False) -> None:
    """Show what runs where, and what waits in the queues. Exit code 3 when a part does not run."""
    with _errors():
        settings = Settings.load(state)
        now = lifecycle.status(settings)
        if as_json:
            typer.echo(json.dumps(asdict(now) | {"state": str(settings.state), "mail_root": str(settings.mail_root)}))
        else:
            _print_status(settings, now)
        if not all(part.pid for part in now.parts):
            raise typer.Exit(3)


@app.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="Mails as files; - is standard input.")],
    to: Annotated[list[str], typer.Option("--to", help="Envelope recipient; repeat for more.")],
    sender: Annotated[str, typer.Option("--from", help="Envelope sender; '' for a bounce.")] = "sender@example.org",
    verdict: Annotated[
        list[str] | None, typer.Option(help="What SES finds: spam|virus|spf|dkim|dmarc=FAIL, dmarc-policy=reject.")
    ] = None,
    notifications: Annotated[int, typer.Option(help="How often SES notifies of it.", min=1, max=9)] = 1,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the outcome.", min=0)] = 30,
    state: State = STATE,
    as_json: Json = False,
) -> None:
    """Send mails through the SMTP door and print what became of each. Exit code 1 unless each copy has an outcome."""
    with _errors():
        settings = Settings.load(state)
        try:
            found = checked_findings(dict(_pair(item, "--verdict") for item in verdict or []))
        except ValueError as error:
            raise LocalError(f"--verdict: {error}") from None
        if notifications > 1:
            found["notifications"] = str(notifications)
        contents = [(str(file), _read(file)) for file in files]
        sent = [(name, sending.send(settings, sender, to, content, found)) for name, content in contents]
        results = [(name, mail, sending.wait(settings, mail, wait)) for name, mail in sent]
        if as_json:
            rows: list[dict[str, Any]] = [
                {"file": name, "message_id": mail.message_id, "outcomes": [asdict(row) for row in outcomes]}
                for name, mail, outcomes in results
            ]
            typer.echo(json.dumps(rows))
        else:
            Console().print(outcome_table([(name, row) for name, _, outcomes in results for row in outcomes]))
        if any(row.status not in sending.FINAL for _, _, outcomes in results for row in outcomes):
            raise typer.Exit(1)


def outcome_table(rows: list[tuple[str, sending.Outcome]]) -> Table:
    """Message, recipient, outcome and file, one line per copy."""
    table = Table("message", "recipient", "outcome", "file", title=None)
    for name, row in rows:
        detail = f"{row.status} {row.detail}".strip()
        table.add_row(name, row.recipient, detail, row.place, style=None if row.status in sending.FINAL else "red")
    return table


def _print_status(settings: Settings, now: lifecycle.Status) -> None:
    console = Console()
    parts = Table("part", "address", "process", title=None)
    for part in now.parts:
        parts.add_row(part.name, part.address, f"pid {part.pid}" if part.pid else "[red]not running[/]")
    console.print(parts)
    if now.queues:
        queues = Table("queue", "waiting", "in work", title=None)
        for name, (waiting, working) in now.queues.items():
            queues.add_row(name, str(waiting), str(working))
        console.print(queues)
    console.print(f"mail root {settings.mail_root}", soft_wrap=True)


def _how_to_use(settings: Settings) -> str:
    return (
        f"SMTP door     127.0.0.1:{settings.smtp_port} (any mail client; no login)\n"
        f"AWS endpoint  {settings.endpoint}, region {settings.region}, stack {settings.stack_name}\n"
        f"mail root     {settings.mail_root}\n\n"
        "For the AWS tools and mailroomctl:\n"
        f"  export AWS_ENDPOINT_URL={settings.endpoint} AWS_REGION={settings.region}"
        f" AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={SECRET_KEY}"
    )


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise LocalError(f"cannot read {file}: {error.strerror}") from None


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise LocalError(f"{option} takes name=value, not {text!r}")
    return name, value


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    """One line on standard error and exit code 1 for what a user can mend."""
    try:
        yield
    except LocalError as error:
        typer.echo(f"mailroomctl local: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("mailroomctl local: interrupted", err=True)
        raise typer.Exit(130) from None
