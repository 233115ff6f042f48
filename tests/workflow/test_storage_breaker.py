"""The storage breaker: when it stops the pipe, how long it waits, whose pipe it starts again, and how it ends."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest

from tests.workflow.engines import Engine, Ministack
from tests.workflow.script import Outcome, Script, returns, throws

WORKFLOW = "storage_breaker"
SEVERAL, ONE = "StorageAlarm", "MailboxAlarm"
STOPPED = ("ReadPipe", "Running?", "MakeMark", "MarkPipe", "StopPipe", "Often?", "CountWait")
PROBE = ("WaitForStorage", "ProbeStorage")
PASSED = (*PROBE, "CountProbe")
LOOK = ("ReadPipeAgain", "Ours?")
STARTED = (*LOOK, "StartPipe", "WaitForPipe", "CountLook", *LOOK, "UnmarkPipe")
WATCHED = ("Watch", "CountWatch", "ReadAlarms", "StillFailing?")
DOWN = throws("StorageUnavailable")
CONFLICT = throws("Pipes.ConflictException")
DAY = 86_400


@pytest.fixture
def quick() -> Engine:
    """The engine that goes through a week of probes in seconds; the other would take minutes."""
    return Ministack(WORKFLOW)


class Pipe:
    """The pipe, what others do to it at which call, and the alarms that ring at each look."""

    def __init__(self, *, rings: Sequence[str | tuple[str, ...]] = (), starts_as: Sequence[str] = ()) -> None:
        self.desired = self.current = "RUNNING"
        self.tags: dict[str, str] = {}
        self.marks: list[str] = []
        self.before: dict[str, Callable[[Pipe], None]] = {}
        self._rings = list(rings)
        self._starts_as = list(starts_as)

    def operator_stops(self) -> None:
        """``mailroomctl pipe stop``."""
        self.tags["OperatorStop"] = "2026-11-24T10:00:00Z"
        self.desired = self.current = "STOPPED"

    def operator_starts(self) -> None:
        """``mailroomctl pipe start``."""
        self.tags.clear()
        self.desired = self.current = "RUNNING"

    def answers(self) -> dict[str, Callable[[Any], Any]]:
        """What each call of the breaker does here."""
        return {
            "ReadPipe": lambda _: self._read(),
            "MarkPipe": self._mark,
            "UnmarkPipe": lambda asked: [self.tags.pop(key) for key in asked["TagKeys"]] and {},
            "StopPipe": lambda _: self._set("STOPPED", "STOPPED"),
            "StartPipe": lambda _: self._set("RUNNING", self._starts_as.pop(0) if self._starts_as else "RUNNING"),
            "WriteMailbox": lambda _: returns(probe="ok"),
            "StorageProbes": lambda _: {},
            "ReadAlarms": lambda _: {"MetricAlarms": [{"AlarmName": name} for name in self._ringing()]},
        }

    def _ringing(self) -> tuple[str, ...]:
        names = self._rings.pop(0) if self._rings else ()
        return (names,) if isinstance(names, str) else names

    def _happens(self, call: str) -> None:
        self.before.pop(call, lambda _: None)(self)

    def _read(self) -> dict[str, Any]:
        self._happens("ReadPipeAgain" if self.marks else "ReadPipe")
        tags = {"Tags": dict(self.tags)} if self.tags else {}
        return {"Name": "Pipe", "Arn": "PIPE", "DesiredState": self.desired, "CurrentState": self.current, **tags}

    def _mark(self, asked: Any) -> dict[str, Any]:
        assert asked["ResourceArn"] == "PIPE"
        self.tags |= asked["Tags"]
        self.marks.append(asked["Tags"]["BreakerStop"])
        return {}

    def _set(self, desired: str, current: str) -> dict[str, Any]:
        if desired == "RUNNING":
            self._happens("StartPipe")
        self.desired, self.current = desired, current
        return {}


def play(
    engine: Engine, pipe: Pipe | None = None, *, alarm: str | None = SEVERAL, **plans: list[Outcome]
) -> tuple[tuple[str, ...], Script]:
    detail = {"state": {"value": "ALARM"}} | ({"alarmName": alarm} if alarm else {})
    script = Script(plans, (pipe or Pipe()).answers())
    run = engine.run({"source": "aws.cloudwatch", "detail": detail}, script)
    assert run.status == ("FAILED" if run.path[-1] in ("BreakerFailed", "StorageStillDown") else "SUCCEEDED")
    assert run.path[0] == "Begin"
    return tuple(state for state in run.path[1:] if state != "OneMailbox?"), script


@pytest.mark.parametrize("alarm", [SEVERAL, None], ids=["alarm", "by hand"])
def test_storage_is_back_at_the_first_probe(engine: Engine, alarm: str | None) -> None:
    pipe = Pipe()
    path, script = play(engine, pipe, alarm=alarm)
    assert path == (*STOPPED, *PASSED, *STARTED, *WATCHED, "StorageWorks")
    assert script.waits == [60, 15, 900]
    assert script.payloads["WriteMailbox"] == [{"probe": True}]
    assert (pipe.desired, pipe.tags) == ("RUNNING", {})
    (mark,) = pipe.marks
    since, name = mark.split()
    assert datetime.fromisoformat(since).tzinfo
    assert name


def test_a_probe_that_works_is_taken_off_the_successes(engine: Engine) -> None:
    _, script = play(engine, WriteMailbox=[DOWN])
    (counted,) = script.payloads["StorageProbes"]
    assert counted["Namespace"] == "Mailroom"
    (datum,) = counted["MetricData"]
    assert (datum["Dimensions"], datum["Value"]) == ([{"Name": "Storage", "Value": "efs"}], 1)


def test_the_pipe_is_started_even_if_the_probe_cannot_be_counted(engine: Engine) -> None:
    path, script = play(engine, StorageProbes=[throws("CloudWatch.InternalServiceFault")] * 3)
    assert path[-1] == "StorageWorks"
    assert script.attempts("StartPipe") == 1


def test_the_waits_grow_to_a_quarter_of_an_hour(engine: Engine) -> None:
    path, script = play(
        engine, WriteMailbox=[DOWN, throws("Sandbox.Timedout"), throws("Lambda.EFSIOException"), *[DOWN] * 3]
    )
    assert script.waits == [60, 120, 240, 480, 900, 900, 900, 15, 900]
    assert path[-1] == "StorageWorks"
    assert script.attempts("StartPipe") == 1


def test_throttling_says_nothing_about_the_storage(engine: Engine) -> None:
    path, script = play(engine, WriteMailbox=[throws("Lambda.TooManyRequestsException")] * 3)
    assert path[-1] == "StorageWorks"
    assert script.waits == [60, 15, 900]


def test_it_ends_after_seven_days_and_leaves_the_pipe_stopped(quick: Engine) -> None:
    pipe = Pipe()
    path, script = play(quick, pipe, WriteMailbox=[DOWN] * 2_000)
    assert path[-1] == "StorageStillDown"
    probes = script.attempts("WriteMailbox")
    assert 6.5 * DAY < sum(script.waits) < sum(script.waits) + 60 * probes < 7 * DAY
    assert pipe.desired == "STOPPED"


# --- whose pipe it is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "tags"),
    [
        ("STOPPED", {}),
        ("STOPPED", {"BreakerStop": "2026-11-24T10:00:00Z another-execution"}),
        ("STOPPED", {"OperatorStop": "2026-11-24T10:00:00Z"}),
        ("RUNNING", {"OperatorStop": "2026-11-24T10:00:00Z"}),
    ],
    ids=["other tools", "another execution", "operator", "operator, this very moment"],
)
def test_a_pipe_that_somebody_else_stopped_is_left_alone(engine: Engine, desired: str, tags: dict[str, str]) -> None:
    pipe = Pipe()
    pipe.desired, pipe.tags = desired, dict(tags)
    path, script = play(engine, pipe)
    assert path == ("ReadPipe", "Running?", "NotOurs")
    assert (pipe.desired, pipe.tags) == (desired, tags)
    assert script.attempts("StopPipe") == script.attempts("StartPipe") == 0


def test_an_operator_s_stop_holds_although_the_breaker_was_waiting(engine: Engine) -> None:
    pipe = Pipe()
    pipe.before["ReadPipeAgain"] = Pipe.operator_stops
    path, script = play(engine, pipe, WriteMailbox=[DOWN] * 3)
    assert path[-3:] == (*LOOK, "NotOurs")
    assert script.attempts("StartPipe") == 0
    assert pipe.current == "STOPPED"


def test_an_operator_s_stop_in_the_moment_of_the_start_holds_too(engine: Engine) -> None:
    pipe = Pipe()
    pipe.before["StartPipe"] = Pipe.operator_stops
    path, _ = play(engine, pipe)
    assert path[-4:] == (*LOOK, "StopForOperator", "NotOurs")
    assert (pipe.desired, "OperatorStop" in pipe.tags) == ("STOPPED", True)


def test_an_operator_who_starts_the_pipe_has_taken_over(engine: Engine) -> None:
    pipe = Pipe()
    pipe.before["ReadPipeAgain"] = Pipe.operator_starts
    path, script = play(engine, pipe)
    assert path[-3:] == (*LOOK, "NotOurs")
    assert script.attempts("StartPipe") == 0


def test_a_pipe_that_another_execution_has_stopped_since_is_its_own(engine: Engine) -> None:
    pipe = Pipe()
    pipe.before["ReadPipeAgain"] = lambda pipe: pipe.tags.update(BreakerStop="2026-11-24T10:00:00Z another-execution")
    path, script = play(engine, pipe)
    assert path[-1] == "NotOurs"
    assert script.attempts("StartPipe") == 0


@pytest.mark.parametrize("others", [{}, {"OperatorStop": "2026-11-24T10:00:00Z"}], ids=["breaker", "operator too"])
def test_a_stop_is_refused_because_an_execution_that_began_with_this_one_has_stopped_the_pipe(
    engine: Engine, others: dict[str, str]
) -> None:
    pipe = Pipe()

    def other_execution(pipe: Pipe) -> None:
        pipe.desired = pipe.current = "STOPPED"
        pipe.tags |= others

    pipe.before["ReadPipeAgain"] = other_execution
    path, script = play(engine, pipe, StopPipe=[CONFLICT] * 7)
    assert path[:9] == (*STOPPED[:5], "ReadStop", "Stopped?", "Often?", "CountWait")
    assert path[-1] == ("NotOurs" if others else "StorageWorks")
    assert pipe.desired == ("STOPPED" if others else "RUNNING")
    assert script.waits[0] == 60


def test_a_stop_is_refused_and_the_other_execution_s_mark_stands(engine: Engine) -> None:
    pipe = Pipe()

    def other_execution(pipe: Pipe) -> None:
        pipe.desired = pipe.current = "STOPPED"
        pipe.tags["BreakerStop"] = "2026-11-24T10:00:00Z another-execution"

    pipe.before["ReadPipeAgain"] = other_execution
    path, script = play(engine, pipe, StopPipe=[CONFLICT] * 7)
    assert path == (*STOPPED[:5], "ReadStop", "Stopped?", "NotOurs")
    assert script.attempts("StartPipe") == 0


def test_a_refused_stop_of_a_pipe_that_cannot_be_read_is_an_alarm(engine: Engine) -> None:
    known = {"Arn": "PIPE", "DesiredState": "RUNNING", "CurrentState": "RUNNING"}
    path, script = play(engine, StopPipe=[CONFLICT] * 7, ReadPipe=[known, *[CONFLICT] * 99])
    assert path[-2:] == ("ReadStop", "BreakerFailed")
    assert script.attempts("ReadPipe") == 1 + 21


# --- does it run, and does mail flow? --------------------------------------------------------------------------------


def test_it_waits_until_the_pipe_really_runs(engine: Engine) -> None:
    pipe = Pipe(starts_as=["STARTING"])

    def settle(pipe: Pipe) -> None:
        pipe.before["ReadPipeAgain"] = lambda pipe: setattr(pipe, "current", "RUNNING")

    pipe.before["StartPipe"] = lambda pipe: pipe.before.update(ReadPipeAgain=settle)
    path, script = play(engine, pipe)
    assert path == (
        *STOPPED,
        *PASSED,
        *(*LOOK, "StartPipe", "WaitForPipe", "CountLook"),
        *(*LOOK, "WaitForPipe", "CountLook"),
        *(*LOOK, "UnmarkPipe"),
        *WATCHED,
        "StorageWorks",
    )
    assert script.attempts("StartPipe") == 1


def test_a_start_that_fails_is_tried_again(engine: Engine) -> None:
    pipe = Pipe(starts_as=["START_FAILED", "START_FAILED"])
    path, script = play(engine, pipe)
    assert path[-1] == "StorageWorks"
    assert script.attempts("StartPipe") == 3


def test_a_pipe_that_never_runs_is_an_alarm(quick: Engine) -> None:
    pipe = Pipe(starts_as=["START_FAILED"] * 999)
    path, script = play(quick, pipe)
    assert path[-1] == "BreakerFailed"
    assert script.attempts("StartPipe") == 240
    assert sum(script.waits) == 60 + 240 * 15


def test_while_deliveries_fail_the_pipe_is_stopped_again(engine: Engine) -> None:
    pipe = Pipe(rings=[SEVERAL, (SEVERAL, ONE)])
    path, script = play(engine, pipe)
    round_ = (*STOPPED, *PASSED, *STARTED, *WATCHED)
    assert path == (*round_, *round_, *round_, "StorageWorks")
    assert script.waits == [60, 15, 900, 900, 15, 900, 900, 15, 900]


def events(path: Sequence[str], script: Script) -> int:
    """How many events AWS keeps of an execution: two for a state, and three for each attempt of a task."""
    return 2 + 2 * len(path) + 3 * len(script.calls)


def slow_starts(pipe: Pipe, looks: int) -> None:
    """Let every start of the pipe take so many looks."""

    def start(pipe: Pipe) -> None:
        pipe.before["StartPipe"] = start
        still_starting(looks)(pipe)

    def still_starting(left: int) -> Callable[[Pipe], None]:
        def look(pipe: Pipe) -> None:
            pipe.current = "STARTING" if left else "RUNNING"
            if left:
                pipe.before["ReadPipeAgain"] = still_starting(left - 1)

        return look

    pipe.before["StartPipe"] = start


@pytest.mark.parametrize(("alarm", "first"), [(SEVERAL, []), (ONE, [DOWN])], ids=["several", "one"])
def test_probes_that_work_while_deliveries_fail_end_after_seven_days_as_well(
    quick: Engine, alarm: str, first: list[Outcome]
) -> None:
    pipe = Pipe(rings=[alarm] * 2_000)
    slow_starts(pipe, 6)
    path, script = play(quick, pipe, alarm=alarm, WriteMailbox=[*first, returns(probe="ok")] * 2_000)
    assert path[-1] == "StorageStillDown"
    assert 6.5 * DAY < sum(script.waits) < 7 * DAY
    assert events(path, script) < 25_000
    assert (pipe.desired, pipe.tags) == ("RUNNING", {})


def test_no_execution_is_ended_by_the_number_of_its_events(quick: Engine) -> None:
    pipe = Pipe(rings=[SEVERAL] * 2_000)
    slow_starts(pipe, 200)
    path, script = play(quick, pipe)
    assert path[-1] == "StorageStillDown"
    assert 15_000 < events(path, script) < 25_000
    assert (pipe.desired, pipe.tags) == ("RUNNING", {})


def test_the_first_rounds_are_short_and_later_ones_long(quick: Engine) -> None:
    _, script = play(quick, Pipe(rings=[SEVERAL] * 14))
    assert script.waits[::3] == [60, *[900] * 11, *[5400] * 3]


# --- one mailbox -----------------------------------------------------------------------------------------------------


def test_one_bad_mailbox_does_not_stop_the_pipe(engine: Engine) -> None:
    path, script = play(engine, Pipe(rings=[ONE, ONE]), alarm=ONE)
    assert path == (*("ProbeFirst", "CountFirstProbe", *WATCHED) * 3, "StorageWorks")
    assert script.attempts("StopPipe") == 0
    assert script.attempts("StorageProbes") == 3


def test_an_outage_that_shows_in_one_mailbox_stops_the_pipe(engine: Engine) -> None:
    path, _ = play(engine, alarm=ONE, WriteMailbox=[DOWN, DOWN])
    assert path[: 1 + len(STOPPED)] == ("ProbeFirst", *STOPPED)
    assert path[-1] == "StorageWorks"


def test_a_throttled_first_probe_stops_nothing(engine: Engine) -> None:
    path, script = play(
        engine, Pipe(rings=[ONE]), alarm=ONE, WriteMailbox=[throws("Lambda.TooManyRequestsException")] * 4
    )
    assert path == ("ProbeFirst", *WATCHED, "ProbeFirst", "CountFirstProbe", *WATCHED, "StorageWorks")
    assert script.attempts("StopPipe") == 0
    assert script.attempts("StorageProbes") == 1


def test_one_bad_mailbox_first_and_an_outage_later(engine: Engine) -> None:
    path, _ = play(engine, Pipe(rings=[ONE]), alarm=ONE, WriteMailbox=[returns(probe="ok"), DOWN])
    assert path[: 2 + len(WATCHED) + 1 + len(STOPPED)] == (
        *("ProbeFirst", "CountFirstProbe", *WATCHED, "ProbeFirst"),
        *STOPPED,
    )


# --- what AWS refuses ------------------------------------------------------------------------------------------------


def test_what_is_refused_is_asked_again(engine: Engine) -> None:
    steps = ("ReadPipe", "MarkPipe", "StopPipe", "StartPipe", "UnmarkPipe", "ReadAlarms")
    path, script = play(engine, **{step: [CONFLICT] * 3 for step in steps})
    assert path[-1] == "StorageWorks"
    assert all(script.attempts(step) >= 4 for step in steps)


@pytest.mark.parametrize(("step", "attempts"), [("ReadPipe", 7), ("MarkPipe", 7), ("StopPipe", 7), ("ReadAlarms", 7)])
def test_what_stays_refused_is_an_alarm(engine: Engine, step: str, attempts: int) -> None:
    path, script = play(engine, **{step: [CONFLICT] * 999})
    assert path[-1] == "BreakerFailed"
    assert script.attempts(step) == attempts


def test_a_start_that_stays_refused_is_an_alarm(quick: Engine) -> None:
    path, script = play(quick, StartPipe=[CONFLICT] * 999)
    assert path[-1] == "BreakerFailed"
    assert script.attempts("StartPipe") == 240


def test_a_pipe_that_cannot_be_read_before_the_start_is_an_alarm(engine: Engine) -> None:
    known = {"Arn": "PIPE", "DesiredState": "RUNNING", "CurrentState": "RUNNING"}
    path, script = play(engine, ReadPipe=[known, *[CONFLICT] * 99])
    assert path[-2:] == ("ReadPipeAgain", "BreakerFailed")
    assert script.attempts("ReadPipe") == 1 + 21


def test_a_pipe_that_cannot_be_stopped_for_the_operator_is_an_alarm(engine: Engine) -> None:
    pipe = Pipe()
    pipe.before["ReadPipeAgain"] = lambda pipe: pipe.tags.update(OperatorStop="2026-11-24T10:00:00Z")
    path, _ = play(engine, pipe, StopPipe=[{}, *[CONFLICT] * 99])
    assert path[-2:] == ("StopForOperator", "BreakerFailed")


def test_a_mark_that_stays_is_no_reason_to_stop_watching(engine: Engine) -> None:
    path, script = play(engine, UnmarkPipe=[CONFLICT] * 99)
    assert path[-6:] == ("UnmarkPipe", *WATCHED, "StorageWorks")
    assert script.attempts("UnmarkPipe") == 7
