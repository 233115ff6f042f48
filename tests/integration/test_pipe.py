"""pipe stop and start: how an operator makes mail wait, whatever state the pipe is in."""

from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mailroomctl.queues import pipe
from tests.integration.command_line import Operator
from tests.integration.fake_pipes import SINCE, FakePipes

pytestmark = pytest.mark.usefixtures("no_waiting")


def test_stop_and_start(at: Operator) -> None:
    pipes = FakePipes(at)
    assert at.run("pipe stop").startswith("the pipe has stopped and nothing is in flight; mail waits")
    assert datetime.fromisoformat(pipes.tags["OperatorStop"]).tzinfo
    assert at.run("pipe stop").startswith("the pipe has stopped")
    assert at.json("pipe start") == {"pipe": "pipe", "state": "RUNNING"}
    assert pipes.tags == {}
    assert pipes.calls == ["tag", "STOPPED", "tag", "untag", "RUNNING"]


def test_what_the_breaker_has_stopped_is_the_operator_s_from_then_on(at: Operator) -> None:
    pipes = FakePipes(at, "STOPPED", "STOPPED", BreakerStop=f"{SINCE} execution")
    at.run("pipe stop")
    assert set(pipes.tags) == {"BreakerStop", "OperatorStop"}
    at.run("pipe start")
    assert pipes.tags == {}


@pytest.mark.parametrize("current", ["RUNNING", "STARTING", "START_FAILED", "UPDATE_FAILED", "STOP_FAILED"])
def test_stop_from_every_state(at: Operator, current: str) -> None:
    pipes = FakePipes(at, current)
    pipes.comes(*["RUNNING"] * (current == "STARTING"))
    at.run("pipe stop")
    assert (pipes.current, "STOPPED" in pipes.calls) == ("STOPPED", True)


@pytest.mark.parametrize("desired", ["RUNNING", "STOPPED"])
@pytest.mark.parametrize(
    "current", ["STOPPED", "START_FAILED", "STOP_FAILED", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"]
)
def test_start_from_every_state(at: Operator, current: str, desired: str) -> None:
    pipes = FakePipes(at, current, desired)
    at.run("pipe start")
    assert (pipes.current, pipes.calls) == ("RUNNING", ["untag", "RUNNING"])


def test_start_of_a_pipe_that_runs_takes_the_marks_away(at: Operator) -> None:
    pipes = FakePipes(at, OperatorStop=SINCE)
    at.run("pipe start")
    assert (pipes.calls, pipes.tags) == (["untag"], {})


def test_a_start_that_is_taken_for_granted_is_made_a_new_one(at: Operator) -> None:
    pipes = FakePipes(at, "START_FAILED")
    pipes.ends = ["START_FAILED"]
    at.run("pipe start")
    assert pipes.calls == ["untag", "RUNNING", "STOPPED", "RUNNING"]


def test_a_pipe_in_transition_is_asked_again(at: Operator) -> None:
    pipes = FakePipes(at, "STOPPED", "STOPPED")
    pipes.conflicts = 1
    at.run("pipe start")
    assert pipes.calls == ["untag", "RUNNING", "RUNNING"]


@pytest.mark.parametrize("current", pipe.BEYOND_STARTING)
def test_a_pipe_that_only_a_deployment_can_mend(at: Operator, current: str) -> None:
    pipes = FakePipes(at, current)
    said = at.fails("pipe start")
    assert said.startswith(f"the pipe pipe is {current} and cannot be started")
    assert said.endswith(": deploy again.")
    assert pipes.calls == []


def test_a_pipe_that_does_not_start(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    pipes = FakePipes(at, "STOPPED", "STOPPED")
    pipes.ends = ["START_FAILED", "STOPPED", "START_FAILED"]
    said = at.fails("pipe start")
    assert said == "the pipe pipe is START_FAILED, not RUNNING (no right to receive); its log group says why."
    monkeypatch.setattr(pipe, "PATIENCE", -1)
    FakePipes(at)
    assert "is RUNNING, not STOPPED" in at.fails("pipe stop")


def test_a_pipe_that_does_not_stop(at: Operator) -> None:
    pipes = FakePipes(at)
    pipes.ends = ["STOP_FAILED"] * 3
    assert "is STOP_FAILED, not STOPPED" in at.fails("pipe stop")
    assert "OperatorStop" in pipes.tags


def test_aws_refuses_to_start(at: Operator) -> None:
    pipes = FakePipes(at, "STOPPED", "STOPPED")

    def denied(**_: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "StartPipe")

    pipes.start_pipe = denied  # type: ignore[method-assign]
    assert at.fails("pipe start") == "AWS refused StartPipe: not you"


class Flight:
    """How many messages are in flight at each look, the last for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
        self.numbers = list(numbers)
        self.looks = 0
        monkeypatch.setattr(pipe, "depth", self)

    def __call__(self, *_: Any) -> tuple[int, int]:
        self.looks += 1
        return 0, self.numbers.pop(0) if len(self.numbers) > 1 else self.numbers[0]


def test_stop_waits_for_what_is_in_flight(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    FakePipes(at)
    monkeypatch.setattr(pipe, "QUIET", 0.05)
    flight = Flight(monkeypatch, 2, 1, 0, 1, 0)
    at.run("pipe stop")
    assert flight.looks > 5


def test_stop_says_when_something_is_still_in_flight(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    FakePipes(at)
    monkeypatch.setattr(pipe, "QUIET", 0.05)
    monkeypatch.setattr(pipe, "LAST_DELIVERIES", -1)
    Flight(monkeypatch, 3)
    assert "has stopped, but 3 messages are still in flight and may yet be delivered" in at.fails("pipe stop")


def test_stop_says_when_somebody_starts_it_meanwhile(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    pipes = FakePipes(at)
    monkeypatch.setattr(pipe, "QUIET", 0.05)

    def depth(*_: Any) -> tuple[int, int]:
        pipes.desired = "RUNNING"
        return 0, 0

    monkeypatch.setattr(pipe, "depth", depth)
    assert "somebody has started the pipe" in at.fails("pipe stop")
