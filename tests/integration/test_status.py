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

ARN = "arn:aws:pipes:eu-central-1:123456789012:pipe/pipe"
SINCE = "2026-11-24T10:00:00Z"


class FakePipes:
    """EventBridge Pipes, which takes a look or two to stop and to start.

    ``ends`` are the states in which the calls end instead of where they lead; ``conflicts`` is how many are refused.
    """

    def __init__(self, at: Operator, current: str = "RUNNING", desired: str = "RUNNING", **tags: str) -> None:
        self.desired, self.current = desired, current
        self.tags = tags
        self.ends: list[str] = []
        self.conflicts = 0
        self.calls: list[str] = []
        self._next: list[str] = []
        at.replaced["pipes"] = self

    def describe_pipe(self, **request: str) -> dict[str, Any]:
        assert request == {"Name": "pipe"}
        if self._next:
            self.current = self._next.pop(0)
        reason = {"StateReason": "no right to receive"} if self.current.endswith("_FAILED") else {}
        return {"Arn": ARN, "DesiredState": self.desired, "CurrentState": self.current, "Tags": self.tags, **reason}

    def stop_pipe(self, **_: str) -> None:
        self._change("STOPPED", "STOPPING")

    def start_pipe(self, **_: str) -> None:
        self._change("RUNNING", "STARTING")

    def tag_resource(self, **request: Any) -> None:
        assert request["resourceArn"] == ARN
        self.calls.append("tag")
        self.tags |= request["tags"]

    def untag_resource(self, **request: Any) -> None:
        assert request["resourceArn"] == ARN
        self.calls.append("untag")
        for key in request["tagKeys"]:
            self.tags.pop(key, None)

    def comes(self, *states: str) -> None:
        """Say what the next looks find."""
        self._next = list(states)

    def _change(self, desired: str, between: str) -> None:
        self.calls.append(desired)
        if self.conflicts:
            self.conflicts -= 1
            raise ClientError({"Error": {"Code": "ConflictException", "Message": "in transition"}}, "StartPipe")
        self.desired = desired
        self._next = [between, self.ends.pop(0) if self.ends else desired]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POLL", "GRACE", "QUIET"):
        monkeypatch.setattr(pipe, name, 0)


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
    pipes.desired, pipes.tags = "STOPPED", {"OperatorStop": SINCE}
    assert f"RUNNING, to be STOPPED by an operator since {SINCE}" in at.run("status")
    pipes.current = "STOPPED"
    assert f"STOPPED by an operator since {SINCE}" in at.run("status", 1)
    pipes.tags = {"BreakerStop": f"{SINCE} 0a1b-execution"}
    assert f"STOPPED by the storage breaker since {SINCE}" in at.run("status", 1)
    pipes.tags = {}
    assert "STOPPED by somebody with other tools than mailroomctl" in at.run("status", 1)


def test_a_pipe_that_runs_with_an_operator_s_mark_needs_an_operator(at: Operator) -> None:
    FakePipes(at, OperatorStop=SINCE)
    said = "RUNNING, but is marked as stopped by an operator: mailroomctl pipe start"
    assert at.json("status", 1)[1] == {"part": "pipe", "state": said}
    at.run("pipe start")
    assert at.json("status")[1] == {"part": "pipe", "state": "RUNNING"}


class FakeCloudWatch:
    """Knows the age of the oldest message of each queue, in seconds."""

    def __init__(self, at: Operator, **ages: float) -> None:
        self._ages = ages
        at.replaced["cloudwatch"] = self

    def get_metric_statistics(self, **request: Any) -> dict[str, Any]:
        (queue,) = request["Dimensions"]
        assert (request["Namespace"], request["MetricName"]) == ("AWS/SQS", "ApproximateAgeOfOldestMessage")
        points = [{"Timestamp": 2, "Maximum": self._ages.get(queue["Value"], 0)}, {"Timestamp": 1, "Maximum": 9e9}]
        return {"Datapoints": points}


def days_left(at: Operator) -> dict[str, str]:
    return {row["part"]: row["days_left"] for row in at.json("status", 1) if "days_left" in row}


def test_days_left(at: Operator) -> None:
    FakePipes(at, "STOPPED", "STOPPED")
    for name in ("Inbound", "DeadLetter", "Parked"):
        attributes = {"MessageRetentionPeriod": str(14 * 86_400)}
        at.sqs.set_queue_attributes(QueueUrl=OUTPUTS[f"{name}QueueUrl"], Attributes=attributes)
    assert days_left(at) == {}, "nothing waits"
    at.sqs.send_message(QueueUrl=OUTPUTS["InboundQueueUrl"], MessageBody="{}")
    park(at, "m1", "bob@example.com")
    FakeCloudWatch(at)
    assert days_left(at) == {"parked queue": "14.0 at most"}, "the parked events are asked; the inbound queue is not"
    FakeCloudWatch(at, Inbound=3.5 * 86_400, Parked=20 * 86_400)
    assert days_left(at) == {"inbound queue": "10.5 at most", "parked queue": "0.0 at most"}
    visible = at.sqs.receive_message(QueueUrl=OUTPUTS["ParkedQueueUrl"])["Messages"]
    assert len(visible) == 1, "a look hides nothing"


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
    now, long_ago = datetime.now(UTC), "2020-11-01T02:47:00.123Z"
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
    left = {"days_left": "0.0"}
    assert rows[0] == {"part": "held mail", "state": "14 entries", "waiting": 25} | left
    assert rows[1] == {"part": "held: @unknown.example", "state": f"since {long_ago}", "waiting": 12} | left
    assert [row["part"] for row in rows[10:]] == ["held: 08@example.com", "held: 4 more entries", "rejected mail"]


def test_held_mail_has_as_many_days_left_as_its_oldest_raw_mail(at: Operator) -> None:
    FakePipes(at)
    at.parameters["MailRetentionDays"] = "30"
    now = datetime.now(UTC)
    for number, days in enumerate((1, 20.5)):
        hold(at, f"m{number}", "a@example.com", "a@example.com", received_at=iso(now - timedelta(days=days)))
    hold(at, "m3", "b@example.com", "b@example.com", received_at=iso(now - timedelta(days=2)))
    left = {"held mail": "9.5", "held: a@example.com": "9.5", "held: b@example.com": "28.0"}
    assert days_left(at) == left
    at.parameters.clear()
    assert days_left(at)["held mail"] == "69.5", "the template's default"


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
