"""replay --rejected: what the directory turned away by mistake, and whom nobody tells of it a second time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailroomctl.times import iso
from tests.integration.command_line import Operator
from tests.integration.waiting_messages import FakeWorkflow, record, records, resolves

#: In the middle of the last complete hour but one.
NOW = datetime.now(UTC) - timedelta(minutes=90)


def reject(at: Operator, message_id: str, recipient: str, code: str = "5.1.1", **fields: Any) -> None:
    """Put a rejection on record, and its raw mail into the bucket."""
    record(at, message_id, recipient, "REJECTED", **{"code": code, "entry": "", "received_at": iso(NOW)} | fields)
    at.s3.put_object(Bucket="mail", Key=f"mail/{message_id}", Body=b"X-SES-Virus-Verdict: FAIL\r\n\r\nbody\r\n")


@pytest.fixture
def rejections(at: Operator) -> Operator:
    reject(at, "m1", "Sales@example.com")
    reject(at, "m2", "sales@example.com")
    reject(at, "m3", "gone@other.example")
    reject(at, "m4", "eve@example.com", "5.7.1")
    reject(at, "m5", "old@example.com", received_at=iso(NOW - timedelta(days=3)))
    # Earlier versions set no month: it stays with trace --mailbox and MESSAGE-ID.
    reject(at, "m6", "sales@example.com", month=None)
    record(at, "m7", "sales@example.com", "HELD", entry="sales@example.com", received_at=iso(NOW))
    return at


def test_a_dry_run_counts_by_address(rejections: Operator) -> None:
    workflow = FakeWorkflow(rejections, resolves(rejections, {}))
    rows = rejections.json("replay --rejected --since 3h --dry-run")
    assert [(row["address"], row["messages"], row["codes"]) for row in rows] == [
        ("sales@example.com", 2, ["5.1.1"]),
        ("eve@example.com", 1, ["5.7.1"]),
        ("gone@other.example", 1, ["5.1.1"]),
    ]
    assert {row["result"] for row in rows} == {"would be replayed"}
    assert workflow.events == []


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        ("--to SALES@example.com", {"m1", "m2"}),
        ("--domain other.example", {"m3"}),
        ("--code 5.7.1", {"m4"}),
        ("--code 5.1.1 --domain example.com", {"m1", "m2"}),
        ("--until 2h", set()),
    ],
)
def test_filters(rejections: Operator, options: str, messages: set[str]) -> None:
    workflow = FakeWorkflow(rejections, resolves(rejections, {}, "REJECTED"))
    rejections.run(f"replay --rejected --since 3h {options}")
    assert {event["mail"]["messageId"] for event in workflow.events} == messages


def test_only_what_now_has_a_place_is_delivered(rejections: Operator) -> None:
    bob = "bob@example.com"
    workflow = FakeWorkflow(
        rejections, resolves(rejections, {"Sales@example.com": bob, "sales@example.com": bob}, "REJECTED")
    )
    done = rejections.json("replay --rejected --since 3h")
    assert done["groups"] == [
        {"address": "sales@example.com", "replayed": 2, "still_undelivered": 0, "failed": 0},
        {"address": "eve@example.com", "replayed": 0, "still_undelivered": 1, "failed": 0},
        {"address": "gone@other.example", "replayed": 0, "still_undelivered": 1, "failed": 0},
    ]
    assert all(event["mailroom"] == {"no_bounce": True} for event in workflow.events)
    assert {event["receipt"]["virusVerdict"]["status"] for event in workflow.events} == {"FAIL"}
    found = {key: one["status"] for key, one in records(rejections).items()}
    assert found["m1", "Sales@example.com"] == found["m2", "sales@example.com"] == "REPLAYED"
    assert found["m1", bob] == found["m2", bob] == "DELIVERED"
    assert found["m3", "gone@other.example"] == found["m4", "eve@example.com"] == "REJECTED"
    assert found["m7", "sales@example.com"] == "HELD"


def test_a_week_and_more_is_read_as_a_whole(rejections: Operator) -> None:
    rows = rejections.json("replay --rejected --since 30d --to old@example.com --dry-run")
    assert [(row["address"], row["messages"]) for row in rows] == [("old@example.com", 1)]
    assert rejections.json("replay --rejected --since 30d --until 10d --dry-run") == []
