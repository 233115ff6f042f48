"""Scenarios of quarantined mail."""

import pytest

from tests.workflow.engines import Engine
from tests.workflow.scenario import (
    DELIVERED,
    DYNAMODB_THROTTLED,
    LEASE,
    PARKED_COPY,
    Expect,
    Scenario,
    incomplete,
)
from tests.workflow.script import throws

WORKFLOW = "deliver_mail"

SCENARIOS = [
    Scenario(
        "quarantined mail is kept and recorded, not delivered",
        Expect(
            DELIVERED,
            copies={"virus": "QUARANTINED"},
            records={"virus": "QUARANTINED"},
            attempts={"WriteMailbox": 0, "QuarantineMessage": 1},
        ),
        to=("virus",),
    ),
    Scenario(
        "quarantined mail stays in quarantine when its notification repeats",
        Expect(
            DELIVERED,
            copies={"virus": "DUPLICATE"},
            records={"virus": "QUARANTINED"},
            attempts={"QuarantineMessage": 0},
        ),
        to=("virus",),
        at=LEASE + 1,
        after=(
            Scenario(
                "held",
                Expect(DELIVERED, copies={"virus": "QUARANTINED"}, records={"virus": "QUARANTINED"}),
                to=("virus",),
            ),
        ),
    ),
    Scenario(
        "S3 cannot copy into quarantine",
        incomplete({"QuarantineMessage": 3}, virus="FAILED"),
        to=("virus",),
        plans={"QuarantineMessage": [throws("S3.S3Exception")] * 9},
    ),
    Scenario(
        "the raw mail to quarantine is gone",
        Expect(PARKED_COPY, records={"virus": "REJECTED"}, parked=("CopyRefused",), attempts={"QuarantineMessage": 1}),
        to=("virus",),
        plans={"QuarantineMessage": [throws("S3.NoSuchKeyException")]},
    ),
    Scenario(
        "the quarantine cannot be recorded",
        incomplete(virus="CLAIMED"),
        to=("virus",),
        plans={"RecordQuarantine": [DYNAMODB_THROTTLED] * 9},
    ),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_quarantine(scenario: Scenario, engine: Engine) -> None:
    scenario.play(engine)
