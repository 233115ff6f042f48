"""dead-letters list, show and redrive: first sent, then deleted; and SQS's own move of a whole queue."""

import json
import os
import signal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mailroomctl.deliveries import open_records
from mailroomctl.deliveries.indexes import NoIndexError
from mailroomctl.queues import move_task
from tests.integration.command_line import Operator
from tests.integration.waiting_messages import bodies, counted, depth, event, give_up, notification, put, record, url


def test_list_says_why(at: Operator) -> None:
    give_up(at, "m1", "bob@example.com", "eve@example.com")
    record(at, "m1", "bob@example.com", "DELIVERED")
    record(at, "m1", "eve@example.com", "FAILED", error="StorageUnavailable")
    give_up(at, "m2", "bob@example.com")
    give_up(at, "m3", "bob@example.com")
    record(at, "m3", "bob@example.com", "DELIVERED")
    give_up(at, "m4", "bob@example.com")
    record(at, "m4", "bob@example.com", "CLAIMED", lease_until=1795488900)
    give_up(at, "m5", "bob@example.com")
    reason = json.dumps({"Error": "StorageUnavailable", "Cause": json.dumps({"errorMessage": "read-only"})})
    record(at, "m5", "bob@example.com", "FAILED", error="StorageUnavailable", reason=reason)
    put(at, "DeadLetter", "no JSON")
    rows = {row["message_id"]: (row["error"], row["cause"]) for row in at.json("dead-letters list")}
    assert rows == {
        "m1": ("StorageUnavailable", "eve@example.com: StorageUnavailable"),
        "m2": ("", "nothing is on record: no execution came as far as its mailboxes"),
        "m3": ("", "every outcome on record is final"),
        "m4": ("CLAIMED", "bob@example.com: CLAIMED"),
        "m5": ("StorageUnavailable", "bob@example.com: read-only"),
        None: ("", "nothing is on record: no execution came as far as its mailboxes"),
    }
    assert [row["message_id"] for row in at.json("dead-letters list --error StorageUnavailable")] == ["m1", "m5"]
    assert len(at.json("dead-letters list --recipient bob@example.com")) == 5
    assert depth(at, "DeadLetter") == (6, 0)


