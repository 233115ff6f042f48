"""Overlapping receipt rules notify of one message with different recipients, who may share a mailbox."""

from typing import Any

import pytest

from tests.workflow.engines import Engine
from tests.workflow.mail import NOW, address, functions, queued, ses_notification
from tests.workflow.script import Script, throws

WORKFLOW = "deliver_mail"


def to_bob(state: dict[str, Any]) -> dict[str, Any]:
    """Every recipient is another name of Bob's."""
    delivery = {
        "mailbox": address("bob"),
        "address": address("bob"),
        "path": "bob/Maildir",
        "folder": "INBOX",
        "recipients": state["recipients"],
        "action": "deliver",
        "verdict": "",
        "optional_folder": False,
        "findings": [],
        "mailbox_number": 1,
    }
    return {**state, "deliveries": [delivery], "undelivered": []}


@pytest.mark.parametrize("first_fails", [False, True])
def test_every_recipient_is_on_record_of_the_one_copy(engine: Engine, first_fails: bool) -> None:
    """Whether the first notification came to a copy, or the second one's execution made it."""
    lambdas = functions(now=NOW, bounces=False) | {"ResolveMailboxes": to_bob}
    plans = {"WriteMailbox": [throws("StorageUnavailable")] * 9} if first_fails else {}
    engine.run(queued(ses_notification("info")), Script(plans, lambdas))
    run = engine.run(queued(ses_notification("bob", "sales")), Script({}, lambdas))
    assert run.status == "SUCCEEDED"
    [record] = engine.records().values()
    assert record["status"] == "DELIVERED"
    assert sorted(record["recipients"]) == [address("bob"), address("info"), address("sales")]
    assert sorted(record["envelope"]) == sorted(record["recipients"])


def test_every_record_has_the_whole_envelope(engine: Engine) -> None:
    """Whoever has no outcome yet is found by it, even where every other trace of the message is gone."""
    for names in (("bob", "nobody"), ("bob", "loop")):
        engine.run(queued(ses_notification(*names)), Script({}, functions(now=NOW, bounces=False)))
    records = {mailbox: one for (message, mailbox), one in engine.records().items() if message == "m1"}
    envelopes = {mailbox: sorted(one["envelope"]) for mailbox, one in records.items()}
    everybody = sorted(map(address, ("bob", "nobody", "loop")))
    assert envelopes[address("bob")] == everybody
    assert set(envelopes[address("nobody")]) | set(envelopes[address("loop")]) == set(everybody)
