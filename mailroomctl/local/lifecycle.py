"""``up``, ``down`` and ``status`` of the embedded AWS."""

import contextlib
import json
import shutil
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from mailroomctl.errors import CommandError
from mailroomctl.local import deploy, processes
from mailroomctl.local.settings import CONSOLE_PACKAGES, Settings
from mailroomctl.queues.depth import QUEUES, depth

#: The processes, in the order in which they start; the AWS serves the others.
AWS, SMTP_SERVER, PIPE = ALWAYS = ("aws", "smtp_server", "pipe")
#: Runs where its packages are installed, and a port is given.
CONSOLE = "console"
PARTS = (*ALWAYS, CONSOLE)
#: What ``up`` does, as it tells its progress.
STEPS = ("starting the AWS services", "building the application", "deploying the stack", "opening the SMTP server")
#: Events for the functions that have to be quick: something that is not mail, and a mail without recipients.
WARM_UP = {
    "ValidateEvent": '{"notificationType": "Bounce"}',
    "ResolveMailboxes": '{"message": {"id": "warm-up", "verdicts": {}}, "recipients": [], "released": []}',
}
#: The packages of the extra ``local``, and a module of each.
PACKAGES = {
    "aiosmtpd": "aiosmtpd",
    "aws-sam-cli": "samcli",
    "aws-sam-translator": "samtranslator",
    "ministack": "ministack",
    "pip": "pip",
}
#: Seconds until a process has to be ready; the machine may be busy with other builds.
PATIENCE = 60.0

type Progress = Callable[[str], None]


@dataclass(frozen=True)
class Part:
    """One process: what it is called, where it answers, and its pid when it runs."""

    part: str
    address: str
    pid: int | None


@dataclass(frozen=True)
class Queue:
    """A queue's messages: those that wait, and those that are being worked on."""

    queue: str
    waiting: int
    in_flight: int


@dataclass(frozen=True)
class Status:
    """What runs where, and what waits in the queues; ``queues`` is empty when the AWS does not run."""

    parts: list[Part]
    queues: list[Queue]
    outputs: dict[str, str]


def up(settings: Settings, progress: Progress = lambda text: None, project: Path = deploy.PROJECT) -> Settings:
    """Start everything and deploy the application of a project; on any failure nothing is left running.

    Where a part has ended by itself while the AWS services run, only that part is started again, with the settings that
    it had. Returns the settings with which everything runs.

    Raises:
        CommandError: the extra ``local`` is not installed, everything runs already, the AWS services have ended while
            other parts run, a port is taken, or a step failed.
    """
    check_installed()
    ended = [name for name in PARTS if not processes.running(settings, name)]
    if ended != list(PARTS):
        return _start_again(settings, ended, progress)
    _check_port("--aws-port", settings.aws_port, {"127.0.0.1", settings.bind or "127.0.0.1"})
    _check_port("--smtp-port", settings.smtp_port, {"127.0.0.1"})
    consoles = [CONSOLE] if settings.console_port is not None and has_console() else []
    if consoles:
        _check_port("--console-port", settings.console_port or 0, {"127.0.0.1"})
    with processes.exclusive(settings):
        settings.save()
        try:
            settings.mail_root.mkdir(parents=True, exist_ok=True)
            progress(STEPS[0])
            _start(settings, AWS)
            progress(STEPS[1])
            deploy.build(settings, project)
            progress(STEPS[2])
            deploy.deploy(settings, project)
            if settings.bind:
                _store_sample(settings)
            progress(STEPS[3])
            with ThreadPoolExecutor() as warming:
                warming.map(lambda step: _warm_up(settings, *step), WARM_UP.items())
                _start(settings, SMTP_SERVER, PIPE, *consoles)
        except BaseException:
            down(settings)
            raise
    return settings


