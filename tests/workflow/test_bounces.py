"""Scenarios of rejected recipients whose sender is told."""

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
