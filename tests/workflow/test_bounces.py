"""Scenarios of rejected recipients whose sender is told."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.workflow.engines import Engine
from tests.workflow.mail import NOW, address, functions, queued, ses_notification, without_copy
from tests.workflow.scenario import (
    BEFORE,
    BOUNCED,
    BUSY,
    DELIVERED,
    DYNAMODB_THROTTLED,
    LEASE,
    Expect,
    Scenario,
    delivered,
    incomplete,
    on_record,
    tried,
)
from tests.workflow.script import Script, throws

WORKFLOW = "deliver_mail"

UNSENT = (*BEFORE, "Bounce?", "ClaimBounce", "SendBounce", "RecordBounceFailure", "Delivered")

SCENARIOS = [
    Scenario(
        "an unknown recipient bounces",
        Expect(
            BOUNCED,
            copies={"bob": "DELIVERED"},
            undelivered={"nobody": "REJECTED", "nobody2": "REJECTED"},
            records={"bob": "DELIVERED", "nobody": "REJECTED", "nobody2": "REJECTED", "(bounce)": "BOUNCED"},
            attempts={"SendBounce": 1},
        ),
        to=("bob", "nobody", "nobody2"),
        bounces=True,
    ),
    Scenario("nothing rejected, nothing bounced", tried(delivered("bob"), ClaimBounce=0), bounces=True),
    Scenario(
        "bounces are off by default",
        Expect(
            DELIVERED, undelivered={"nobody": "REJECTED"}, records={"nobody": "REJECTED"}, attempts={"SendBounce": 0}
        ),
        to=("nobody",),
    ),
    Scenario(
        "mail from a list never bounces",
        Expect(
            DELIVERED, undelivered={"nobody": "REJECTED"}, records={"nobody": "REJECTED"}, attempts={"SendBounce": 0}
        ),
        event=queued(ses_notification("nobody", headers=[{"name": "List-Id", "value": "<l.example>"}])),
        bounces=True,
    ),
    Scenario(
        "a redelivery does not bounce again",
        Expect(
            (*BEFORE, "Bounce?", "ClaimBounce", "Delivered"),
            undelivered={"nobody": "REJECTED"},
            records={"nobody": "REJECTED", "(bounce)": "BOUNCED"},
            attempts={"SendBounce": 0},
        ),
        to=("nobody",),
        bounces=True,
        after=(
            Scenario(
                "bounced",
                Expect(
                    BOUNCED, undelivered={"nobody": "REJECTED"}, records={"nobody": "REJECTED", "(bounce)": "BOUNCED"}
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
            undelivered={"nobody": "REJECTED"},
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
            UNSENT,
            copies={"bob": "DELIVERED"},
            undelivered={"nobody": "REJECTED"},
            records={"bob": "DELIVERED", "nobody": "REJECTED", "(bounce)": "BOUNCE_FAILED"},
        ),
        to=("bob", "nobody"),
        bounces=True,
        plans={"SendBounce": [throws("Ses.MessageRejectedException")] * 3},
    ),
    Scenario(
        "the failure of a bounce cannot be recorded either",
        Expect(
            UNSENT,
            undelivered={"nobody": "REJECTED"},
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
            (*BEFORE, "Bounce?", "ClaimBounce", "Delivered"),
            undelivered={"nobody": "REJECTED"},
            records={"nobody": "REJECTED"},
            attempts={"SendBounce": 0},
        ),
        to=("nobody",),
        bounces=True,
        plans={"ClaimBounce": [DYNAMODB_THROTTLED] * 9},
    ),
    Scenario(
        "an error without a name of its own may come after SES has sent the bounce: no second call",
        Expect(
            UNSENT,
            undelivered={"nobody": "REJECTED"},
            records={"nobody": "REJECTED", "(bounce)": "BOUNCE_FAILED"},
            attempts={"SendBounce": 1},
        ),
        to=("nobody",),
        bounces=True,
        plans={"SendBounce": [throws("Ses.SesException")]},
    ),
    Scenario(
        "the answer to the claim of a bounce is lost: the claim is this execution's own",
        Expect(
            BOUNCED,
            undelivered={"nobody": "REJECTED"},
            records={"nobody": "REJECTED", "(bounce)": "BOUNCED"},
            attempts={"ClaimBounce": 2, "SendBounce": 1},
        ),
        to=("nobody",),
        bounces=True,
        lost=("ClaimBounce",),
    ),
    Scenario(
        "our own fault never bounces",
        Expect(
            DELIVERED,
            undelivered={"loop": "HELD"},
            records={"loop": "HELD"},
            noticed=frozenset({"loop"}),
            attempts={"SendBounce": 0},
        ),
        to=("loop",),
        bounces=True,
    ),
    Scenario(
        "a bounce waits until every rejection is on record",
        Expect(
            BOUNCED,
            copies={"bob": "DUPLICATE"},
            undelivered={"nobody": "REJECTED", "nobody2": "REJECTED"},
            records={"bob": "DELIVERED", "nobody": "REJECTED", "nobody2": "REJECTED", "(bounce)": "BOUNCED"},
        ),
        to=("bob", "nobody", "nobody2"),
        bounces=True,
        at=401,
        after=(
            Scenario(
                "one of two rejections cannot be recorded",
                incomplete({"SendBounce": 0}, bob="DELIVERED", nobody="REJECTED"),
                to=("bob", "nobody", "nobody2"),
                bounces=True,
                plans={"RecordOutcome": {"nobody2": [DYNAMODB_THROTTLED] * 9}},
            ),
        ),
    ),
    Scenario(
        "no bounce while a copy is open",
        incomplete({"ClaimBounce": 0}, bob="FAILED", nobody="REJECTED"),
        to=("bob", "nobody"),
        bounces=True,
        plans={"WriteMailbox": [BUSY] * 9},
    ),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_bounce(scenario: Scenario, engine: Engine) -> None:
    scenario.play(engine)


def test_a_bounce_names_exactly_those_that_got_nothing(engine: Engine) -> None:
    """Not who has a copy, nor who may have one, nor who got none by our own fault."""
    lambdas = functions(now=NOW, bounces=True)
    engine.run(queued(ses_notification("bob")), Script({}, lambdas))
    for item in on_record("carol", "FAILED", attempts=1):
        engine.put_record(item)

    def all_disabled(state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "deliveries": [], "undelivered": [without_copy(name) for name in state["recipients"]]}

    script = Script({}, {**lambdas, "ResolveMailboxes": all_disabled})
    run = engine.run(queued(ses_notification("bob", "carol", "loop", "nobody")), script)
    assert run.path == BOUNCED
    [bounce] = script.payloads["SendBounce"]
    assert [one["Recipient"] for one in bounce["BouncedRecipientInfoList"]] == [address("nobody")]
    assert {one["recipient"]: one["status"] for one in run.output["undelivered"]["outcomes"]} == {
        address("bob"): "DUPLICATE",
        address("carol"): "REJECTED",
        address("loop"): "HELD",
        address("nobody"): "REJECTED",
    }


ALIAS = address("info")
SOURCES = {"bob": "DELIVERED", "carol": "FAILED"}
"""Where the alias leads, and what the first execution comes to."""


def led_to(*mailboxes: str, functions_of: Mapping[str, Any]) -> dict[str, Any]:
    """The functions, with a directory that leads the alias to these mailboxes; without any there is no alias."""

    def resolve(state: dict[str, Any]) -> dict[str, Any]:
        made = functions_of["ResolveMailboxes"]({**state, "recipients": [address(name) for name in mailboxes]})
        deliveries = [{**one, "recipients": [ALIAS]} for one in made["deliveries"]]
        undelivered = [without_copy(name) for name in state["recipients"] if name != ALIAS or not mailboxes]
        return {**made, "recipients": state["recipients"], "deliveries": deliveries, "undelivered": undelivered}

    return {**functions_of, "ResolveMailboxes": resolve}


def alias_run(engine: Engine, *mailboxes: str, to: tuple[str, ...] = ("info",), at: int = 0, **plans: Any) -> Any:
    """Run a message to the alias, with the alias leading to these mailboxes."""
    script = Script(plans, led_to(*mailboxes, functions_of=functions(now=NOW + at, bounces=True)))
    return engine.run(queued(ses_notification(*to)), script), script


def half_delivered(engine: Engine) -> None:
    """The scene: the alias leads to Bob, who gets his copy, and to Carol, who does not."""
    run, _ = alias_run(engine, *SOURCES, WriteMailbox={address("carol"): [BUSY] * 9})
    assert run.path[-1] == "DeliveryIncomplete"
    assert {mailbox: item["status"] for (_, mailbox), item in engine.records().items()} == {
        address(name): status for name, status in SOURCES.items()
    }


@pytest.mark.parametrize("status", [None, "REPLAYED", "REJECTED"])
def test_none_for_an_alias_that_led_to_a_copy(engine: Engine, status: str | None) -> None:
    """The record of the copy has another key: the mailbox's. The alias may have a record of its own, never claimed."""
    half_delivered(engine)
    if status:
        engine.put_record(on_record("info", status)[0])
    run, script = alias_run(engine, to=("info", "nobody"), at=LEASE + 31)
    assert run.path == BOUNCED
    assert engine.records()["m1", ALIAS]["status"] == "REJECTED"
    [bounce] = script.payloads["SendBounce"]
    assert [one["Recipient"] for one in bounce["BouncedRecipientInfoList"]] == [address("nobody")]
    assert {one["recipient"]: one["status"] for one in run.output["undelivered"]["outcomes"]} == {
        ALIAS: "REJECTED",
        address("nobody"): "REJECTED",
    }


def test_none_when_it_cannot_be_known_whether_there_is_a_copy(engine: Engine) -> None:
    throttled = [throws("DynamoDb.ThrottlingException")] * 9
    run, script = alias_run(engine, LookForCopies=throttled)
    assert run.path == DELIVERED
    assert engine.records()["m1", ALIAS]["status"] == "REJECTED"
    assert script.attempts("LookForCopies") == 2


def test_none_when_not_all_records_were_looked_at(engine: Engine) -> None:
    key = {"message_id": {"S": "m1"}, "mailbox": {"S": address("bob")}}
    answer = {"Count": 0, "ScannedCount": 9, "LastEvaluatedKey": key}
    run, script = alias_run(engine, LookForCopies=[answer])
    assert run.path == DELIVERED
    assert script.attempts("LookForCopies") == 1


def test_nobody_looks_for_copies_when_no_bounce_may_go_out(engine: Engine) -> None:
    script = Script({}, led_to(functions_of=functions(now=NOW, bounces=False)))
    run = engine.run(queued(ses_notification("info")), script)
    assert run.path == DELIVERED
    assert script.attempts("LookForCopies") == 0
