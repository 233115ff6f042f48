"""One test: messages and faults as planned, then the faults ended, the queues drained, the dead letters redriven."""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from mailroomctl.local import lifecycle
from mailroomctl.local.send import send
from mailroomctl.local.settings import Settings
from mailroomctl.main import app
from tests.chaos.faults import Faults, Storage, Workers
from tests.chaos.plan import Mail, Plan, Step
from tests.chaos.verify import verify
from tests.e2e.world import World

#: Part of each wait and retry delay that is kept; all of them would make the test ten times as long.
WAIT_SCALE = "0.05"
#: Seconds until a message is redelivered whose execution was lost; the template's 400 s would be the whole test.
VISIBILITY = 60
#: Messages in the queue above which the next message waits, and for how many seconds at most.
BACKLOG, LONGEST_PAUSE = 4, 1.5
#: Seconds for the queues to drain in.
PATIENCE = 420.0


@dataclass
class Report:
    """What happened; ``wrong`` is empty when every recipient has exactly one copy and one outcome."""

    seed: int
    mails: int
    notifications: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    dead_letters: int = 0
    replayed: int = 0
    copies: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line for people."""
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        return (
            f"seed {self.seed}: {self.mails} mails, {self.notifications} notifications, {self.copies} copies in "
            f"{self.seconds:.0f} s; faults: {faults or 'none'}; {self.dead_letters} dead letters redriven, "
            f"{self.replayed} messages replayed; {len(self.wrong)} wrong"
        )


def run(
    folder: Path, ports: tuple[int, int], seed: int, mails: int, say: Callable[[str], None] = lambda text: None
) -> Report:
    """Start an embedded AWS of its own in ``folder`` and let everything fail."""
    plan = Plan.drawn(seed, mails)
    aws_port, smtp_port = ports
    settings = Settings(
        state=folder,
        aws_port=aws_port,
        smtp_port=smtp_port,
        stack_name="mailroom-chaos",
        redelivery=1,
        parameters={"MaxReceiveCount": "3", "DirectoryCacheSeconds": "300"},
    )
    size = 3 * sum(len(mail.content) * len(plan.expected(mail)[0]) for mail in plan.mails) + (8 << 20)
    with Storage(settings.mail_root, size) as storage, _waits_scaled(), _up(settings):
        say(f"the application runs, storage faults are {'real mounts' if storage.mounted else 'a missing folder'}")
        return _Run(World(settings), plan, storage, say).report()


class _Run:
    def __init__(self, world: World, plan: Plan, storage: Storage, say: Callable[[str], None]) -> None:
        self._world, self._plan, self._say = world, plan, say
        pipe = world.outputs["PipeName"]
        workers = Workers(world.settings, Random(plan.seed))
        self._faults = Faults(storage, workers, world.client("pipes"), pipe)
        self._ids: dict[int, str] = {}
        self._report = Report(plan.seed, len(plan.mails), sum(len(mail.notifications) for mail in plan.mails))
        attributes = {"VisibilityTimeout": str(VISIBILITY)}
        world.client("sqs").set_queue_attributes(QueueUrl=world.outputs["InboundQueueUrl"], Attributes=attributes)
        world.put(*plan.entries())

    def report(self) -> Report:
        began = time.monotonic()
        try:
            for number, step in enumerate(self._plan.steps):
                self._step(number, step)
        finally:
            self._faults.end_all()
        self._say("all sent and mended, draining")
        self._drain()
        self._replay_some()
        self._report.wrong += verify(self._world, self._plan, self._ids)
        self._report.faults = self._faults.count
        self._report.copies = sum(len(self._plan.expected(mail)[0]) for mail in self._plan.mails)
        self._report.seconds = time.monotonic() - began
        return self._report

    def _step(self, number: int, step: Step) -> None:
        self._faults.end(number)
        self._keep_up()
        for kind, mails in step.begins.items():
            self._faults.begin(kind, number + mails)
        self._ids[step.mail.number] = self._hand_over(step.mail)
        time.sleep(step.pause)
        self._faults.kill(step.kills)
        if number and number % 50 == 0:
            self._say(f"{number} of {len(self._plan.steps)} mails sent")

    def _keep_up(self) -> None:
        """Let the faults meet mail that is being delivered, not mail that waits: no more comes than is worked on."""
        deadline = time.monotonic() + LONGEST_PAUSE
        while sum(self._world.depth("Inbound")) > BACKLOG and time.monotonic() < deadline:
            time.sleep(0.1)

    def _hand_over(self, mail: Mail) -> str:
        """Through the SMTP server where every notification names all; else stored and notified as overlapping rules."""
        if all(names == mail.notifications[0] for names in mail.notifications):
            found = {"notifications": str(len(mail.notifications))}
            sent = send(self._world.settings, "sender@example.org", mail.recipients, mail.content, found)
            assert sent.message_id
            assert not sent.refused
            return sent.message_id
        message_id = f"chaos{self._plan.seed}x{mail.number}"
        told = self._world.stored(message_id, mail.content)
        for names in mail.notifications:
            told["receipt"]["recipients"] = names
            self._world.publish(told)
        return message_id

    def _drain(self) -> None:
        """Until nothing waits anywhere: what the queue gave up goes back by the operator's own command."""
        deadline = time.monotonic() + PATIENCE
        while True:
            while self._world.depth("Inbound") != (0, 0):
                assert time.monotonic() < deadline, f"not drained: {self._world.depth('Inbound')} still in the queue"
                time.sleep(0.2)
            moved = self._operator("dead-letters", "redrive", "--all")
            if not moved:
                return
            self._report.dead_letters += len(moved)

    def _replay_some(self) -> None:
        """Messages that were delivered are replayed, which must change nothing."""
        chosen = Random(self._plan.seed).sample(sorted(self._ids.values()), min(3, len(self._ids)))
        rows = self._operator("replay", *chosen)
        unsafe = [row for row in rows if row["outcome"].split()[0] not in ("DELIVERED", "REJECTED")]
        self._report.wrong += [f"after its replay: {row}" for row in unsafe]
        self._report.replayed = len(chosen)

    def _operator(self, *arguments: str) -> list[dict[str, str]]:
        from typer.testing import CliRunner

        settings = self._world.settings
        there = ["--endpoint-url", settings.endpoint, "--stack-name", settings.stack_name, "--region", settings.region]
        result = CliRunner().invoke(app, [*arguments, *there, "--json"], env={"AWS_PROFILE": None})
        assert result.exit_code == 0, result.output
        rows: list[dict[str, str]] = json.loads(result.stdout)
        return rows


@contextmanager
def _up(settings: Settings) -> Iterator[None]:
    lifecycle.up(settings)
    try:
        yield
    finally:
        lifecycle.down(settings)


@contextmanager
def _waits_scaled() -> Iterator[None]:
    """The embedded AWS takes it from the environment."""
    before = os.environ.get("SFN_WAIT_SCALE")
    os.environ["SFN_WAIT_SCALE"] = WAIT_SCALE
    try:
        yield
    finally:
        del os.environ["SFN_WAIT_SCALE"]
        if before is not None:
            os.environ["SFN_WAIT_SCALE"] = before
