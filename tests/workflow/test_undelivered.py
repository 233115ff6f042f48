"""Recipients without a copy: on record what became of them, never over what is final or another execution's."""

from typing import Any

import pytest

from tests.workflow.engines import Engine, Execution
from tests.workflow.mail import NOW, address, functions, queued, ses_notification, without_copy
from tests.workflow.scenario import LEASE, NOTICE, on_record
from tests.workflow.script import Plan, Script, returns, throws

WORKFLOW = "deliver_mail"
BOB = address("bob")
OVER = ["REJECTED", "HELD", "FAILED", "REPLAYED"]
NEVER_OVER = ["DELIVERED", "QUARANTINED", "RELEASED", "DISCARDED"]


def disabled(engine: Engine, *, at: int = 0, **plans: Plan) -> tuple[Execution, Script]:
    """One execution for a mail to Bob, whose mailbox has been disabled."""

    def resolve(state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "deliveries": [], "undelivered": [without_copy(BOB, code="5.2.1", reason="disabled")]}

    lambdas = {**functions(now=NOW + at, bounces=False), "ResolveMailboxes": resolve}
    script = Script(plans, lambdas)
    return engine.run(queued(ses_notification("bob")), script), script


def outcome(run: Execution) -> dict[str, Any]:
    """The one outcome, as the last question of the workflow sees it."""
    [only] = run.inputs["AllCopiesSafe?"]["undelivered"]["outcomes"]
    return dict(only)


@pytest.mark.parametrize("status", OVER)
def test_a_rejection_takes_the_place_of_what_came_to_nothing(engine: Engine, status: str) -> None:
    [item] = on_record("bob", status, attempts=1, first_claimed_at=5, error="States.Timeout", path="p", folder="INBOX")
    engine.put_record(item)
    run, _ = disabled(engine)
    assert run.path[-1] == "Delivered"
    assert outcome(run) == {"recipient": BOB, "status": "REJECTED", "code": "5.2.1"}
    record = engine.records()["m1", BOB]
    assert (record["status"], record["reason"]) == ("REJECTED", "disabled")
    assert "error" not in record
    # A replay must be a recovery that looks where a copy may be.
    kept = {"attempts": 1, "first_claimed_at": 5, "path": "p", "folder": "INBOX"}
    assert {name: record[name] for name in kept} == kept


@pytest.mark.parametrize("status", NEVER_OVER)
def test_what_is_final_stays_and_is_shown(engine: Engine, status: str) -> None:
    engine.put_record(on_record("bob", status)[0])
    run, _ = disabled(engine)
    assert run.path[-1] == "Delivered"
    assert outcome(run) == {"recipient": BOB, "status": "DUPLICATE", "record": status}
    record = engine.records()["m1", BOB]
    assert (record["status"], record["recipients"]) == (status, [BOB])


def test_a_claim_counts_until_its_lease_has_expired(engine: Engine) -> None:
    engine.put_record(on_record("bob", "CLAIMED", lease_until=NOW + LEASE, lease_owner="another")[0])
    run, _ = disabled(engine, at=LEASE)
    assert run.path[-1] == "DeliveryIncomplete", "the other execution may still fail, and this message is the only one"
    assert outcome(run) == {"recipient": BOB, "status": "FAILED", "error": "DeliveryBusy"}
    assert engine.records()["m1", BOB]["status"] == "CLAIMED"
    run, _ = disabled(engine, at=LEASE + 1)
    assert run.path[-1] == "Delivered"
    record = engine.records()["m1", BOB]
    assert record["status"] == "REJECTED"
    assert not {"lease_until", "lease_owner"} & set(record)


def test_an_execution_that_fails_in_this_moment_has_decided_nothing(engine: Engine) -> None:
    run, _ = disabled(
        engine,
        RecordOutcome=[throws("DynamoDB.ConditionalCheckFailedException")],
        ReadOutcome=[returns(Attributes={"status": {"S": "FAILED"}})],
    )
    assert run.path[-1] == "DeliveryIncomplete", "the other execution may have been an operator's, without a message"
    assert outcome(run) == {"recipient": BOB, "status": "FAILED", "error": "DeliveryBusy"}


