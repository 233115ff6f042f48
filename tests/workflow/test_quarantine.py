"""Scenarios of quarantined mail."""

from typing import Any

import pytest

from tests.workflow.engines import Engine
from tests.workflow.mail import ses_notification
from tests.workflow.scenario import (
    DELIVERED,
    DYNAMODB_THROTTLED,
    LEASE,
    Expect,
    Scenario,
    incomplete,
)
from tests.workflow.script import throws

WORKFLOW = "deliver_mail"


def virus(key: str, *names: str) -> dict[str, Any]:
    """A notification of an infected mail whose raw mail lies at ``key``."""
    notification = ses_notification(*(names or ("virus",)))
    notification["receipt"]["action"]["objectKey"] = key
    return notification


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
        plans={"QuarantineMessage": [throws("S3.SdkClientException")] * 9},
    ),
    Scenario(
        "S3 asks for fewer requests: that costs waiting, and no receive",
        Expect(
            DELIVERED,
            copies={"virus": "QUARANTINED"},
            records={"virus": "QUARANTINED"},
            attempts={"QuarantineMessage": 5},
        ),
        to=("virus",),
        plans={"QuarantineMessage": [throws("S3.S3Exception")] * 4},
    ),
    Scenario(
        "a replay out of the quarantine copies the object onto itself",
        Expect(
            DELIVERED,
            copies={"virus": "QUARANTINED", "virus2": "DUPLICATE"},
            records={"virus": "QUARANTINED", "virus2": "QUARANTINED"},
        ),
        event=virus("quarantine/m1", "virus", "virus2"),
        after=(
            Scenario(
                "another recipient of the same message",
                Expect(DELIVERED, copies={"virus2": "QUARANTINED"}, records={"virus2": "QUARANTINED"}),
                to=("virus2",),
            ),
        ),
    ),
    Scenario(
        "the raw mail to quarantine is gone",
        Expect(
            DELIVERED,
            copies={"virus": "HELD"},
            records={"virus": "HELD"},
            noticed=frozenset({"virus"}),
            attempts={"QuarantineMessage": 1},
        ),
        event=virus("mail/gone"),
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
