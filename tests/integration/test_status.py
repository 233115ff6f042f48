"""status and pipe: whether mail flows, and how to make it wait."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mailroomctl.queues import pipe
from mailroomctl.times import iso
from mailroomctl.version import VERSION
from tests.integration.command_line import OUTPUTS, Operator
from tests.integration.template_tables import table
from tests.integration.waiting_messages import give_up, hold, park, record


class FakePipes:
    """EventBridge Pipes, which takes a look or two to stop and to start. ``stuck`` is where it ends instead."""

    def __init__(self, at: Operator, stuck: str | None = None) -> None:
        self.desired = self.current = "RUNNING"
        self.calls: list[str] = []
        self._next: list[str] = []
        self._stuck = stuck
        at.replaced["pipes"] = self

    def describe_pipe(self, **request: str) -> dict[str, str]:
        assert request == {"Name": "pipe"}
        if self._next:
            self.current = self._next.pop(0)
        return {"DesiredState": self.desired, "CurrentState": self.current}

    def stop_pipe(self, **_: str) -> None:
        self._change("STOPPED", "STOPPING")

    def start_pipe(self, **_: str) -> None:
        self._change("RUNNING", "STARTING")

    def _change(self, desired: str, between: str) -> None:
        self.calls.append(desired)
        self.desired = desired
        self._next = [between, self._stuck or desired]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "POLL", 0)


def test_stop_and_start(at: Operator) -> None:
    pipes = FakePipes(at)
    assert at.run("pipe stop").startswith("the pipe has stopped; mail waits")
    assert at.run("pipe stop").startswith("the pipe has stopped")
    assert at.json("pipe start") == {"pipe": "pipe", "state": "RUNNING"}
    assert pipes.calls == ["STOPPED", "RUNNING"]


def test_a_pipe_that_does_not_start(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    FakePipes(at, stuck="START_FAILED")
    at.run("pipe start")
    at.replaced["pipes"].desired = at.replaced["pipes"].current = "STOPPED"
    assert at.fails("pipe start") == "the pipe pipe is START_FAILED, not RUNNING; its log group says why."
    monkeypatch.setattr(pipe, "PATIENCE", 0)
    FakePipes(at, stuck="STOPPING")
    assert "is STOPPING, not STOPPED" in at.fails("pipe stop")


def test_status(at: Operator) -> None:
    pipes = FakePipes(at)
    assert at.json("status") == [
        {"part": "stack", "state": VERSION},
        {"part": "pipe", "state": "RUNNING"},
        {"part": "inbound queue", "waiting": 0, "in_flight": 0},
        {"part": "dead-letter queue", "waiting": 0, "in_flight": 0},
        {"part": "parked queue", "waiting": 0, "in_flight": 0},
        {"part": "held mail", "state": "0 entries", "waiting": 0},
        {"part": "rejected mail", "state": "0 in the last hour"},
    ]
    assert "inbound queue" in at.run("status")
    pipes.desired = "STOPPED"
    assert "RUNNING, to be STOPPED" in at.run("status")
    pipes.current = "STOPPED"
    at.run("status", 1)


def test_another_version_than_the_stack_s_is_named(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    FakePipes(at)
    monkeypatch.setitem(OUTPUTS, "Version", "0.0.9")
    assert at.json("status")[0] == {"part": "stack", "state": f"0.0.9, mailroomctl {VERSION}"}
    monkeypatch.delitem(OUTPUTS, "Version")
    assert at.json("status")[0] == {"part": "stack", "state": f"unknown, mailroomctl {VERSION}"}


@pytest.mark.parametrize("fill", [give_up, park])
def test_what_was_given_up_needs_an_operator(at: Operator, fill: Any) -> None:
    FakePipes(at)
    fill(at, "m1", "bob@example.com")
    assert "1" in at.run("status", 1)


def test_what_is_held_needs_an_operator_and_what_is_rejected_does_not(at: Operator) -> None:
    FakePipes(at)
    now, long_ago = datetime.now(UTC), "2026-11-01T02:47:00.123Z"
    for number, minutes in enumerate((1, 30, 59, 90)):
        received_at = iso(now - timedelta(minutes=minutes))
        record(at, f"r{number}", "gone@example.com", "REJECTED", code="5.1.1", received_at=received_at)
    assert at.json("status")[5:] == [
        {"part": "held mail", "state": "0 entries", "waiting": 0},
        {"part": "rejected mail", "state": "3 in the last hour"},
    ]
    hold(at, "m1", "a@example.com", "a@example.com")
    for number in range(12):
        hold(at, f"m{number}", f"x{number}@unknown.example", "@unknown.example", received_at=long_ago)
        hold(at, f"n{number}", f"{number:02}@example.com", f"{number:02}@example.com")
    rows = at.json("status", 1)[5:]
    assert rows[0] == {"part": "held mail", "state": "14 entries", "waiting": 25}
    assert rows[1] == {"part": "held: @unknown.example", "state": f"since {long_ago}", "waiting": 12}
    assert [row["part"] for row in rows[10:]] == ["held: 08@example.com", "held: 4 more entries", "rejected mail"]


def test_a_stack_without_the_index_has_a_status(at: Operator) -> None:
    FakePipes(at)
    at.dynamodb.Table("deliveries").delete()
    at.dynamodb.create_table(TableName="deliveries", **table("DeliveriesTable", ["by_mailbox", "by_time"]))
    [row] = at.json("status")[5:]
    assert row["part"] == "held mail"
    assert row["state"].startswith("the table of deliveries has no index needs_attention")


def test_aws_refuses(at: Operator) -> None:
    class Denied:
        def describe_pipe(self, **_: str) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "DescribePipe")

    at.replaced["pipes"] = Denied()
    assert at.fails("status") == "AWS refused DescribePipe: not you"
