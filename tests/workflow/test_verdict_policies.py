"""The workflow carries out each verdict policy; the addresses are resolved by the real rules."""

from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from mailroom.resolve.mailboxes import Rules

from mailroomctl.deliveries.rebuild import notification_from_records
from tests.fakes.dynamodb import FakeDynamoDB, alias, directory, mailbox
from tests.fakes.resolve_step import resolve_step
from tests.workflow.engines import Engine, Execution
from tests.workflow.mail import NOW, address, functions, queued, ses_notification
from tests.workflow.script import Script

WORKFLOW = "deliver_mail"
DIRECTORY = [
    mailbox(address("inbox"), policy={"spam_fail": "inbox"}),
    mailbox(address("junk"), policy={"spam_fail": "junk", "junk_folder": "Spam"}),
    mailbox(address("quarantine"), policy={"spam_fail": "quarantine"}),
    mailbox(address("reject"), policy={"spam_fail": "reject"}),
    alias(address("all"), *(address(name) for name in ("inbox", "junk", "quarantine", "reject"))),
]


def run(engine: Engine, event: Any) -> tuple[Execution, Script]:
    lookups = directory(FakeDynamoDB(DIRECTORY))
    lambdas = functions(now=NOW, bounces=False)
    lambdas["ResolveMailboxes"] = lambda state: resolve_step(state, lookups, Rules())
    script = Script({}, lambdas)
    return engine.run(event, script), script


def spam(*names: str) -> Any:
    notification = ses_notification(*names)
    notification["receipt"]["spamVerdict"] = {"status": "FAIL"}
    return queued(notification)


def records(engine: Engine) -> dict[str, dict[str, Any]]:
    return {mailbox: item for (_, mailbox), item in engine.records().items()}


@pytest.mark.parametrize(
    ("policy", "status", "folder", "verdict"),
    [
        ("inbox", "DELIVERED", "INBOX", ""),
        ("junk", "DELIVERED", "Spam", "spam=FAIL; policy=junk"),
        ("quarantine", "QUARANTINED", None, "spam=FAIL; policy=quarantine"),
        ("reject", "REJECTED", None, None),
    ],
)
def test_policy(engine: Engine, policy: str, status: str, folder: str | None, verdict: str | None) -> None:
    done, script = run(engine, spam(policy))
    assert (done.status, done.path[-1]) == ("SUCCEEDED", "Delivered")
    record = records(engine)[address(policy)]
    assert record["status"] == status
    assert record["findings"] == ([] if policy == "inbox" else ["spam=FAIL"])
    written = [(one["delivery"]["folder"], one["delivery"]["verdict"]) for one in script.payloads["WriteMailbox"]]
    assert written == ([(folder, verdict)] if folder else [])
    if status == "QUARANTINED":
        assert record["verdict"] == verdict
        assert record["quarantine_key"] == "quarantine/m1"
        assert script.attempts("QuarantineMessage") == 1
    if status == "REJECTED":
        assert record["code"] == "5.7.1"
        assert "spam=FAIL; policy=reject" in record["reason"]


def test_each_member_of_a_group_by_its_own_policy(engine: Engine) -> None:
    done, script = run(engine, spam("all"))
    assert done.status == "SUCCEEDED"
    assert {mailbox: item["status"] for mailbox, item in records(engine).items()} == {
        address("inbox"): "DELIVERED",
        address("junk"): "DELIVERED",
        address("quarantine"): "QUARANTINED",
    }
    assert script.attempts("WriteMailbox") == 2


def test_release_delivers_what_is_marked_and_nothing_else(engine: Engine) -> None:
    run(engine, spam("all", "quarantine"))
    held = records(engine)[address("quarantine")]
    held = {**held, "recipients": sorted(held["recipients"])}
    release = notification_from_records([held], [address("quarantine")], key=held["quarantine_key"])

    _, script = run(engine, release)
    assert script.attempts("WriteMailbox") == 0, "without the operator's mark the claim refuses"
    assert records(engine)[address("quarantine")]["status"] == "QUARANTINED"

    marked = {**held, "status": "RELEASED", **{name: set(held[name]) for name in ("recipients", "envelope")}}
    engine.put_record({name: TypeSerializer().serialize(value) for name, value in marked.items()})
    done, script = run(engine, release)
    assert (done.status, done.path[-1]) == ("SUCCEEDED", "Delivered")
    [written] = script.payloads["WriteMailbox"]
    assert written["delivery"]["mailbox"] == address("quarantine")
    assert written["delivery"]["folder"] == "INBOX"
    assert written["message"]["key"] == "quarantine/m1"
    after = records(engine)
    assert after[address("quarantine")]["status"] == "DELIVERED"
    assert set(after) == {address(name) for name in ("inbox", "junk", "quarantine")}


def test_a_redelivery_does_not_lift_a_quarantine(engine: Engine) -> None:
    event = spam("quarantine")
    run(engine, event)
    forged = ses_notification("quarantine")
    forged["mailroom"] = {"release": [address("quarantine")]}
    for again in (event, queued(forged)):
        done, script = run(engine, again)
        assert done.status == "SUCCEEDED"
        assert script.attempts("WriteMailbox") == 0
    assert records(engine)[address("quarantine")]["status"] == "QUARANTINED"
