"""Scenarios of rejected recipients whose sender is told."""

import pytest

from tests.workflow.engines import Engine
from tests.workflow.mail import queued, ses_notification
from tests.workflow.scenario import (
    BEFORE,
    BOUNCED,
    DELIVERED,
    DYNAMODB_THROTTLED,
    Expect,
    Scenario,
    delivered,
    tried,
)
from tests.workflow.script import throws

WORKFLOW = "deliver_mail"

SCENARIOS = [
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
    Scenario("nothing rejected, nothing bounced", tried(delivered("bob"), ClaimBounce=0), bounces=True),
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


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_bounce(scenario: Scenario, engine: Engine) -> None:
    scenario.play(engine)
