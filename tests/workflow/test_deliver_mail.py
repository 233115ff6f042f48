"""The workflow as named scenarios: what each attempt does, and what must come of it, on two engines.

Where the engines differ from AWS: ministack runs Retry without jitter and cap, moto's Express machine is a Standard
one. No scenario depends on either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.workflow.engines import Engine
from tests.workflow.mail import NOW, address, functions, queued, ses_notification
from tests.workflow.scenario import Plan, Script, returns, throws

WORKFLOW = "deliver_mail"
BEFORE = ("ValidateEvent", "Mail?", "ResolveMailboxes", "DeliverToMailboxes", "RecordRejections", "Bounce?")
DELIVERED = (*BEFORE, "AllCopiesSafe?", "Delivered")
INCOMPLETE = (*BEFORE, "AllCopiesSafe?", "DeliveryIncomplete")
PARKED_COPY = (*BEFORE, "AllCopiesSafe?", "ExplainRefusal", "ParkEvent", "Parked")
PARKED_EVENT = ("ValidateEvent", "ParkEvent", "Parked")
BOUNCED = (*BEFORE, "ClaimBounce", "SendBounce", "AllCopiesSafe?", "Delivered")

BUSY = throws("StorageUnavailable")
THROTTLED = throws("Lambda.TooManyRequestsException")
EFS = throws("Lambda.EFSMountTimeoutException")
DYNAMODB_THROTTLED = throws("DynamoDB.ProvisionedThroughputExceededException")
CRASH = throws("Lambda.Unknown")
LEASE = 370


@dataclass(frozen=True)
class Expect:
    """What a run must come to; names are local parts. What is not given must be empty, or is not looked at."""

    path: tuple[str, ...]
    copies: Mapping[str, str] = field(default_factory=dict)
    rejections: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)
    parked: tuple[str, ...] = ()
    attempts: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None

    @property
    def status(self) -> str:
        """A run that ends in Fail has failed, every other has succeeded."""
        return "FAILED" if self.path[-1] == "DeliveryIncomplete" else "SUCCEEDED"


@dataclass(frozen=True)
class Scenario:
    """One run, possibly after others that set the scene, ``at`` so many seconds after the first."""

    name: str
    expect: Expect
    event: Any = None
    to: tuple[str, ...] = ("bob",)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    bounces: bool = False
    at: int = 0
    after: tuple["Scenario", ...] = ()

    def play(self, engine: Engine) -> None:
        """Play the scenes before, then this one, and check each."""
        for scene in (*self.after, self):
            scene.check(engine)

    def check(self, engine: Engine) -> None:
        """Run once and compare everything."""
        event = queued(ses_notification(*self.to)) if self.event is None else self.event
        script = Script(
            {step: _by_address(plan) for step, plan in self.plans.items()},
            functions(now=NOW + self.at, bounces=self.bounces),
        )
        parked_before = len(engine.parked())
        run = engine.run(event, script)
        expect = self.expect
        assert (run.path, run.status) == (expect.path, expect.status), self.name
        assert run.error == ("DeliveryIncomplete" if expect.status == "FAILED" else None)
        if run.output is not None:
            assert _outcomes(run.output, "deliveries", "mailbox") == _addressed(expect.copies)
            assert _outcomes(run.output, "rejected", "recipient") == _addressed(expect.rejections)
        assert {mailbox: item["status"] for (_, mailbox), item in engine.records().items()} == _addressed(
            expect.records
        )
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
    """The run fails, with these records behind it."""
    return Expect(INCOMPLETE, records=records, attempts=attempts or {})


def one(name: str, plans: Mapping[str, Plan], expect: Expect, **more: Any) -> Scenario:
    """A mail to Bob."""
    return Scenario(name, expect, plans=plans, **more)


def _with(expect: Expect, **attempts: int) -> Expect:
    return Expect(**{**vars(expect), "attempts": attempts})


FIRST_FAILED = one("first run fails", {"WriteMailbox": [BUSY] * 9}, incomplete(bob="FAILED"))
FIRST_CLAIMED = one(
    "first run loses its record", {"RecordDelivery": [DYNAMODB_THROTTLED] * 9}, incomplete(bob="CLAIMED")
)
FIRST_DELIVERED = Scenario("first run delivers", delivered("bob"))
FIRST_REFUSED = one(
    "first run meets a bad path",
    {"WriteMailbox": [throws("MailboxPathRejected")]},
    Expect(PARKED_COPY, records={"bob": "REJECTED"}, parked=("CopyRefused",)),
)
FIVE = ("bob", "carol", "dave", "erin", "nobody")

SCENARIOS = [
    # --- all well ---
    Scenario("one mailbox", _with(delivered("bob"), ClaimDelivery=1, WriteMailbox=1, RecordDelivery=1, JoinDelivery=0)),
    Scenario("three mailboxes", delivered("bob", "carol", "dave"), to=("bob", "carol", "dave")),
    Scenario("more mailboxes than are written at once", delivered(*"abcdefghijkl"), to=tuple("abcdefghijkl")),
    Scenario(
        "one unknown among the known",
        Expect(
            DELIVERED,
            copies={"bob": "DELIVERED"},
            rejections={"nobody": "REJECTED"},
            records={"bob": "DELIVERED", "nobody": "REJECTED"},
        ),
        to=("bob", "nobody"),
    ),
    Scenario(
        "only unknown recipients",
        Expect(
            DELIVERED, rejections={"nobody": "REJECTED"}, records={"nobody": "REJECTED"}, attempts={"WriteMailbox": 0}
        ),
        to=("nobody",),
    ),
    Scenario("a bare notification, as replayed by hand", delivered("bob"), event=ses_notification("bob")),
    Scenario(
        "an SNS event whose message is an object",
        delivered("bob"),
        event={"Records": [{"Sns": {"Message": ses_notification("bob")}}]},
    ),
    # --- not mail, or not for us ---
    Scenario(
        "SES's setup notification",
        Expect(("ValidateEvent", "Mail?", "Ignored"), attempts={"ResolveMailboxes": 0}),
        event=queued(ses_notification("bob", messageId="AMAZON_SES_SETUP_NOTIFICATION")),
    ),
    Scenario(
        "the topic's validation text",
        Expect(("ValidateEvent", "Mail?", "Ignored")),
        event=queued("Successfully validated SNS topic for Amazon SES event publishing."),
    ),
    Scenario(
        "not JSON", Expect(PARKED_EVENT, parked=("InvalidEvent",), attempts={"ValidateEvent": 1}), event=queued("}{")
    ),
    Scenario("no recipients", Expect(PARKED_EVENT, parked=("InvalidEvent",)), event=queued(ses_notification())),
    Scenario("an empty batch", Expect(PARKED_EVENT, parked=("InvalidEvent",)), event=[]),
    one(
        "another bucket",
        {"ValidateEvent": [throws("ForbiddenObject")]},
        Expect(PARKED_EVENT, parked=("ForbiddenObject",), attempts={"ValidateEvent": 1}),
    ),
    one(
        "more mailboxes than the limit",
        {"ResolveMailboxes": [throws("FanOutLimitExceeded")]},
        Expect((*BEFORE[:3], "ParkEvent", "Parked"), parked=("FanOutLimitExceeded",), attempts={"ResolveMailboxes": 1}),
    ),
    one(
        "the parked queue is away for a moment",
        {"ValidateEvent": [throws("InvalidEvent")], "ParkEvent": [throws("SQS.SqsException")] * 3},
        Expect(PARKED_EVENT, parked=("InvalidEvent",), attempts={"ParkEvent": 4}),
    ),
    one(
        "the parked queue stays away: nothing may be lost",
        {"ValidateEvent": [throws("InvalidEvent")], "ParkEvent": [throws("SQS.SqsException")] * 4},
        Expect(("ValidateEvent", "ParkEvent", "DeliveryIncomplete"), attempts={"ParkEvent": 4}),
    ),
    # --- the first two steps fail ---
    one("Lambda hiccups in ValidateEvent", {"ValidateEvent": [throws("Lambda.ServiceException")]}, delivered("bob")),
    one("ValidateEvent is throttled once", {"ValidateEvent": [THROTTLED]}, _with(delivered("bob"), ValidateEvent=2)),
    one(
        "ValidateEvent times out twice",
        {"ValidateEvent": [throws("Sandbox.Timedout")] * 2},
        Expect(("ValidateEvent", "DeliveryIncomplete"), attempts={"ValidateEvent": 2}),
    ),
    one("the directory hiccups", {"ResolveMailboxes": [throws("DirectoryUnavailable")]}, delivered("bob")),
    one(
        "the directory stays away",
        {"ResolveMailboxes": [throws("DirectoryUnavailable")] * 9},
        Expect((*BEFORE[:3], "DeliveryIncomplete"), attempts={"ResolveMailboxes": 2}),
    ),
    one(
        "ResolveMailboxes hits different errors in turn, each with its own retries",
        {"ResolveMailboxes": [THROTTLED, throws("Lambda.SdkClientException"), throws("DirectoryUnavailable"), CRASH]},
        _with(delivered("bob"), ResolveMailboxes=5),
    ),
    # --- the claim ---
    one("the deliveries table is throttled once", {"ClaimDelivery": [DYNAMODB_THROTTLED]}, delivered("bob")),
    one(
        "no claim, no copy",
        {"ClaimDelivery": [DYNAMODB_THROTTLED] * 9},
        incomplete({"ClaimDelivery": 2, "WriteMailbox": 0}),
    ),
    one(
        "the same notification again",
        {},
        Expect(
            DELIVERED,
            copies={"bob": "DUPLICATE"},
            records={"bob": "DELIVERED"},
            attempts={"WriteMailbox": 0, "JoinDelivery": 1},
        ),
        after=(FIRST_DELIVERED,),
        at=10,
    ),
    one(
        "the same notification again, long after",
        {},
        Expect(DELIVERED, copies={"bob": "DUPLICATE"}, records={"bob": "DELIVERED"}),
        after=(FIRST_DELIVERED,),
        at=LEASE * 1000,
    ),
    one(
        "the answer to a failed claim does not come",
        {"JoinDelivery": [DYNAMODB_THROTTLED] * 9},
        incomplete({"WriteMailbox": 0}, bob="DELIVERED"),
        after=(FIRST_DELIVERED,),
    ),
    one(
        "another run holds the lease",
        {},
        incomplete({"WriteMailbox": 0, "JoinDelivery": 1}, bob="CLAIMED"),
        after=(FIRST_CLAIMED,),
        at=LEASE - 1,
    ),
    one("the lease has run out", {}, delivered("bob"), after=(FIRST_CLAIMED,), at=LEASE + 1),
    one("a recorded failure gives the lease back", {}, delivered("bob"), after=(FIRST_FAILED,), at=1),
    # --- the write ---
    one("storage busy twice, then fine", {"WriteMailbox": [BUSY, BUSY]}, _with(delivered("bob"), WriteMailbox=3)),
    one(
        "storage busy for good",
        {"WriteMailbox": [BUSY] * 9},
        incomplete({"WriteMailbox": 3, "RecordFailure": 1, "RecordDelivery": 0}, bob="FAILED"),
    ),
    one("S3 does not answer twice", {"WriteMailbox": [throws("MessageUnavailable")] * 2}, delivered("bob")),
    one("the mount is not there yet", {"WriteMailbox": [EFS]}, _with(delivered("bob"), WriteMailbox=2)),
    one("WriteMailbox is throttled", {"WriteMailbox": [THROTTLED]}, _with(delivered("bob"), WriteMailbox=2)),
    one("WriteMailbox crashes once", {"WriteMailbox": [CRASH]}, _with(delivered("bob"), WriteMailbox=2)),
    one(
        "WriteMailbox times out twice",
        {"WriteMailbox": [throws("Sandbox.Timedout")] * 2},
        incomplete({"WriteMailbox": 2}, bob="FAILED"),
    ),
    one(
        "every kind of error in turn is forgiven once",
        {"WriteMailbox": [EFS, BUSY, THROTTLED, BUSY, throws("Lambda.AWSLambdaException"), CRASH]},
        _with(delivered("bob"), WriteMailbox=7),
    ),
    one(
        "a bad mailbox path is not retried, and parked",
        {"WriteMailbox": [throws("MailboxPathRejected")]},
        Expect(
            PARKED_COPY,
            copies={},
            records={"bob": "REJECTED"},
            parked=("CopyRefused",),
            attempts={"WriteMailbox": 1, "RecordRefusal": 1},
        ),
    ),
    one("a mended path delivers on replay", {}, delivered("bob"), after=(FIRST_REFUSED,), at=1),
    one(
        "the raw mail is gone",
        {"WriteMailbox": [throws("MessageMissing")]},
        Expect(PARKED_COPY, records={"bob": "REJECTED"}, parked=("CopyRefused",)),
    ),
    one(
        "a refusal that cannot be recorded must come back",
        {"WriteMailbox": [throws("MailboxPathRejected")], "RecordRefusal": [DYNAMODB_THROTTLED] * 9},
        incomplete(bob="CLAIMED"),
    ),
    one(
        "a failure that cannot be recorded keeps the lease",
        {"WriteMailbox": [BUSY] * 9, "RecordFailure": [DYNAMODB_THROTTLED] * 9},
        incomplete(bob="CLAIMED"),
    ),
    # --- the record ---
    one(
        "the record is throttled once",
        {"RecordDelivery": [DYNAMODB_THROTTLED]},
        _with(delivered("bob"), WriteMailbox=1),
    ),
    one(
        "the copy is safe but the record is lost: the message comes back",
        {"RecordDelivery": [DYNAMODB_THROTTLED] * 9},
        incomplete({"RecordDelivery": 2}, bob="CLAIMED"),
    ),
    # --- partial failure ---
    Scenario(
        "five recipients: storage error, bad path, unknown; two copies are safe at once",
        incomplete(bob="DELIVERED", carol="DELIVERED", dave="FAILED", erin="REJECTED", nobody="REJECTED"),
        to=FIVE,
        plans={"WriteMailbox": {"dave": [BUSY] * 9, "erin": [throws("MailboxPathRejected")]}},
    ),
    Scenario(
        "five recipients: the redelivery writes only what is missing",
        Expect(
            DELIVERED,
            copies={"bob": "DUPLICATE", "carol": "DUPLICATE", "dave": "DELIVERED", "erin": "DELIVERED"},
            rejections={"nobody": "REJECTED"},
            records={**dict.fromkeys(FIVE[:4], "DELIVERED"), "nobody": "REJECTED"},
            attempts={"WriteMailbox": 2},
        ),
        to=FIVE,
        at=401,
        after=(
            Scenario(
                "five recipients: first run",
                incomplete(bob="DELIVERED", carol="DELIVERED", dave="FAILED", erin="FAILED", nobody="REJECTED"),
                to=FIVE,
                plans={"WriteMailbox": {"dave": [BUSY] * 9, "erin": [THROTTLED] * 9}},
            ),
        ),
    ),
    Scenario(
        "overlapping rules: the same message for another recipient",
        Expect(DELIVERED, copies={"carol": "DELIVERED"}, records={"bob": "DELIVERED", "carol": "DELIVERED"}),
        to=("carol",),
        after=(FIRST_DELIVERED,),
    ),
    Scenario(
        "one rejection cannot be recorded: the message comes back",
        incomplete(bob="DELIVERED"),
        to=("bob", "nobody"),
        plans={"RecordRejection": [DYNAMODB_THROTTLED] * 9},
    ),
    Scenario(
        "a rejection never overwrites a delivery",
        Expect(
            DELIVERED,
            rejections={"bob": "REJECTED"},
            records={"bob": "DELIVERED"},
        ),
        plans={
            "ResolveMailboxes": [
                returns(
                    **{
                        **functions(now=NOW, bounces=False)["ValidateEvent"](ses_notification("bob")),
                        "deliveries": [],
                        "rejected": [{"recipient": address("bob"), "code": "5.2.1", "reason": "disabled"}],
                    }
                )
            ]
        },
        after=(FIRST_DELIVERED,),
    ),
    # --- quarantine ---
    Scenario(
        "quarantined mail is kept and recorded, not delivered",
        Expect(
            DELIVERED,
            copies={"virus": "QUARANTINED"},
            records={"virus": "QUARANTINED"},
            attempts={"WriteMailbox": 0, "QuarantineMessage": 1},
        ),
        to=("virus",),
    ),
    Scenario(
        "quarantined mail stays in quarantine when its notification repeats",
        Expect(
            DELIVERED,
            copies={"virus": "DUPLICATE"},
            records={"virus": "QUARANTINED"},
            attempts={"QuarantineMessage": 0},
        ),
        to=("virus",),
        at=LEASE + 1,
        after=(
            Scenario(
                "held",
                Expect(DELIVERED, copies={"virus": "QUARANTINED"}, records={"virus": "QUARANTINED"}),
                to=("virus",),
            ),
        ),
    ),
    Scenario(
        "S3 cannot copy into quarantine",
        incomplete({"QuarantineMessage": 3}, virus="FAILED"),
        to=("virus",),
        plans={"QuarantineMessage": [throws("S3.S3Exception")] * 9},
    ),
    Scenario(
        "the raw mail to quarantine is gone",
        Expect(PARKED_COPY, records={"virus": "REJECTED"}, parked=("CopyRefused",), attempts={"QuarantineMessage": 1}),
        to=("virus",),
        plans={"QuarantineMessage": [throws("S3.NoSuchKeyException")]},
    ),
    Scenario(
        "the quarantine cannot be recorded",
        incomplete(virus="CLAIMED"),
        to=("virus",),
        plans={"RecordQuarantine": [DYNAMODB_THROTTLED] * 9},
    ),
    # --- bounces ---
    Scenario(
        "an unknown recipient bounces",
        Expect(
            BOUNCED,
            copies={"bob": "DELIVERED"},
            rejections={"nobody": "REJECTED", "nobody2": "REJECTED"},
            records={"bob": "DELIVERED", "nobody": "REJECTED", "nobody2": "REJECTED", "(bounce)": "BOUNCED"},
            attempts={"SendBounce": 1},
        ),
        to=("bob", "nobody", "nobody2"),
        bounces=True,
    ),
    Scenario("nothing rejected, nothing bounced", _with(delivered("bob"), ClaimBounce=0), bounces=True),
    Scenario(
        "bounces are off by default",
        Expect(
            DELIVERED, rejections={"nobody": "REJECTED"}, records={"nobody": "REJECTED"}, attempts={"SendBounce": 0}
        ),
        to=("nobody",),
    ),
    Scenario(
        "mail from a list never bounces",
        Expect(
            DELIVERED, rejections={"nobody": "REJECTED"}, records={"nobody": "REJECTED"}, attempts={"SendBounce": 0}
        ),
        event=queued(ses_notification("nobody", headers=[{"name": "List-Id", "value": "<l.example>"}])),
        bounces=True,
    ),
    Scenario(
        "a redelivery does not bounce again",
        Expect(
            (*BEFORE, "ClaimBounce", "AllCopiesSafe?", "Delivered"),
            rejections={"nobody": "REJECTED"},
            records={"nobody": "REJECTED", "(bounce)": "BOUNCED"},
            attempts={"SendBounce": 0},
        ),
        to=("nobody",),
        bounces=True,
        after=(
            Scenario(
                "bounced",
                Expect(
                    BOUNCED, rejections={"nobody": "REJECTED"}, records={"nobody": "REJECTED", "(bounce)": "BOUNCED"}
                ),
                to=("nobody",),
                bounces=True,
            ),
        ),
    ),
    Scenario(
        "SES throttles the bounce twice",
        Expect(
            BOUNCED,
            rejections={"nobody": "REJECTED"},
            records={"nobody": "REJECTED", "(bounce)": "BOUNCED"},
            attempts={"SendBounce": 3},
        ),
        to=("nobody",),
        bounces=True,
        plans={"SendBounce": [throws("Ses.ThrottlingException")] * 2},
    ),
    Scenario(
        "a bounce that cannot be sent holds up nothing",
        Expect(
            (*BEFORE, "ClaimBounce", "SendBounce", "RecordBounceFailure", "AllCopiesSafe?", "Delivered"),
            copies={"bob": "DELIVERED"},
            rejections={"nobody": "REJECTED"},
            records={"bob": "DELIVERED", "nobody": "REJECTED", "(bounce)": "BOUNCE_FAILED"},
        ),
        to=("bob", "nobody"),
        bounces=True,
        plans={"SendBounce": [throws("Ses.MessageRejectedException")] * 3},
    ),
    Scenario(
        "the failure of a bounce cannot be recorded either",
        Expect(
            (*BEFORE, "ClaimBounce", "SendBounce", "RecordBounceFailure", "AllCopiesSafe?", "Delivered"),
            rejections={"nobody": "REJECTED"},
            records={"nobody": "REJECTED", "(bounce)": "BOUNCED"},
        ),
        to=("nobody",),
        bounces=True,
        plans={
            "SendBounce": [throws("Ses.MessageRejectedException")] * 3,
            "RecordBounceFailure": [DYNAMODB_THROTTLED] * 9,
        },
    ),
    Scenario(
        "without a record of the bounce there is none",
        Expect(
            (*BEFORE, "ClaimBounce", "AllCopiesSafe?", "Delivered"),
            rejections={"nobody": "REJECTED"},
            records={"nobody": "REJECTED"},
            attempts={"SendBounce": 0},
        ),
        to=("nobody",),
        bounces=True,
        plans={"ClaimBounce": [DYNAMODB_THROTTLED] * 9},
    ),
]


def _name(scenario: Scenario) -> str:
    return scenario.name


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_name)
def test_scenario(scenario: Scenario, engine: Engine) -> None:
    scenario.play(engine)