def _start_again(settings: Settings, ended: list[str], progress: Progress) -> Settings:
    if not ended:
        raise CommandError(f"it is up already, with state folder {settings.state}; `mailroomctl local down` ends it")
    if AWS in ended:
        raise CommandError(
            "the AWS services have ended, and what they kept is gone: `mailroomctl local down`, then up again"
        )
    progress(f"starting {' and '.join(ended)} again")
    saved = Settings.load(settings.state)
    _start(saved, *ended)
    return saved


def has_console() -> bool:
    """Say whether the extra ``console`` is installed."""
    return all(map(find_spec, CONSOLE_PACKAGES))


def console_address(settings: Settings) -> str:
    """Return the address that opens the console once; empty when it does not run."""
    try:
        return settings.console_address.read_text()
    except FileNotFoundError:
        return ""


def check_installed() -> None:
    """Make sure that the extra ``local`` is installed.

    Raises:
        CommandError: it is not; the text says how to install it.
    """
    missing = [distribution for distribution in PACKAGES if not find_spec(PACKAGES[distribution])]
    if missing:
        raise CommandError(
            f'mailroomctl local needs the extra "local": pip install "mailroom[local]" (missing: {", ".join(missing)})'
        )


def down(settings: Settings) -> bool:
    """End every process; returns whether any was running. The mail and the logs stay."""
    ended = [processes.stop(settings, name) for name in reversed(PARTS)]
    shutil.rmtree(settings.run_folder, ignore_errors=True)
    return any(ended)


def status(settings: Settings) -> Status:
    """What runs where."""
    beyond = f" and http://{settings.bind}:{settings.aws_port}" if settings.bind else ""
    addresses = {AWS: settings.endpoint + beyond, SMTP_SERVER: f"smtp://127.0.0.1:{settings.smtp_port}", PIPE: ""}
    addresses[CONSOLE] = console_address(settings)
    parts = [Part(name, addresses[name], processes.running(settings, name)) for name in ALWAYS]
    if addresses[CONSOLE]:
        parts.append(Part(CONSOLE, addresses[CONSOLE], processes.running(settings, CONSOLE)))
    queues: list[Queue] = []
    outputs: dict[str, str] = {}
    if parts[0].pid:
        with contextlib.suppress(CommandError, BotoCoreError, ClientError):
            outputs = settings.stack().outputs
            sqs = settings.client("sqs")
            queues = [Queue(name, *depth(sqs, outputs[f"{name}QueueUrl"])) for name in QUEUES]
    return Status(parts, queues, outputs)


def _warm_up(settings: Settings, function: str, event: str) -> None:
    """Start a function's process with an event that changes nothing.

    The workflow gives these steps only seconds, and here the start of the process counts: on a busy machine the first
    mail would fail and wait for its redelivery. What the function answers does not matter.
    """
    formation = settings.client("cloudformation")
    resource = formation.describe_stack_resource(StackName=settings.stack_name, LogicalResourceId=function)
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    settings.client("lambda").invoke(FunctionName=name, Payload=event)


def _store_sample(settings: Settings) -> None:
    """Put a mail where ``events/write_mailbox.json`` says: the stack's own bucket has another name every time."""
    message = json.loads((deploy.PROJECT / "events" / "write_mailbox.json").read_text())["message"]
    s3 = settings.client("s3")
    s3.create_bucket(Bucket=message["bucket"])
    s3.put_object(
        Bucket=message["bucket"],
        Key=message["key"],
        Body=(deploy.PROJECT / "events" / "mail" / "plain.eml").read_bytes(),
    )


def _start(settings: Settings, *names: str) -> None:
    for name in names:
        processes.start(settings, name)
    for name in names:
        processes.wait_until_ready(settings, name, PATIENCE)


def _check_port(option: str, port: int, addresses: set[str]) -> None:
    for address in sorted(addresses):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                reason = error.strerror or str(error)
                raise CommandError(f"cannot listen on {address}:{port} ({reason}); choose with {option}") from None
