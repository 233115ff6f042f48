"""``make demo``: the sample mails from SMTP to Maildir, once, as a show that checks itself.

It runs on a state folder of its own, which it makes anew, and on other ports when the usual ones are taken, so that it
neither disturbs nor needs an embedded AWS that is up.
"""

import os
import shutil
import signal
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mailroom.statuses import Status
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.tree import Tree

from mailroomctl.directory.models import MailboxModel, checked_address, mailbox_item
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.errors import CommandError
from mailroomctl.local import deploy, lifecycle
from mailroomctl.local.outcomes import Outcome, outcome_table, wait
from mailroomctl.local.send import Sent, send
from mailroomctl.local.settings import Settings
from mailroomctl.queues.depth import depth
from mailroomctl.stack import Stack

SENDER = "erika@example.org"
BOB, ALICE, ZOE, NOBODY = (f"{name}@example.com" for name in ("bob", "alice", "zoe", "nobody"))
#: Seconds for all outcomes together.
PATIENCE = 60.0


@dataclass(frozen=True)
class Sample:
    """A mail of ``events/mail``, its envelope, what SES finds, and what must become of it."""

    name: str
    recipients: list[str]
    found: dict[str, str] = field(default_factory=dict)
    rejected: list[str] = field(default_factory=list)

    @property
    def expected(self) -> Counter[tuple[str, str]]:
        """Each recipient with its outcome."""
        rejected, delivered = Status.REJECTED, Status.DELIVERED
        return Counter((name, rejected if name in self.rejected else delivered) for name in self.recipients)


SAMPLES = [
    Sample("plain.eml", [BOB]),
    Sample("eight_bit.eml", [ZOE]),
    Sample("attachment.eml", [ALICE]),
    Sample("several_recipients.eml", [BOB, ALICE, ZOE]),
    Sample("unknown_recipient.eml", [BOB, NOBODY], rejected=[NOBODY]),
    Sample("duplicate_notification.eml", [ALICE], found={"notifications": "3"}),
]


def main() -> int:
    """Run the demo; returns the exit code."""
    console = Console(width=None if sys.stdout.isatty() else 200)
    try:
        # Before anything is touched: an earlier demo's mail stays when this one cannot run.
        lifecycle.check_installed()
        return _demo(console)
    except CommandError as error:
        # The reason may hold brackets of its own, such as mailroom[local].
        console.print(f"demo: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130


def _demo(console: Console) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    settings = Settings(
        state=(deploy.PROJECT / ".local" / "demo").absolute(),
        aws_port=_port(Settings.model_fields["aws_port"].default),
        smtp_port=_port(Settings.model_fields["smtp_port"].default),
        stack_name="mailroom-demo",
        # On a machine with much to do, a function's first start may take longer than its time-out.
        redelivery=2,
    )
    # From here on nothing reaches a real AWS account, whatever the user has set.
    environment = settings.environment()
    os.environ.clear()
    os.environ.update(environment)
    try:
        lifecycle.down(settings)
        shutil.rmtree(settings.state, ignore_errors=True)
        results = _show(settings, console)
    finally:
        lifecycle.down(settings)
    return _report(settings, console, results)


def _show(settings: Settings, console: Console) -> list[tuple[Sample, list[Outcome]]]:
    """Everything that takes time, with a display of how far it is."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        started = progress.add_task("embedded AWS", total=len(lifecycle.STEPS))

        def step(text: str) -> None:
            progress.update(started, description=f"embedded AWS: {text}", advance=1)

        progress.update(started, completed=-1)
        lifecycle.up(settings, step)
        progress.update(started, description="embedded AWS: up", completed=len(lifecycle.STEPS))

        for address in progress.track([BOB, ALICE, ZOE], description="adding mailboxes"):
            _add_mailbox(settings, address)
        sent: list[tuple[Sample, Sent]] = []
        for sample in progress.track(SAMPLES, description="sending mail by SMTP"):
            content = (deploy.PROJECT / "events" / "mail" / sample.name).read_bytes()
            sent.append((sample, send(settings, SENDER, sample.recipients, content, sample.found)))
        results = []
        deadline = time.monotonic() + PATIENCE
        for sample, mail in progress.track(sent, description="waiting for the outcomes"):
            results.append((sample, wait(settings, mail, deadline - time.monotonic())))
        # The other notifications of the same mail may still be on their way.
        inbound, sqs = settings.stack().outputs["InboundQueueUrl"], settings.client("sqs")
        while any(depth(sqs, inbound)) and time.monotonic() < deadline:
            time.sleep(0.2)
    return results


def _report(settings: Settings, console: Console, results: list[tuple[Sample, list[Outcome]]]) -> int:
    console.print(outcome_table([(sample.name, row) for sample, rows in results for row in rows]))
    console.print(_tree(settings.mail_root))
    files = sum(1 for path in settings.mail_root.rglob("*") if path.is_file() and path.parent.name == "new")
    copies = sum(row.outcome == Status.DELIVERED for _, rows in results for row in rows)
    console.print(f"{copies} copies delivered, {files} files; the mail stays in {settings.mail_root}", soft_wrap=True)
    wrong = [s.name for s, rows in results if Counter((row.recipient, row.outcome) for row in rows) != s.expected]
    if wrong or files != copies:
        console.print(f"[red]not as it should be: {', '.join(wrong) or 'another number of files'}[/]; see the logs")
        return 1
    return 0


def _add_mailbox(settings: Settings, address: str) -> None:
    """What ``mailroomctl mailbox add`` does."""
    stack = Stack(settings.stack_name, region=settings.region, endpoint_url=settings.endpoint)
    DirectoryTable(stack).create(mailbox_item(checked_address(address), MailboxModel()))


def _tree(folder: Path) -> Tree:
    tree = Tree(f"[bold]{folder.name}/[/]")
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            tree.add(_tree(path))
        else:
            tree.add(f"{path.name} ({path.stat().st_size:,} bytes)", highlight=False)
    return tree


def _port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise CommandError("no free port")


if __name__ == "__main__":
    sys.exit(main())
