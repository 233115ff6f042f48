"""What is on record after an execution, field by field, and what the functions and services are asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mailroomctl.deliveries.table import reason
from tests.workflow.engines import Engine
from tests.workflow.mail import BUCKET, NOW, address, functions, queued, ses_notification, without_copy
from tests.workflow.scenario import on_record
from tests.workflow.script import Plan, Script, throws

WORKFLOW = "deliver_mail"
BOB, NOBODY, VIRUS, LOOP = (address(name) for name in ("bob", "nobody", "virus", "loop"))
LONG = 10**6
MONTH = "2026-11#0"
MESSAGE = {
    "message_id": "m1",
    "source": "alice@sender.test",
    "received_at": "2026-11-24T02:47:00.123Z",
    "rfc_message_id": "<one@sender.test>",
    "bucket": BUCKET,
    "key": "mail/m1",
    "expires_at": NOW + 400 * 86_400,
    "month": MONTH,
}
CLAIM = {
    **MESSAGE,
    "mailbox": BOB,
    "recipients": [BOB],
    "envelope": [BOB],
    "attempts": 1,
    "first_claimed_at": NOW,
    "attempts_since": 1,
    "findings": [],
}
ATTENTION = {"attention": MONTH}
WHERE = {"folder": "INBOX", "path": f"{BOB}/Maildir"}
LEASE = {"lease_until": NOW + 370}


def play(engine: Engine, *names: str, at: int = 0, **plans: Plan) -> Script:
    script = Script(plans, functions(now=NOW + at, bounces=True))
    engine.run(queued(ses_notification(*names)), script)
    return script


def record(engine: Engine, mailbox: str = BOB) -> dict[str, Any]:
    """One record, without what differs between executions."""
    item = dict(engine.records()["m1", mailbox])
    if "delivered_at" in item:
        assert item.pop("delivered_at").startswith("20")
    if item["status"] == "FAILED":
        assert item.pop("failed_at").startswith("20")
    if "lease_owner" in item:
        assert item.pop("lease_owner")
    return item


def test_delivered(engine: Engine) -> None:
    play(engine, "bob")
    file = {"file_name": "1.x.mailroom,S=8", "size": 8, "verdict": ""}
    assert record(engine) == {**CLAIM, **WHERE, **file, "status": "DELIVERED"}


def test_claimed(engine: Engine) -> None:
    script = play(engine, "bob", RecordDelivery=[throws("DynamoDB.ThrottlingException")] * 9)
    assert record(engine) == {**CLAIM, **WHERE, **LEASE, "status": "CLAIMED"}
    owner = engine.records()["m1", BOB]["lease_owner"]
    assert [payload["attempt"] for payload in script.payloads["WriteMailbox"]] == [owner]


def test_failed(engine: Engine) -> None:
    play(engine, "bob", WriteMailbox=[throws("StorageUnavailable", "opening the mail root: ENOENT")] * 9)
    item = record(engine)
    assert reason({**item, "failed_at": ""}) == "StorageUnavailable opening the mail root: ENOENT"
    assert item.pop("reason")
    assert item == {**CLAIM, **WHERE, **ATTENTION, "status": "FAILED", "error": "StorageUnavailable"}


def test_held(engine: Engine) -> None:
    """A copy that can never be written; where it should have gone is forgotten, when it was claimed is not."""
    play(engine, "bob", WriteMailbox=[throws("MailboxPathRejected", "not a folder")])
    item = record(engine)
    assert "not a folder" in item.pop("reason")
    assert item == {**CLAIM, **ATTENTION, "status": "HELD", "error": "MailboxPathRejected", "entry": BOB}


TWICE = {"attempts": 2, "attempts_since": 2, "expires_at": MESSAGE["expires_at"] + 9}


def test_a_failure_after_a_replay_says_only_what_is_so_now(engine: Engine) -> None:
    play(engine, "bob", WriteMailbox=[throws("MailboxPathRejected")])
    play(engine, "bob", at=9, WriteMailbox=[throws("StorageUnavailable")] * 9)
    failed = {"status": "FAILED", "error": "StorageUnavailable"}
    item = record(engine)
    assert "made to fail" in item.pop("reason")
    assert item == {**CLAIM, **WHERE, **ATTENTION, **TWICE, **failed}


def test_what_is_decided_after_a_failure_has_no_time_of_it(engine: Engine) -> None:
    """Delivered, held, quarantined, rejected."""
    busy = [throws("StorageUnavailable")] * 9
    play(engine, "bob", "carol", "dave", WriteMailbox=busy)
    play(engine, "virus", QuarantineMessage=[throws("S3.S3Exception")] * 9)
    assert {item["status"] for item in engine.records().values()} == {"FAILED"}
    carol, dave = address("carol"), address("dave")
    play(engine, "bob", "carol", "virus", at=9, WriteMailbox={carol: [throws("MailboxPathRejected")]})
    lambdas = functions(now=NOW + 9, bounces=False)

    def gone(state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "deliveries": [], "undelivered": [without_copy(dave)]}

    engine.run(queued(ses_notification("dave")), Script({}, {**lambdas, "ResolveMailboxes": gone}))
    found = {key: item for key, item in engine.records().items() if key[0] == "m1"}
    assert {mailbox: item["status"] for (_, mailbox), item in found.items()} == {
        BOB: "DELIVERED",
        carol: "HELD",
        VIRUS: "QUARANTINED",
        dave: "REJECTED",
    }
    assert [mailbox for (_, mailbox), item in found.items() if "failed_at" in item] == []


def test_a_delivery_clears_what_failed_before(engine: Engine) -> None:
    play(engine, "bob", WriteMailbox=[throws("MailboxPathRejected")])
    play(engine, "bob", at=9)
    file = {"file_name": "1.x.mailroom,S=8", "size": 8, "verdict": ""}
    assert record(engine) == {**CLAIM, **WHERE, **file, **TWICE, "status": "DELIVERED"}


def test_a_quarantine_clears_what_failed_before(engine: Engine) -> None:
    play(engine, "virus", QuarantineMessage=[throws("S3.NoSuchKeyException")])
    assert record(engine, VIRUS)["error"] == "MessageMissing"
    play(engine, "virus", at=9)
    item = record(engine, VIRUS)
    assert item["first_claimed_at"] == NOW
    assert not {"entry", "error", "reason", "folder", "path"} & set(item)
    assert item["attention"] == MONTH, "it waits for an operator"


def test_a_record_of_an_earlier_version_is_claimed_again(engine: Engine) -> None:
    """The time of its first claim is not known, which the counts of attempts tell."""
    [old] = on_record("bob", "FAILED", attempts=3, error="StorageUnavailable", received_at=MESSAGE["received_at"])
    engine.put_record(old)
    script = play(engine, "bob", RecordDelivery=[throws("DynamoDB.InternalServerErrorException")] * 9)
    [asked] = script.payloads["WriteMailbox"]
    assert (asked["attempts"], asked["attempts_since"], asked["first_claimed_at"]) == (4, 1, NOW)
    item = record(engine)
    assert (item["month"], item["first_claimed_at"]) == (MONTH, NOW)


def test_rejected(engine: Engine) -> None:
    play(engine, "nobody")
    reason = {"code": "5.1.1", "reason": "no such address", "entry": ""}
    assert record(engine, NOBODY) == {
        **MESSAGE,
        **ATTENTION,
        **reason,
        "findings": [],
        "mailbox": NOBODY,
        "recipients": [NOBODY],
        "envelope": [NOBODY],
        "status": "REJECTED",
    }


def test_held_by_an_entry(engine: Engine) -> None:
    play(engine, "loop")
    reason = {"code": "5.4.6", "reason": "it goes round in a loop", "entry": LOOP}
    assert record(engine, LOOP) == {
        **MESSAGE,
        **ATTENTION,
        **reason,
        "findings": [],
        "mailbox": LOOP,
        "recipients": [LOOP],
        "envelope": [LOOP],
        "status": "HELD",
    }


def test_quarantined(engine: Engine) -> None:
    play(engine, "virus")
    assert record(engine, VIRUS) == {
        **CLAIM,
        "mailbox": VIRUS,
        "recipients": [VIRUS],
        "envelope": [VIRUS],
        **ATTENTION,
        "status": "QUARANTINED",
        "quarantine_key": "quarantine/m1",
        "verdict": "virus=FAIL; policy=quarantine",
        "findings": ["virus=FAIL"],
    }
    assert engine.object_keys() == {"mail/m1", "quarantine/m1"}


def test_bounced(engine: Engine) -> None:
    script = play(engine, "bob", "nobody")
    assert record(engine, "(bounce)") == {
        "message_id": "m1",
        "mailbox": "(bounce)",
        "status": "BOUNCED",
        "source": MESSAGE["source"],
        "received_at": MESSAGE["received_at"],
        "expires_at": MESSAGE["expires_at"],
    }
    assert script.payloads["SendBounce"] == [
        {
            "OriginalMessageId": "m1",
            "BounceSender": "bounces@example.com",
            "MessageDsn": {"ReportingMta": "dns; mailroom", "ArrivalDate": MESSAGE["received_at"]},
            "BouncedRecipientInfoList": [
                {
                    "Recipient": NOBODY,
                    "RecipientDsnFields": {
                        "Action": "failed",
                        "Status": "5.1.1",
                        "DiagnosticCode": "smtp; 550 5.1.1 Recipient rejected",
                    },
                }
            ],
        }
    ]


def test_a_bounce_that_failed(engine: Engine) -> None:
    play(engine, "nobody", SendBounce=[throws("Ses.MessageRejectedException", "not verified")])
    item = record(engine, "(bounce)")
    assert (item["status"], item["error"]) == ("BOUNCE_FAILED", "Ses.MessageRejectedException")
    assert "not verified" in item["reason"]


def test_what_write_mailbox_is_asked(engine: Engine) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)  # an engine may cut off the fraction
    script = play(engine, "bob", WriteMailbox=[throws("StorageUnavailable")])
    first, second = script.payloads["WriteMailbox"]
    attempt, entered_at = first["attempt"], first["entered_at"]
    assert attempt
    assert before <= datetime.fromisoformat(entered_at) <= datetime.now(UTC)
    assert first == {
        "message": {"id": "m1", "bucket": BUCKET, "key": "mail/m1", "received_at": MESSAGE["received_at"]},
        "delivery": WHERE
        | {"mailbox": BOB, "address": BOB, "recipients": [BOB], "verdict": "", "optional_folder": False},
        "attempts": 1,
        "attempts_since": 1,
        "first_claimed_at": NOW,
        "retry_count": 0,
        "attempt": attempt,
        "entered_at": entered_at,
    }
    assert second == {**first, "retry_count": 1, "entered_at": second["entered_at"]}


def test_a_recovery_looks_where_the_first_attempt_wrote(engine: Engine) -> None:
    """The directory, the policy and a clock-made receive time have changed meanwhile."""
    play(engine, "bob", RecordDelivery=[throws("DynamoDB.ThrottlingException")] * 9)
    changed = functions(now=NOW + 401, bounces=False)
    resolve = changed["ResolveMailboxes"]

    def moved(state: dict[str, Any]) -> dict[str, Any]:
        resolved = resolve({**state, "message": {**state["message"], "received_at": "2030-01-01T00:00:00.000Z"}})
        resolved["deliveries"][0] |= {"folder": "Junk", "path": "elsewhere", "verdict": "spam=FAIL; policy=junk"}
        return resolved

    script = Script({}, {**changed, "ResolveMailboxes": moved})
    run = engine.run(queued(ses_notification("bob")), script)
    assert run.path[-1] == "Delivered"
    (payload,) = script.payloads["WriteMailbox"]
    assert {name: payload["delivery"][name] for name in WHERE} == WHERE
    assert payload["message"]["received_at"] == MESSAGE["received_at"]
    assert (payload["attempts"], payload["first_claimed_at"]) == (2, NOW)
    assert run.output["deliveries"]["outcomes"][0]["recovered"] is True
    assert record(engine)["folder"] == "INBOX"


def test_a_failure_of_an_old_run_does_not_take_the_lease_of_a_new_one(engine: Engine) -> None:
    stolen = {**CLAIM, "status": "CLAIMED"}

    def overtaken(_: Any) -> Any:
        engine.put_record(
            {name: {"N": str(value)} if isinstance(value, int) else {"S": str(value)} for name, value in stolen.items()}
            | {"lease_owner": {"S": "another"}, "lease_until": {"N": str(LONG)}, "recipients": {"SS": [BOB]}}
        )
        raise throws("MailboxPathRejected")

    script = Script({}, {**functions(now=NOW, bounces=False), "WriteMailbox": overtaken})
    run = engine.run(queued(ses_notification("bob")), script)
    assert run.path[-1] == "DeliveryIncomplete"
    after = engine.records()["m1", BOB]
    assert (after["status"], after["lease_owner"], after["lease_until"]) == ("CLAIMED", "another", LONG)


def test_what_is_parked_says_why_and_holds_the_event(engine: Engine) -> None:
    event = queued("}{")
    engine.run(event, Script({}, functions(now=NOW, bounces=False)))
    (body,) = engine.parked()
    assert body["error"] == "InvalidEvent"
    assert "not JSON" in body["cause"]
    assert body["event"] == event
    assert "deliver" in body["execution"]
    assert body["parked_at"].startswith("20")


def test_a_copy_that_can_never_be_written_is_held_beside_the_others(engine: Engine) -> None:
    script = Script({"WriteMailbox": {BOB: [throws("MailboxPathRejected")]}}, functions(now=NOW, bounces=False))
    run = engine.run(queued(ses_notification("bob", "carol")), script)
    assert engine.parked() == []
    assert {one["mailbox"]: one for one in run.output["deliveries"]["outcomes"]} == {
        BOB: {"mailbox": BOB, "recipients": [BOB], "status": "HELD", "error": "MailboxPathRejected"},
        address("carol"): {
            "mailbox": address("carol"),
            "recipients": [address("carol")],
            "status": "DELIVERED",
            "folder": "INBOX",
            "recovered": False,
        },
    }


def test_the_outcomes_that_a_run_shows(engine: Engine) -> None:
    play(engine, "bob", "virus")
    script = Script({}, functions(now=NOW + 1, bounces=False))
    run = engine.run(queued(ses_notification("bob", "virus", "nobody", "loop")), script)
    assert run.output["deliveries"]["outcomes"] == [
        {"mailbox": BOB, "recipients": [BOB], "status": "DUPLICATE", "record": "DELIVERED"},
        {"mailbox": VIRUS, "recipients": [VIRUS], "status": "DUPLICATE", "record": "QUARANTINED"},
    ]
    assert run.output["undelivered"]["outcomes"] == [
        {"recipient": NOBODY, "status": "REJECTED", "code": "5.1.1"},
        {"recipient": LOOP, "status": "HELD", "code": "5.4.6"},
    ]


def test_the_outcome_of_a_quarantine_says_why(engine: Engine) -> None:
    run = engine.run(queued(ses_notification("virus")), Script({}, functions(now=NOW, bounces=False)))
    verdict = "virus=FAIL; policy=quarantine"
    assert run.output["deliveries"]["outcomes"] == [
        {"mailbox": VIRUS, "recipients": [VIRUS], "status": "QUARANTINED", "verdict": verdict}
    ]


def failed_outcomes(engine: Engine, *names: str, at: int = 0, **plans: Plan) -> dict[str, Any]:
    """The outcomes of a run that fails, as the last Choice sees them."""
    run = engine.run(queued(ses_notification(*names)), Script(plans, functions(now=NOW + at, bounces=False)))
    assert run.path[-1] == "DeliveryIncomplete"
    state = run.inputs["AllCopiesSafe?"]
    return {"copies": state["deliveries"]["outcomes"], "undelivered": state["undelivered"]["outcomes"]}


def test_a_failed_copy_names_its_error(engine: Engine) -> None:
    outcomes = failed_outcomes(engine, "bob", WriteMailbox=[throws("StorageUnavailable")] * 9)
    failed = {"mailbox": BOB, "recipients": [BOB], "status": "FAILED", "error": "StorageUnavailable", "broken": True}
    assert outcomes["copies"] == [failed]


def test_a_busy_copy_says_so(engine: Engine) -> None:
    play(engine, "bob", RecordDelivery=[throws("DynamoDB.ThrottlingException")] * 9)
    outcomes = failed_outcomes(engine, "bob", at=1)
    assert outcomes["copies"] == [
        {
            "mailbox": BOB,
            "recipients": [BOB],
            "status": "FAILED",
            "error": "DeliveryBusy",
            "reason": "Another execution is delivering this copy; SQS redelivers the message.",
        }
    ]


def test_an_outcome_that_is_not_on_record_names_its_error(engine: Engine) -> None:
    outcomes = failed_outcomes(engine, "nobody", RecordOutcome=[throws("DynamoDB.ThrottlingException")] * 9)
    failed = {"recipient": NOBODY, "status": "FAILED", "error": "DynamoDB.ThrottlingException"}
    assert outcomes["undelivered"] == [failed]
