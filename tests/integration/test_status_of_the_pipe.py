"""status: who has stopped the pipe, since when, and when the storage breaker looks again."""

import json
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.command_line import Operator
from tests.integration.fake_pipes import SINCE, FakePipes

pytestmark = pytest.mark.usefixtures("no_waiting")


def pipe_of(at: Operator, code: int = 1) -> dict[str, Any]:
    return dict(at.json("status", code)["pipe"])


def test_who_has_stopped_the_pipe_and_since_when(at: Operator) -> None:
    pipes = FakePipes(at)
    pipes.desired, pipes.tags = "STOPPED", {"OperatorStop": SINCE}
    assert f"RUNNING, to be STOPPED by an operator since {SINCE}" in at.run("status")
    pipes.current = "STOPPED"
    said = at.run("status", 1)
    assert said.startswith("mail does not flow")
    assert f"the pipe is STOPPED by an operator since {SINCE}\n    mailroomctl pipe start" in said
    assert pipe_of(at) == {
        "state": "STOPPED",
        "desired": "STOPPED",
        "stopped_by": "an operator",
        "stopped_since": SINCE,
        "next_probe": None,
    }
    pipes.tags = {}
    assert "STOPPED by somebody with other tools than mailroomctl" in at.run("status", 1)


class FakeBreaker:
    """The breaker's execution: the newest events, and where CloudFormation says that it is."""

    def __init__(self, at: Operator, *events: dict[str, Any]) -> None:
        self.asked: list[str] = []
        self._events = list(events)
        at.replaced["stepfunctions"] = self
        formation = at.replaced["cloudformation"]
        arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:breaker"
        formation.describe_stack_resource = lambda **_: {"StackResourceDetail": {"PhysicalResourceId": arn}}

    def get_execution_history(self, **request: Any) -> dict[str, Any]:
        assert request["reverseOrder"]
        self.asked.append(request["executionArn"])
        return {"events": self._events}


def entered(name: str, **state: Any) -> dict[str, Any]:
    """An event of a state that was entered at ``SINCE``."""
    details = {"name": name, "input": json.dumps(state)}
    return {"timestamp": datetime.fromisoformat(SINCE), "type": "StateEntered", "stateEnteredEventDetails": details}


def test_when_the_breaker_probes(at: Operator) -> None:
    FakePipes(at, "STOPPED", "STOPPED", BreakerStop=f"{SINCE} 0a1b-execution")
    breaker = FakeBreaker(at, entered("WaitForStorage", next={"wait": 900}), entered("WaitOn?"))
    assert pipe_of(at)["next_probe"] == "2026-11-24T10:15:00.000Z"
    assert breaker.asked == ["arn:aws:states:eu-central-1:123456789012:execution:breaker:0a1b-execution"]
    assert f"STOPPED by the storage breaker since {SINCE}" in at.run("status", 1)
    FakeBreaker(at, entered("ProbeStorage"), entered("WaitForStorage", next={"wait": 900}))
    assert pipe_of(at)["next_probe"] == "2026-11-24T10:00:00.000Z"
    assert "storage breaker  probes now" in at.run("status", 1)


@pytest.mark.parametrize(
    "events",
    [[], [entered("WaitForStorage")], [{"type": "ExecutionFailed"}, entered("WaitForStorage", next={"wait": 9})]],
)
def test_a_breaker_that_says_no_time(at: Operator, events: list[dict[str, Any]]) -> None:
    FakePipes(at, "STOPPED", "STOPPED", BreakerStop=f"{SINCE} 0a1b-execution")
    FakeBreaker(at, *events)
    assert pipe_of(at)["next_probe"] is None


def test_a_breaker_that_is_gone(at: Operator) -> None:
    FakePipes(at, "STOPPED", "STOPPED", BreakerStop=f"{SINCE} 0a1b-execution")

    def refuse(code: str) -> Any:
        def call(**_: Any) -> Any:
            raise ClientError({"Error": {"Code": code, "Message": "gone"}}, "Call")

        return call

    breaker = FakeBreaker(at)
    breaker.get_execution_history = refuse("ExecutionDoesNotExist")  # type: ignore[method-assign]
    assert pipe_of(at)["next_probe"] is None
    at.replaced["cloudformation"].describe_stack_resource = refuse("ValidationError")
    assert pipe_of(at)["next_probe"] is None


def test_a_pipe_that_runs_with_an_operator_s_mark_needs_an_operator(at: Operator) -> None:
    FakePipes(at, OperatorStop=SINCE)
    said = "the pipe is RUNNING, but is marked as stopped by an operator: mailroomctl pipe start"
    assert [one["text"] for one in at.json("status", 1)["problems"]] == [said]
    assert at.run("status", 1).startswith("mail flows")
    at.run("pipe start")
    assert at.json("status")["problems"] == []
