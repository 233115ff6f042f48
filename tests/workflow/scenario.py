"""Scenarios: one execution each, and what must come of it: path, outcomes, records and parked events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.workflow.engines import Engine
from tests.workflow.mail import NOW, address, functions, queued, ses_notification
from tests.workflow.script import Plan, Script, throws

BEFORE = ("ValidateEvent", "Mail?", "ResolveMailboxes", "DeliverToMailboxes", "RecordUndelivered", "AllCopiesSafe?")
DELIVERED = (*BEFORE, "Bounce?", "Delivered")
INCOMPLETE = (*BEFORE, "CountFailure", "DeliveryIncomplete")
BUSY_ELSEWHERE = (*BEFORE, "DeliveryIncomplete")
PARKED_EVENT = ("ValidateEvent", "ParkEvent", "Parked")
BOUNCED = (*BEFORE, "Bounce?", "ClaimBounce", "SendBounce", "Delivered")

BUSY = throws("StorageUnavailable")
THROTTLED = throws("Lambda.TooManyRequestsException")
EFS = throws("Lambda.EFSMountTimeoutException")
DYNAMODB_THROTTLED = throws("DynamoDB.ProvisionedThroughputExceededException")
CRASH = throws("Lambda.Unknown")
LEASE = 370
NOTICE = "(held) "


@dataclass(frozen=True)
class Expect:
    """What an execution must come to; names are local parts. What is not given must be empty, or is not looked at.

    ``noticed`` names the entries of which a notice is on record.
    """

    path: tuple[str, ...]
    copies: Mapping[str, str] = field(default_factory=dict)
    undelivered: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)
    noticed: frozenset[str] = frozenset()
    parked: tuple[str, ...] = ()
    attempts: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None

    @property
    def status(self) -> str:
        """An execution that ends in Fail has failed, every other has succeeded."""
        return "FAILED" if self.path[-1] == "DeliveryIncomplete" else "SUCCEEDED"


@dataclass(frozen=True)
class Scenario:
    """One execution, possibly after others that set the scene, ``at`` so many seconds after the first.

    ``before`` are typed records that are there; of the steps ``lost`` the first call is made, but its answer does not
    come.
    """

    name: str
    expect: Expect
    event: Any = None
    to: tuple[str, ...] = ("bob",)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    bounces: bool = False
    at: int = 0
    after: tuple["Scenario", ...] = ()
    before: tuple[dict[str, Any], ...] = ()
    lost: tuple[str, ...] = ()

    def play(self, engine: Engine) -> None:
        """Play the scenes before, then this one, and check each."""
        for item in self.before:
            engine.put_record(item)
        for scene in (*self.after, self):
            scene.check(engine)

    def check(self, engine: Engine) -> None:
        """Run once and compare everything."""
        event = queued(ses_notification(*self.to)) if self.event is None else self.event
        script = Script(
            {step: _by_address(plan) for step, plan in self.plans.items()},
            functions(now=NOW + self.at, bounces=self.bounces),
            lost=self.lost,
        )
        parked_before = len(engine.parked())
        run = engine.run(event, script)
        expect = self.expect
        assert (run.path, run.status) == (expect.path, expect.status), self.name
        assert run.error == ("DeliveryIncomplete" if expect.status == "FAILED" else None)
        if run.output is not None:
            assert _outcomes(run.output, "deliveries", "mailbox") == _addressed(expect.copies)
            assert _outcomes(run.output, "undelivered", "recipient") == _addressed(expect.undelivered)
        records = {key: item for key, item in engine.records().items() if not key[0].startswith(NOTICE)}
        assert {mailbox: item["status"] for (_, mailbox), item in records.items()} == _addressed(expect.records)
        notices = {message_id for message_id, _ in engine.records()} - {message_id for message_id, _ in records}
        assert notices == {NOTICE + address(name) for name in expect.noticed}
        parked = engine.parked()[parked_before:]
        assert tuple(message["error"] for message in parked) == expect.parked
        assert all(message["event"] == event for message in parked)
        assert {step: script.attempts(step) for step in expect.attempts} == expect.attempts


def _by_address(plan: Plan) -> Plan:
    return {address(name): outcomes for name, outcomes in plan.items()} if isinstance(plan, Mapping) else plan


def _addressed(named: Mapping[str, str]) -> dict[str, str]:
    return {name if name.startswith("(") else address(name): status for name, status in named.items()}


def _outcomes(output: Any, group: str, key: str) -> dict[str, str]:
    outcomes = output.get(group, {}).get("outcomes", [])
    return {outcome[key]: outcome["status"] for outcome in outcomes}


def delivered(*names: str) -> Expect:
    """All copies are safe and on record."""
    all_safe = dict.fromkeys(names, "DELIVERED")
    return Expect(DELIVERED, copies=all_safe, records=all_safe)


def incomplete(attempts: Mapping[str, int] | None = None, **records: str) -> Expect:
    """The execution fails, with these records behind it."""
    return Expect(INCOMPLETE, records=records, attempts=attempts or {})


def one(name: str, plans: Mapping[str, Plan], expect: Expect, **more: Any) -> Scenario:
    """A message to Bob."""
    return Scenario(name, expect, plans=plans, **more)


def tried(expect: Expect, **attempts: int) -> Expect:
    """The same, and these steps were called so many times."""
    return Expect(**{**vars(expect), "attempts": attempts})


def noticed(expect: Expect, *entries: str) -> Expect:
    """The same, and there is a notice of these entries."""
    return Expect(**{**vars(expect), "noticed": frozenset(entries)})


def on_record(name: str, status: str, **fields: Any) -> tuple[dict[str, Any], ...]:
    """One typed record, for ``before``."""
    item = {"message_id": "m1", "mailbox": address(name), "status": status, **fields}
    return ({key: {"N": str(value)} if isinstance(value, int) else {"S": value} for key, value in item.items()},)


FIRST_FAILED = one("first execution fails", {"WriteMailbox": [BUSY] * 9}, incomplete(bob="FAILED"))
FIRST_CLAIMED = one(
    "first execution loses its record", {"RecordDelivery": [DYNAMODB_THROTTLED] * 9}, incomplete(bob="CLAIMED")
)
FIRST_DELIVERED = Scenario("first execution delivers", delivered("bob"))
FIRST_HELD = one(
    "first execution meets a bad path",
    {"WriteMailbox": [throws("MailboxPathRejected")]},
    Expect(DELIVERED, copies={"bob": "HELD"}, records={"bob": "HELD"}, noticed=frozenset({"bob"})),
)
FIVE = ("bob", "carol", "dave", "erin", "nobody")
