"""What the pipe does with the messages of its queue, with a queue and a workflow that do as they are told."""

import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError

from mailroomctl.local.emulator import pipe_runner as pipe_module
from mailroomctl.local.emulator.pipe_runner import Pipe, Runner
from mailroomctl.local.settings import Settings

PIPE = Pipe("pipe", "arn:aws:sqs:us-east-1:1:q", "http://queue", "arn:workflow", 1)


class FakeAws:
    """SQS, Pipes and Step Functions in one; ``answers`` is how each message's execution ends."""

    region = "us-east-1"

    def __init__(self, *bodies: str, redelivery: int | None = None) -> None:
        self.redelivery = redelivery
        self.state = "RUNNING"
        self.waiting = list(bodies)
        self.received = 0
        self.answers: dict[str, Any] = {}
        self.deleted: list[str] = []
        self.brought_back: list[tuple[str, int]] = []
        self.running = 0
        self.most_running = 0
        self._lock = threading.Lock()

    def client(self, service: str, **config: Any) -> "FakeAws":
        return self

    def describe_pipe(self, Name: str) -> dict[str, str]:  # noqa: N803 - boto3's naming
        return {"CurrentState": self.state}

    def receive_message(self, **options: Any) -> dict[str, Any]:
        self.received += 1
        if not self.waiting:
            time.sleep(0.01)
            return {}
        body = self.waiting.pop(0)
        return {"Messages": [{"MessageId": body, "ReceiptHandle": f"handle {body}", "Body": body}]}

    def start_sync_execution(self, stateMachineArn: str, input: str) -> dict[str, str]:  # noqa: A002, N803
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            time.sleep(0.1)
            body = next(body for body in [*self.answers, input] if f'"{body}"' in input or body == input)
            answer = self.answers.get(body, {"status": "SUCCEEDED"})
            if isinstance(answer, Exception):
                raise answer
            return dict(answer)
        finally:
            with self._lock:
                self.running -= 1

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        self.deleted.append(ReceiptHandle.removeprefix("handle "))

    def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        self.brought_back.append((ReceiptHandle.removeprefix("handle "), VisibilityTimeout))


def run(aws: FakeAws, until: Callable[[], bool]) -> None:
    """Let the pipe poll until something is so, and its calls have ended."""
    runner = Runner(PIPE, cast(Settings, aws))
    deadline = time.monotonic() + 10
    while not until():
        assert time.monotonic() < deadline
        runner.poll()
    runner._calls.shutdown()


def test_what_succeeded_is_deleted() -> None:
    aws = FakeAws("one", "two")
    run(aws, lambda: len(aws.deleted) == 2)
    assert sorted(aws.deleted) == ["one", "two"]
    assert aws.brought_back == []


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
def test_what_failed_is_left_to_the_queue(status: str) -> None:
    aws = FakeAws("bad", "good")
    aws.answers["bad"] = {"status": status, "error": "DeliveryIncomplete"}
    run(aws, lambda: aws.deleted == ["good"])
    assert aws.brought_back == []


def test_what_failed_comes_back_sooner_when_asked_to() -> None:
    aws = FakeAws("bad", redelivery=2)
    aws.answers["bad"] = {"status": "FAILED"}
    run(aws, lambda: aws.brought_back == [("bad", 2)])
    assert aws.deleted == []


def test_a_call_that_breaks_is_left_to_the_queue_and_the_pipe_goes_on() -> None:
    aws = FakeAws("bad", "good")
    aws.answers["bad"] = EndpointConnectionError(endpoint_url="http://workflow")
    run(aws, lambda: aws.deleted == ["good"])


def test_one_call_until_the_first_success_then_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe_module, "CONCURRENCY", 4)
    failing = FakeAws("a", "b", "c")
    failing.answers = {body: {"status": "FAILED"} for body in "abc"}
    run(failing, lambda: not failing.waiting and failing.received > 3)
    assert failing.most_running == 1
    working = FakeAws(*(f"m{number}" for number in range(12)))
    run(working, lambda: len(working.deleted) == 12)
    assert working.most_running == 4


def test_a_stopped_pipe_receives_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe_module, "PAUSE", 0.01)
    aws = FakeAws("one")
    aws.state = "STOPPED"
    runner = Runner(PIPE, cast(Settings, aws))
    for _ in range(3):
        runner.poll()
    assert aws.received == 0


def test_it_says_once_what_state_it_finds(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(pipe_module, "PAUSE", 0.01)
    aws = FakeAws()
    caplog.set_level("INFO")
    runner = Runner(PIPE, cast(Settings, aws))
    for aws.state in ("RUNNING", "RUNNING", "STOPPED", "STOPPED", "RUNNING"):
        runner.poll()
    assert caplog.messages[1:] == ["pipe pipe: RUNNING", "pipe pipe: STOPPED", "pipe pipe: RUNNING"]


def test_what_comes_while_the_pipe_is_being_stopped_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe_module, "PAUSE", 0.01)
    aws = FakeAws("one")
    receive = aws.receive_message

    def stopped_meanwhile(**options: Any) -> dict[str, Any]:
        aws.state = "STOPPED"
        return receive(**options)

    monkeypatch.setattr(aws, "receive_message", stopped_meanwhile)
    runner = Runner(PIPE, cast(Settings, aws))
    for _ in range(3):
        runner.poll()
    runner._calls.shutdown()
    assert (aws.brought_back, aws.deleted, aws.most_running) == ([("one", 0)], [], 0)


def test_a_queue_that_does_not_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = FakeAws("one")
    answer = aws.describe_pipe
    failures = iter([EndpointConnectionError(endpoint_url="http://queue")])

    def once(Name: str) -> dict[str, str]:  # noqa: N803
        for failure in failures:
            raise failure
        return answer(Name)

    monkeypatch.setattr(aws, "describe_pipe", once)
    monkeypatch.setattr(pipe_module, "PAUSE", 0.01)
    run(aws, lambda: aws.deleted == ["one"])
