"""One test: messages and faults as planned, then the faults ended, the queues drained, the dead letters redriven."""

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
from tests.chaos.breaker import Breaker
from tests.chaos.faults import Faults, Storage, Workers
from tests.chaos.operator import Operator
from tests.chaos.outages import Switch, instead_of_the_server
from tests.chaos.plan import DOMAIN, REPAIR, Mail, Plan, Step
from tests.chaos.verify import verify, verify_audit, verify_notices
from tests.e2e.world import World

#: Part of each wait and retry delay that is kept; all of them would make the test ten times as long.
WAIT_SCALE = "0.05"
#: Seconds until a message is redelivered whose execution was lost; the template's 400 s would be the whole test.
VISIBILITY = 60
#: Messages in the queue above which the next message waits, and for how many seconds at most.
BACKLOG, LONGEST_PAUSE = 4, 1.0
#: Outcomes that a replay leaves as they are.
FINAL = ("DELIVERED", "QUARANTINED", "REJECTED", "HELD", "REPLAYED")
#: Seconds for the queues to drain in.
PATIENCE = 420.0


@dataclass
class Report:
    """What happened; ``wrong`` is empty when every recipient has exactly one copy and one outcome."""

    seed: int
    mails: int
    notifications: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failed_calls: Counter[str] = field(default_factory=Counter)
    breaker: Counter[str] = field(default_factory=Counter)
    dead_letters: int = 0
    leases: int = 0
    held: int = 0
    replayed: int = 0
    copies: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"seed {self.seed}: {self.mails} mails, {self.notifications} notifications, {self.copies} copies in "
            f"{self.seconds:.0f} s; faults: {_listed(self.faults)}; calls that failed: {_listed(self.failed_calls)}; "
            f"the breaker ended in: {_listed(self.breaker)}; {self.leases} leases run out, "
            f"{self.dead_letters} dead letters redriven, {self.replayed} messages replayed, {self.held} of them held; "
            f"{len(self.wrong)} wrong"
        )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "none"


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
        parameters={"MaxReceiveCount": "3", "DirectoryCacheSeconds": "300", "StorageProbeSeconds": "1"},
    )
    copies = sum(len(mail.content) * len(plan.expected(mail, repaired=True).copies) for mail in plan.mails)
    size = 3 * copies + (8 << 20)
    with Storage(settings.mail_root, size) as storage, _waits_scaled(), instead_of_the_server(), _up(settings):
        say(f"the application runs, storage faults are {'real mounts' if storage.mounted else 'a missing folder'}")
        return _Run(World(settings), plan, storage, say).report()


class _Run:
    def __init__(self, world: World, plan: Plan, storage: Storage, say: Callable[[str], None]) -> None:
        self._world, self._plan, self._say = world, plan, say
        self._operator, self._breaker = Operator(world), Breaker(world)
        self._switch = Switch(world.settings.state)
        workers = Workers(world.settings, Random(plan.seed))
        self._faults = Faults(storage, workers, self._switch, self._operator, self._breaker)
        self._ids: dict[int, str] = {}
        self._report = Report(plan.seed, len(plan.mails), sum(len(mail.notifications) for mail in plan.mails))
        attributes = {"VisibilityTimeout": str(VISIBILITY)}
        world.client("sqs").set_queue_attributes(QueueUrl=world.outputs["InboundQueueUrl"], Attributes=attributes)
        world.put(*plan.entries())

    def report(self) -> Report:
        began = time.monotonic()
        report, plan = self._report, self._plan
        try:
            for number, step in enumerate(plan.steps):
                self._step(number, step)
                if not number:
                    # The pipe calls one at a time until the first success.
                    self._world.idle()
        finally:
            self._faults.end_all()
        self._say("all sent and mended, draining")
        report.wrong += self._breaker.let_go() + self._faults.wrong
        self._drain()
        self._replay(Random(plan.seed).sample(sorted(self._ids.values()), min(3, len(self._ids))))
        report.wrong += self._found(repaired=False)
        self._say("drained, repairing the directory")
        self._repair()
        report.wrong += self._found(repaired=True)
        report.faults = self._faults.count
        report.failed_calls = self._switch.ways()
        report.breaker = self._breaker.ends()
        report.copies = sum(len(plan.expected(mail, repaired=True).copies) for mail in plan.mails)
        report.seconds = time.monotonic() - began
        return report

    def _found(self, *, repaired: bool) -> list[str]:
        wrong = verify(self._world, self._plan, self._ids, repaired=repaired)
        wrong += verify_notices(self._world, self._plan, self._switch)
        wrong += verify_audit(self._operator, self._plan, self._world.mail_root, repaired=repaired)
        return [f"{'repaired' if repaired else 'held'}: {text}" for text in wrong]

    def _step(self, number: int, step: Step) -> None:
        self._faults.end(number)
        self._keep_up()
        self._faults.begin(number, step.begins)
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
        """Through the SMTP server where it can be; else stored and notified.

        That server tells every notification the same recipients, unlike overlapping rules, and knows the directory's
        domains, unlike a receipt rule.
        """
        same = all(names == mail.notifications[0] for names in mail.notifications)
        if same and all(name.endswith(f"@{DOMAIN}") for name in mail.recipients):
            found = {"notifications": str(len(mail.notifications))} | ({"virus": "FAIL"} if mail.virus else {})
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
            self._report.leases += self._world.let_leases_run_out()
            moved = self._operator.calls("dead-letters", "redrive", "--all")
            if not moved:
                return
            self._report.dead_letters += len(moved)

    def _replay(self, chosen: list[str]) -> None:
        """Replay messages that have their outcomes, which must change nothing."""
        rows = self._operator.calls("replay", *chosen)
        unsafe = [row for row in rows if row["outcome"].split()[0] not in FINAL]
        self._report.wrong += [f"after its replay: {row}" for row in unsafe]
        self._report.replayed += len(chosen)

    def _repair(self) -> None:
        """Correct the directory, take back what it held, and replay some of that once more, which changes nothing."""
        held = {row["entry"]: row["messages"] for row in self._operator.calls("held", "list")}
        if held != self._plan.held():
            self._report.wrong.append(f"held list has {held}, not {self._plan.held()}")
        for command in REPAIR:
            self._operator.calls(*command)
        answer = self._operator.calls("replay", "--held")
        replayed = {row["entry"]: row["replayed"] for row in answer["groups"]}
        if replayed != self._plan.held():
            self._report.wrong.append(f"replay --held: {answer}, not {self._plan.held()}")
        if left := self._operator.calls("held", "list"):
            self._report.wrong.append(f"still held: {left}")
        chosen = [self._ids[mail.number] for mail in self._plan.mails if self._plan.expected(mail).held]
        self._report.held = len(chosen)
        self._report.replayed += len(chosen)
        self._replay(chosen[:3])


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
