"""The workflow as named scenarios: what each attempt does, and what must come of it, on two engines.

Where the engines differ from AWS: ministack runs Retry without jitter and cap, moto's Express machine is a Standard
one. No scenario depends on either.
"""

import pytest

from tests.workflow.engines import Engine
from tests.workflow.mail import first_version_event, queued, ses_notification
from tests.workflow.scenario import (
    BEFORE,
    BUSY,
    BUSY_ELSEWHERE,
    CRASH,
    DELIVERED,
    DYNAMODB_THROTTLED,
    EFS,
    FIRST_CLAIMED,
    FIRST_DELIVERED,
    FIRST_FAILED,
    FIRST_HELD,
    LEASE,
    PARKED_EVENT,
    THROTTLED,
    Expect,
    Scenario,
    delivered,
    incomplete,
    noticed,
    on_record,
    one,
    tried,
)
from tests.workflow.script import throws

WORKFLOW = "deliver_mail"

SCENARIOS = [
    # --- all well ---
    Scenario(
        "one mailbox",
        tried(delivered("bob"), ClaimDelivery=1, WriteMailbox=1, RecordDelivery=1, JoinDelivery=0),
    ),
    Scenario("three mailboxes", delivered("bob", "carol", "dave"), to=("bob", "carol", "dave")),
    Scenario("more mailboxes than are written at once", delivered(*"abcdefghijkl"), to=tuple("abcdefghijkl")),
    Scenario(
        "one unknown among the known",
        Expect(
            DELIVERED,
            copies={"bob": "DELIVERED"},
            undelivered={"nobody": "REJECTED"},
            records={"bob": "DELIVERED", "nobody": "REJECTED"},
        ),
        to=("bob", "nobody"),
    ),
    Scenario(
        "our own fault: on record and noticed, and the others get their copies",
        Expect(
            DELIVERED,
            copies={"bob": "DELIVERED"},
            undelivered={"loop": "HELD", "nobody": "REJECTED"},
            records={"bob": "DELIVERED", "loop": "HELD", "nobody": "REJECTED"},
            noticed=frozenset({"loop"}),
            attempts={"NoticeHeldEntry": 1, "EntriesHeld": 1},
        ),
        to=("bob", "loop", "nobody"),
    ),
    Scenario(
        "only unknown recipients",
        Expect(
            DELIVERED, undelivered={"nobody": "REJECTED"}, records={"nobody": "REJECTED"}, attempts={"WriteMailbox": 0}
        ),
        to=("nobody",),
    ),
    Scenario("a bare notification, as replayed by hand", delivered("bob"), event=ses_notification("bob")),
    Scenario(
        "an SNS event whose message is an object",
        delivered("bob"),
        event={"Records": [{"Sns": {"Message": ses_notification("bob")}}]},
    ),
    Scenario("an event of the first version", delivered("bob"), event=first_version_event("bob")),
    Scenario("the same as text", delivered("bob"), event=first_version_event("bob", as_text=True)),
    # --- not mail, or not for us ---
    Scenario(
        "an event of the first version without a key",
        Expect(PARKED_EVENT, parked=("InvalidEvent",), attempts={"ValidateEvent": 1}),
        event=first_version_event("bob", objectKey=""),
    ),
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
        "the parked queue does not answer for a while",
        {"ValidateEvent": [throws("InvalidEvent")], "ParkEvent": [throws("SQS.SdkClientException")] * 5},
        Expect(PARKED_EVENT, parked=("InvalidEvent",), attempts={"ParkEvent": 6}),
    ),
    one(
        "the parked queue does not answer: nothing may be lost",
        {"ValidateEvent": [throws("InvalidEvent")], "ParkEvent": [throws("SQS.SdkClientException")] * 6},
        Expect(("ValidateEvent", "ParkEvent", "CountFailure", "DeliveryIncomplete"), attempts={"ParkEvent": 6}),
    ),
    # --- the first two steps fail ---
    one(
        "a transient Lambda service error in ValidateEvent",
        {"ValidateEvent": [throws("Lambda.ServiceException")]},
        delivered("bob"),
    ),
    one(
        "every function is throttled: that costs waiting, and no receive",
        {"ValidateEvent": [THROTTLED] * 4, "ResolveMailboxes": [THROTTLED] * 4, "WriteMailbox": [THROTTLED] * 5},
        tried(delivered("bob"), ValidateEvent=5, ResolveMailboxes=5, WriteMailbox=6),
    ),
    one(
        "ValidateEvent is throttled for longer than an execution can wait",
        {"ValidateEvent": [THROTTLED] * 9},
        Expect(("ValidateEvent", "CountFailure", "DeliveryIncomplete"), attempts={"ValidateEvent": 5}),
    ),
    one(
        "ValidateEvent times out twice",
        {"ValidateEvent": [throws("Sandbox.Timedout")] * 2},
        Expect(("ValidateEvent", "CountFailure", "DeliveryIncomplete"), attempts={"ValidateEvent": 2}),
    ),
    one("the directory does not answer once", {"ResolveMailboxes": [throws("DirectoryUnavailable")]}, delivered("bob")),
    one(
        "the directory does not answer",
        {"ResolveMailboxes": [throws("DirectoryUnavailable")] * 9},
        Expect((*BEFORE[:3], "CountFailure", "DeliveryIncomplete"), attempts={"ResolveMailboxes": 2}),
    ),
    one(
        "ResolveMailboxes is throttled, then the directory does not answer: each has its own retry",
        {"ResolveMailboxes": [THROTTLED, throws("DirectoryUnavailable")]},
        tried(delivered("bob"), ResolveMailboxes=3),
    ),
    one(
        "ResolveMailboxes meets two errors without retries of their own: they share one",
        {"ResolveMailboxes": [throws("Lambda.SdkClientException"), throws("DirectoryUnavailable")]},
        Expect((*BEFORE[:3], "CountFailure", "DeliveryIncomplete"), attempts={"ResolveMailboxes": 2}),
    ),
    # --- the claim ---
    one(
        "the deliveries table is throttled: that costs waiting, and no receive",
        {"ClaimDelivery": [DYNAMODB_THROTTLED] * 3, "RecordDelivery": [throws("DynamoDB.AmazonDynamoDBException")] * 3},
        tried(delivered("bob"), ClaimDelivery=4, WriteMailbox=1, RecordDelivery=4),
    ),
    one(
        "the answer to a claim is lost: it is claimed again, and looked for a copy",
        {},
        Expect(
            DELIVERED,
            copies={"bob": "DELIVERED"},
            records={"bob": "DELIVERED"},
            attempts={"ClaimDelivery": 2, "JoinDelivery": 0},
        ),
        lost=("ClaimDelivery",),
    ),
    one(
        "no claim, no copy",
        {"ClaimDelivery": [DYNAMODB_THROTTLED] * 9},
        incomplete({"ClaimDelivery": 4, "WriteMailbox": 0}),
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
        "another execution holds the lease",
        {},
        Expect(
            BUSY_ELSEWHERE,
            records={"bob": "CLAIMED"},
            attempts={"WriteMailbox": 0, "JoinDelivery": 1, "DeliveryFailures": 0},
        ),
        after=(FIRST_CLAIMED,),
        at=LEASE - 1,
    ),
    one(
        "an operator has discarded the message",
        {},
        Expect(DELIVERED, copies={"bob": "DUPLICATE"}, records={"bob": "DISCARDED"}, attempts={"WriteMailbox": 0}),
        before=on_record("bob", "DISCARDED"),
    ),
    one("the lease has expired", {}, delivered("bob"), after=(FIRST_CLAIMED,), at=LEASE + 1),
    one("a recorded failure releases the lease", {}, delivered("bob"), after=(FIRST_FAILED,), at=1),
    # --- the write ---
    one("storage busy twice, then fine", {"WriteMailbox": [BUSY, BUSY]}, tried(delivered("bob"), WriteMailbox=3)),
    one(
        "storage stays busy",
        {"WriteMailbox": [BUSY] * 9},
        incomplete({"WriteMailbox": 3, "RecordTemporaryFailure": 1, "RecordDelivery": 0}, bob="FAILED"),
    ),
    one("S3 does not answer twice", {"WriteMailbox": [throws("MessageUnavailable")] * 2}, delivered("bob")),
    one("the mount is not there yet", {"WriteMailbox": [EFS]}, tried(delivered("bob"), WriteMailbox=2)),
    one("WriteMailbox crashes once", {"WriteMailbox": [CRASH]}, tried(delivered("bob"), WriteMailbox=2)),
    one(
        "WriteMailbox times out twice",
        {"WriteMailbox": [throws("Sandbox.Timedout")] * 2},
        incomplete({"WriteMailbox": 2}, bob="FAILED"),
    ),
    one(
        "every kind of error in turn has its own retries",
        {"WriteMailbox": [EFS, BUSY, THROTTLED, BUSY, CRASH]},
        tried(delivered("bob"), WriteMailbox=6),
    ),
    one(
        "a bad mailbox path is not retried: it is on record and noticed, and parks nothing",
        {"WriteMailbox": [throws("MailboxPathRejected")]},
        tried(FIRST_HELD.expect, WriteMailbox=1, RecordHeldCopy=1, EntriesHeld=1, StorageFailures=0),
    ),
    one("a fixed path delivers on replay", {}, noticed(delivered("bob"), "bob"), after=(FIRST_HELD,), at=1),
    one("the raw mail is gone", {"WriteMailbox": [throws("MessageMissing")]}, FIRST_HELD.expect),
    one(
        "a permanent failure that cannot be recorded: SQS redelivers the message",
        {"WriteMailbox": [throws("MailboxPathRejected")], "RecordHeldCopy": [DYNAMODB_THROTTLED] * 9},
        incomplete(bob="CLAIMED"),
    ),
    one(
        "a failure that cannot be recorded keeps the lease",
        {"WriteMailbox": [BUSY] * 9, "RecordTemporaryFailure": [DYNAMODB_THROTTLED] * 9},
        incomplete(bob="CLAIMED"),
    ),
    # --- the record ---
    one(
        "the copy is safe but the record is lost: SQS redelivers the message",
        {"RecordDelivery": [DYNAMODB_THROTTLED] * 9},
        incomplete({"RecordDelivery": 4}, bob="CLAIMED"),
    ),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_delivery(scenario: Scenario, engine: Engine) -> None:
    scenario.play(engine)
