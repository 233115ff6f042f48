"""Scenarios in which some copies of a message succeed and others do not."""

import pytest

from tests.workflow.engines import Engine
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
    noticed,
)
from tests.workflow.script import throws

WORKFLOW = "deliver_mail"

SCENARIOS = [
    Scenario(
        "five recipients: storage error, bad path, unknown; two copies are safe at once",
        noticed(incomplete(bob="DELIVERED", carol="DELIVERED", dave="FAILED", erin="HELD", nobody="REJECTED"), "erin"),
        to=FIVE,
        plans={"WriteMailbox": {"dave": [BUSY] * 9, "erin": [throws("MailboxPathRejected")]}},
    ),
    Scenario(
        "five recipients: the redelivery writes only what is missing",
        Expect(
            DELIVERED,
            copies={"bob": "DUPLICATE", "carol": "DUPLICATE", "dave": "DELIVERED", "erin": "DELIVERED"},
            undelivered={"nobody": "REJECTED"},
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
        plans={"RecordOutcome": [DYNAMODB_THROTTLED] * 9},
    ),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_partial_failure(scenario: Scenario, engine: Engine) -> None:
    scenario.play(engine)
