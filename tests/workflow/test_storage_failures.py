"""What an outage of the storage looks like is counted, and what an earlier attempt may have left is looked for."""

from typing import Any

import pytest
from mailroom.resolve.resolution import mailbox_number

from tests.workflow.engines import Engine
from tests.workflow.mail import NOW, address, functions, queued, ses_notification
from tests.workflow.scenario import LEASE, on_record
from tests.workflow.script import Script, throws

WORKFLOW = "deliver_mail"
COUNTED = {
    "a": "StorageUnavailable",
    "b": "Lambda.EFSMountConnectivityException",
    "c": "Lambda.EFSMountTimeoutException",
    "d": "Lambda.EFSMountFailureException",
    "e": "Lambda.EFSIOException",
}
TIMED_OUT = {"f": "Sandbox.Timedout", "g": "States.Timeout"}
"""moto cannot be told to name errors so."""
NOT_COUNTED = {
    "m": "Lambda.TooManyRequestsException",
    "n": "MessageUnavailable",
    "o": "DeadlinePassed",
    "p": "ClockWrong",
    "q": "Lambda.Unknown",
    "r": "MessageMissing",
}


def test_a_failure_of_the_storage_is_counted_with_a_number_for_its_mailbox(engine: Engine) -> None:
    counted = COUNTED if engine.name == "moto" else COUNTED | TIMED_OUT
    engine.put_record(on_record("busy", "CLAIMED", lease_until=NOW + LEASE, lease_owner="another")[0])
    fails = {address(name): [throws(error)] * 9 for name, error in (counted | NOT_COUNTED).items()}
    script = Script({"WriteMailbox": fails}, functions(now=NOW, bounces=False))
    run = engine.run(queued(ses_notification("busy", "fine", *counted, *NOT_COUNTED)), script)
    assert run.path[-1] == "DeliveryIncomplete"
    puts = script.payloads["StorageFailures"]
    numbers = [put["MetricData"][0].pop("Value") for put in puts]
    assert sorted(numbers) == sorted(mailbox_number(address(name)) for name in counted)
    metric = {"MetricName": "StorageFailures", "Dimensions": [{"Name": "Storage", "Value": "efs"}]}
    assert puts == [{"Namespace": "Mailroom", "MetricData": [metric]}] * len(counted)
    for name, error in counted.items():
        assert engine.records()["m1", address(name)]["error"] == error


def test_a_failure_that_cannot_be_counted_is_recorded_all_the_same(engine: Engine) -> None:
    plans = {
        "WriteMailbox": [throws("StorageUnavailable")] * 9,
        "StorageFailures": [throws("CloudWatch.CloudWatchException")] * 9,
    }
    script = Script(plans, functions(now=NOW, bounces=False))
    run = engine.run(queued(ses_notification("bob")), script)
    assert run.path[-1] == "DeliveryIncomplete"
    assert script.attempts("StorageFailures") == 2
    record = engine.records()["m1", address("bob")]
    assert (record["status"], record["error"]) == ("FAILED", "StorageUnavailable")


def test_a_time_out_after_the_rename_then_throttles_make_one_copy(engine: Engine) -> None:
    """Whatever the last error was, every attempt after the first claim looks for what the first one left."""
    copies: list[str] = []
    turns: list[dict[str, Any]] = []

    def write(asked: dict[str, Any]) -> dict[str, Any]:
        turns.append({name: asked[name] for name in ("attempts", "first_claimed_at", "retry_count")})
        recovering = asked["attempts"] > 1 or asked["retry_count"] > 0
        if len(turns) > 1 and asked["first_claimed_at"] == NOW and asked["attempts"] == 1:
            raise throws("Lambda.TooManyRequestsException")
        if not (recovering and copies):
            copies.append(asked["delivery"]["path"])
        if len(turns) == 1:
            raise throws("Sandbox.Timedout")
        return {"file_name": "1.x", "size": 8, "folder": "INBOX", "already_delivered": recovering}

    event = queued(ses_notification("bob"))
    first = engine.run(event, Script({}, {**functions(now=NOW, bounces=False), "WriteMailbox": write}))
    assert first.path[-1] == "DeliveryIncomplete"
    assert engine.records()["m1", address("bob")]["error"] == "Lambda.TooManyRequestsException"
    assert turns[-1] == {"attempts": 1, "first_claimed_at": NOW, "retry_count": 6}
    second = engine.run(event, Script({}, {**functions(now=NOW + 401, bounces=False), "WriteMailbox": write}))
    assert second.path[-1] == "Delivered"
    assert turns[-1] == {"attempts": 2, "first_claimed_at": NOW, "retry_count": 0}
    assert len(copies) == 1


STEPS = {
    "ClaimDelivery": ("bob", throws("DynamoDB.AmazonDynamoDBException")),
    "JoinDelivery": ("bob", throws("DynamoDB.AmazonDynamoDBException")),
    "RecordDelivery": ("bob", throws("DynamoDB.AmazonDynamoDBException")),
    "RecordOutcome": ("nobody", throws("DynamoDB.AmazonDynamoDBException")),
    "QuarantineMessage": ("virus", throws("S3.S3Exception")),
    "RecordQuarantine": ("virus", throws("DynamoDB.AmazonDynamoDBException")),
    "ResolveMailboxes": ("bob", throws("Lambda.TooManyRequestsException")),
}


@pytest.mark.parametrize("step", STEPS)
def test_an_execution_that_fails_is_counted_once_whatever_fails(engine: Engine, step: str) -> None:
    """The functions' own figures know nothing of S3 and DynamoDB."""
    to, error = STEPS[step]
    if step == "JoinDelivery":
        engine.put_record(on_record("bob", "DELIVERED")[0])
    script = Script({step: [error] * 9}, functions(now=NOW, bounces=False))
    run = engine.run(queued(ses_notification(to, "fine")), script)
    assert run.path[-2:] == ("CountFailure", "DeliveryIncomplete")
    metric = {"MetricName": "DeliveryFailures", "Dimensions": [{"Name": "Stack", "Value": "mailroom"}], "Value": 1}
    assert script.payloads["DeliveryFailures"] == [{"Namespace": "Mailroom", "MetricData": [metric]}]


def test_a_message_that_comes_twice_at_a_time_is_no_failure(engine: Engine) -> None:
    """Neither for its copies nor for a recipient that another execution works on."""
    for name in ("bob", "nobody"):
        engine.put_record(on_record(name, "CLAIMED", lease_until=NOW + LEASE, lease_owner="another")[0])
    script = Script({}, functions(now=NOW, bounces=False))
    run = engine.run(queued(ses_notification("bob", "nobody", "fine")), script)
    assert run.path[-2:] == ("AllCopiesSafe?", "DeliveryIncomplete")
    assert script.payloads["DeliveryFailures"] == []


def test_an_execution_that_cannot_be_counted_fails_all_the_same(engine: Engine) -> None:
    plans = {
        "QuarantineMessage": [throws("S3.S3Exception")] * 9,
        "DeliveryFailures": [throws("CloudWatch.CloudWatchException")] * 9,
    }
    script = Script(plans, functions(now=NOW, bounces=False))
    run = engine.run(queued(ses_notification("virus")), script)
    assert run.path[-1] == "DeliveryIncomplete"
    assert script.attempts("DeliveryFailures") == 2
    assert engine.records()["m1", address("virus")]["status"] == "FAILED"