def test_an_outcome_that_cannot_be_read_brings_the_message_back(engine: Engine) -> None:
    engine.put_record(on_record("bob", "DELIVERED")[0])
    run, script = disabled(engine, ReadOutcome=[throws("DynamoDB.InternalServerErrorException")] * 9)
    assert run.path[-1] == "DeliveryIncomplete"
    assert outcome(run) == {"recipient": BOB, "status": "FAILED", "error": "DynamoDB.InternalServerErrorException"}
    assert script.attempts("ReadOutcome") == 2


def held(engine: Engine, message_id: str, **plans: Plan) -> Script:
    """One execution for a mail that two entries of the directory hold up."""
    script = Script(plans, functions(now=NOW, bounces=False))
    run = engine.run(queued(ses_notification("loop", "loop2", messageId=message_id)), script)
    assert run.path[-1] == "Delivered"
    return script


def notices(engine: Engine) -> dict[tuple[str, str], dict[str, Any]]:
    """What is in the table beside records."""
    return {key: item for key, item in engine.records().items() if key[0].startswith(NOTICE)}


def test_one_notice_per_entry_and_day(engine: Engine) -> None:
    first = held(engine, "m1")
    assert (
        first.payloads["EntriesHeld"]
        == [{"Namespace": "Mailroom", "MetricData": [{"MetricName": "EntriesHeld", "Value": 1}]}] * 2
    )
    again = held(engine, "m2")
    assert (again.attempts("NoticeHeldEntry"), again.attempts("EntriesHeld")) == (2, 0)
    written = notices(engine)
    assert {message_id for message_id, _ in written} == {NOTICE + address("loop"), NOTICE + address("loop2")}
    for (message_id, day), item in written.items():
        assert len(day) == len("2026-11-24")
        assert item == {"message_id": message_id, "mailbox": day, "expires_at": NOW + 400 * 86_400}


def test_one_notice_per_mailbox_and_day_where_copies_are_held(engine: Engine) -> None:
    said = []
    for message_id in ("m1", "m2"):
        script = Script({"WriteMailbox": [throws("MailboxPathRejected")]}, functions(now=NOW, bounces=False))
        run = engine.run(queued(ses_notification("bob", messageId=message_id)), script)
        assert [one["status"] for one in run.output["deliveries"]["outcomes"]] == ["HELD"]
        said.append(script.attempts("EntriesHeld"))
    assert said == [1, 0]
    assert {message_id for message_id, _ in notices(engine)} == {NOTICE + address("bob")}


def test_a_notice_that_is_not_heard_is_said_twice_rather_than_never(engine: Engine) -> None:
    script = held(engine, "m1", NoticeHeldEntry=[throws("States.Timeout")] * 2)
    assert script.attempts("EntriesHeld") == 2
    assert notices(engine) == {}


def test_a_metric_holds_up_no_mail(engine: Engine) -> None:
    script = held(engine, "m1", EntriesHeld=[throws("CloudWatch.CloudWatchException")] * 9)
    assert script.attempts("EntriesHeld") == 4
    statuses = {item["status"] for key, item in engine.records().items() if key[0] == "m1"}
    assert statuses == {"HELD"}


def test_a_discarded_alias_does_not_keep_a_message_from_the_mailbox_it_leads_to_now(engine: Engine) -> None:
    """What an operator has given up is the entry's record; a copy has one of its own."""
    engine.put_record(on_record("info", "DISCARDED")[0])
    lambdas = functions(now=NOW, bounces=False)

    def mended(state: dict[str, Any]) -> dict[str, Any]:
        made = lambdas["ResolveMailboxes"]({**state, "recipients": [address("bob")]})
        return {**made, "deliveries": [{**made["deliveries"][0], "recipients": state["recipients"]}]}

    engine.run(queued(ses_notification("info")), Script({}, {**lambdas, "ResolveMailboxes": mended}))
    found = {mailbox: item["status"] for (_, mailbox), item in engine.records().items()}
    assert found == {address("info"): "DISCARDED", address("bob"): "DELIVERED"}
