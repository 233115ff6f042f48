"""Scenarios in which some copies of a message succeed and others do not."""

import pytest

from tests.workflow.engines import Engine
from tests.workflow.mail import NOW, address, functions, ses_notification
from tests.workflow.scenario import (
    BUSY,
    DELIVERED,
    DYNAMODB_THROTTLED,
    FIRST_DELIVERED,
    FIVE,
    THROTTLED,
    Expect,
    Scenario,
    incomplete,
)
from tests.workflow.script import returns, throws

WORKFLOW = "deliver_mail"

SCENARIOS = [
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
                "five recipients: first execution",
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
                        "rejected": [
                            {"recipient": address("bob"), "code": "5.2.1", "reason": "disabled", "findings": []}
                        ],
                    }
                )
            ]
        },
        after=(FIRST_DELIVERED,),
    ),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_partial_failure(scenario: Scenario, engine: Engine) -> None:
    scenario.play(engine)