def test_a_list_asks_for_all_records_at_once(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(60):
        give_up(at, f"m{number}", "bob@example.com")
        record(at, f"m{number}", "bob@example.com", "FAILED", error="StorageUnavailable", reason="read-only")
    calls = counted(monkeypatch)
    rows = at.json("dead-letters list")
    assert {row["cause"] for row in rows} == {"bob@example.com: read-only"}
    assert len(rows) == 50
    assert (calls["Scan"], calls["BatchGetItem"], calls["Query"]) == (1, 1, 0)
    assert calls["ReceiveMessage"] == 5
    assert len(at.json("dead-letters list --error StorageUnavailable")) == 60


def test_a_list_of_a_table_without_the_index(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise NoIndexError

    monkeypatch.setattr(open_records, "whole_index", refuse)
    give_up(at, "m1", "bob@example.com")
    record(at, "m1", "bob@example.com", "FAILED", error="StorageUnavailable", month=None)
    assert [row["error"] for row in at.json("dead-letters list")] == ["StorageUnavailable"]


def test_show(at: Operator) -> None:
    give_up(at, "m1", "bob@example.com")
    record(at, "m1", "bob@example.com", "CLAIMED", lease_until=1795488900, attempts=3)
    shown = at.run("dead-letters show m1")
    assert "s3://mail/mail/m1" in shown
    assert "an execution holds the lease until 2026-11-24T02:55:00Z" in shown
    given = at.json("dead-letters show m1")["event"]
    assert json.loads(given[0]["body"]) == notification("m1", "bob@example.com")
    assert json.loads(at.run("dead-letters show m1 --event"))[0]["body"] == event("m1", "bob@example.com")[0]["body"]
    junk = put(at, "DeadLetter", "no JSON")
    assert at.run(f"dead-letters show {junk}").endswith("no JSON\n")


def test_redrive_moves_what_was_chosen_as_it_is(at: Operator) -> None:
    give_up(at, "m1", "bob@example.com")
    attribute = {"DataType": "String", "StringValue": "value"}
    body = json.dumps(notification("m2", "eve@example.com"))
    at.sqs.send_message(QueueUrl=url("DeadLetter"), MessageBody=body, MessageAttributes={"name": attribute})
    assert at.json("dead-letters redrive --recipient eve@example.com --dry-run")[0]["result"] == "would be moved"
    assert depth(at, "Inbound") == (0, 0)
    [row] = at.json("dead-letters redrive --recipient eve@example.com")
    assert (row["message_id"], row["result"]) == ("m2", "moved to the inbound queue")
    [moved] = at.sqs.receive_message(QueueUrl=url("Inbound"), MessageAttributeNames=["All"])["Messages"]
    assert (moved["Body"], moved["MessageAttributes"]) == (body, {"name": attribute})
    assert [row["message_id"] for row in at.json("dead-letters list")] == ["m1"]


def test_redrive_all_where_sqs_has_no_move_task(at: Operator) -> None:
    for number in range(12):
        give_up(at, f"m{number}", "bob@example.com")
    before = bodies(at, "DeadLetter")
    assert len(at.json("dead-letters redrive --all")) == 12
    assert bodies(at, "Inbound") == before
    assert depth(at, "DeadLetter") == (0, 0)
    assert "the dead-letter queue is empty" in at.run("dead-letters redrive --all")


def test_one_must_say_which(at: Operator) -> None:
    give_up(at, "m1", "bob@example.com")
    assert at.fails("dead-letters redrive").startswith("say which messages")
    assert at.fails("dead-letters redrive --all --error X").startswith("--all means every message")
    assert at.fails("dead-letters redrive --error X").startswith("nothing in the dead-letter queue matches")
    assert depth(at, "DeadLetter") == (1, 0)


class RefusingSqs:
    """SQS that answers one call with an error, or with Ctrl-C."""

    def __init__(self, at: Operator, call: str, error: BaseException, after: int) -> None:
        self._real, self._call, self._error, self._left = at.sqs, call, error, after
        at.replaced["sqs"] = self

    def __getattr__(self, name: str) -> Any:
        if name == self._call:
            if self._left == 0:
                return self._fail
            self._left -= 1
        return getattr(self._real, name)

    def _fail(self, **_: Any) -> Any:
        raise self._error


DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "SendMessage")


@pytest.mark.parametrize(
    ("call", "error", "code", "moved"),
    [
        ("send_message", DENIED, 1, 2),
        ("send_message", KeyboardInterrupt(), 130, 2),
        # Between the two: in both queues. What is twice there is delivered once; what is nowhere is lost.
        ("delete_message", DENIED, 1, 3),
    ],
)
def test_nothing_is_lost_when_it_stops_in_the_middle(
    at: Operator, call: str, error: BaseException, code: int, moved: int
) -> None:
    for number in range(5):
        give_up(at, f"m{number}", "bob@example.com")
    before = bodies(at, "DeadLetter")
    RefusingSqs(at, call, error, after=2)
    rows = json.loads(at.run("dead-letters redrive --recipient bob@example.com --json", code))
    assert len(rows) == 2
    assert "2 of 5 done; 3 still in the dead-letter queue" in at.stderr
    assert len(bodies(at, "Inbound")) == moved
    assert sorted({*bodies(at, "Inbound"), *bodies(at, "DeadLetter")}) == before
    assert depth(at, "DeadLetter") == (3, 0)


def test_ctrl_c_between_sending_and_deleting_waits_for_both(at: Operator) -> None:
    for number in range(3):
        give_up(at, f"m{number}", "bob@example.com")
    before = bodies(at, "DeadLetter")

    class Interrupted(RefusingSqs):
        def _fail(self, **request: Any) -> Any:
            answer = self._real.send_message(**request)
            os.kill(os.getpid(), signal.SIGINT)
            return answer

    Interrupted(at, "send_message", KeyboardInterrupt(), after=1)
    at.run("dead-letters redrive --recipient bob@example.com", 130)
    assert "finishing the message in hand" in at.stderr
    assert depth(at, "Inbound") == (2, 0)
    assert depth(at, "DeadLetter") == (1, 0)
    assert sorted([*bodies(at, "Inbound"), *bodies(at, "DeadLetter")]) == before


class SqsThatMoves:
    """SQS with StartMessageMoveTask; each look at the task takes the next of ``states``."""

    def __init__(self, at: Operator, *states: dict[str, Any] | BaseException) -> None:
        self._real, self._states = at.sqs, list(states)
        self.started: list[dict[str, str]] = []
        self.cancelled: list[str] = []
        at.replaced["sqs"] = self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def start_message_move_task(self, **request: str) -> dict[str, str]:
        self.started.append(request)
        return {"TaskHandle": "handle"}

    def list_message_move_tasks(self, **_: Any) -> dict[str, Any]:
        state = self._states.pop(0)
        if isinstance(state, BaseException):
            raise state
        return {"Results": [state]}

    def cancel_message_move_task(self, **request: str) -> None:
        self.cancelled.append(request["TaskHandle"])


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move_task, "POLL", 0)


def task(status: str, moved: int, **fields: str) -> dict[str, Any]:
    return {"Status": status, "ApproximateNumberOfMessagesMoved": moved} | fields


def test_sqs_moves_the_whole_queue(at: Operator) -> None:
    sqs = SqsThatMoves(at, task("RUNNING", 0), task("RUNNING", 4), task("COMPLETED", 9))
    assert at.json("dead-letters redrive --all") == {"moved": 9}
    assert [request["SourceArn"].rpartition(":")[2] for request in sqs.started] == ["DeadLetter"]
    assert [request["DestinationArn"].rpartition(":")[2] for request in sqs.started] == ["Inbound"]


def test_a_dry_run_starts_no_move(at: Operator) -> None:
    give_up(at, "m1", "bob@example.com")
    sqs = SqsThatMoves(at)
    assert at.json("dead-letters redrive --all --dry-run")[0]["result"] == "would be moved"
    assert sqs.started == []


def test_sqs_fails_to_move(at: Operator) -> None:
    SqsThatMoves(at, task("FAILED", 2, FailureReason="AccessDenied"))
    assert at.fails("dead-letters redrive --all") == (
        "SQS ended the move as FAILED after 2 messages: AccessDenied. The others stay in the dead-letter queue."
    )


def test_ctrl_c_cancels_the_move(at: Operator) -> None:
    sqs = SqsThatMoves(at, task("RUNNING", 0), KeyboardInterrupt(), task("CANCELLING", 3))
    at.run("dead-letters redrive --all", 130)
    assert sqs.cancelled == ["handle"]
    assert "3 moved to the inbound queue, the others stay" in at.stderr


def test_a_move_that_is_refused_is_an_error(at: Operator) -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "StartMessageMoveTask")
    RefusingSqs(at, "start_message_move_task", denied, after=0)
    assert at.fails("dead-letters redrive --all") == "AWS refused StartMessageMoveTask: not you"
