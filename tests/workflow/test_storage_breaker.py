"""The storage breaker: when it stops the pipe, how long it waits, and when it starts the pipe again."""

import pytest

from tests.workflow.engines import Engine
from tests.workflow.script import Outcome, Script, returns, throws

WORKFLOW = "storage_breaker"
ALARM = {"source": "aws.cloudwatch", "detail": {"state": {"value": "ALARM"}}}
STOPPED = ("ReadPipe", "Running?", "StopPipe")
PROBE = ("WaitForStorage", "ProbeStorage")
STARTED = ("StartPipe", "StorageWorks")
DOWN = throws("StorageUnavailable")
CONFLICT = throws("Pipes.ConflictException")


def play(engine: Engine, *, state: str = "RUNNING", **plans: list[Outcome]) -> tuple[tuple[str, ...], Script]:
    answers = {
        "ReadPipe": lambda _: {"Name": "Pipe", "DesiredState": state},
        "StopPipe": lambda _: {"Name": "Pipe", "DesiredState": "STOPPED"},
        "StartPipe": lambda _: {"Name": "Pipe", "DesiredState": "RUNNING"},
        "WriteMailbox": lambda _: returns(probe="ok"),
    }
    script = Script(plans, answers)
    run = engine.run(ALARM, script)
    assert run.status == ("FAILED" if run.path[-1] == "BreakerFailed" else "SUCCEEDED")
    return run.path, script


def test_storage_is_back_at_the_first_probe(engine: Engine) -> None:
    path, script = play(engine)
    assert path == (*STOPPED, *PROBE, *STARTED)
    assert script.waits == [60]
    assert script.payloads["WriteMailbox"] == [{"probe": True}]
    assert [script.payloads[step] for step in ("ReadPipe", "StopPipe", "StartPipe")] == [[{"Name": "Pipe"}]] * 3


def test_the_waits_grow_to_a_quarter_of_an_hour(engine: Engine) -> None:
    path, script = play(
        engine, WriteMailbox=[DOWN, throws("Sandbox.Timedout"), throws("Lambda.EFSIOException"), *[DOWN] * 3]
    )
    assert script.waits == [60, 120, 240, 480, 960, 960, 960]
    assert path[-2:] == STARTED
    assert script.attempts("StartPipe") == 1


def test_throttling_says_nothing_about_the_storage(engine: Engine) -> None:
    path, script = play(engine, WriteMailbox=[throws("Lambda.TooManyRequestsException")] * 3)
    assert path == (*STOPPED, *PROBE, *STARTED)
    assert script.waits == [60]


def test_a_pipe_that_somebody_stopped_is_left_alone(engine: Engine) -> None:
    path, script = play(engine, state="STOPPED")
    assert path == ("ReadPipe", "Running?", "NotOurs")
    assert script.attempts("StopPipe") == script.attempts("StartPipe") == 0


@pytest.mark.parametrize("step", ["ReadPipe", "StopPipe", "StartPipe"])
def test_a_pipe_in_transition_is_asked_again(engine: Engine, step: str) -> None:
    path, script = play(engine, **{step: [CONFLICT] * 3})
    assert path == (*STOPPED, *PROBE, *STARTED)
    assert script.attempts(step) == 4


@pytest.mark.parametrize(("step", "attempts"), [("ReadPipe", 7), ("StopPipe", 7), ("StartPipe", 21)])
def test_a_pipe_that_cannot_be_moved_is_an_alarm(engine: Engine, step: str, attempts: int) -> None:
    path, script = play(engine, **{step: [CONFLICT] * 99})
    assert path[-1] == "BreakerFailed"
    assert script.attempts(step) == attempts
