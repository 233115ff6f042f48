"""parked list, show, replay and delete: nothing is lost, nothing is there twice, whatever happens in between."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from mailroomctl.queues import in_flight
from tests.integration.command_line import Operator
from tests.integration.waiting_messages import (
    FakeWorkflow,
    bodies,
    counted,
    delivered,
    depth,
    event,
    failed,
    park,
    parks_again,
    put,
    record,
    succeeded,
)


def test_list_shows_each_once_and_leaves_all_visible(at: Operator) -> None:
    assert "is empty" in at.run("parked list")
    ids = [park(at, f"m{number}", "bob@example.com") for number in range(23)]
    before = bodies(at, "Parked")
    rows = at.json("parked list")
    assert sorted(row["id"] for row in rows) == sorted(ids)
    assert (rows[0]["error"], rows[0]["cause"], rows[0]["recipients"]) == (
        "MessageMissing",
        "gone",
        ["bob@example.com"],
    )
    assert bodies(at, "Parked") == before
    assert depth(at, "Parked") == (23, 0)
    assert ids[0][:8] in at.run("parked list")
    assert ids[0] not in at.run("parked list")


def test_a_list_takes_a_call_for_each_ten(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQS gives ten at a time, and takes ten back."""
    ids = [park(at, f"m{number}", "bob@example.com") for number in range(75)]
    calls = counted(monkeypatch)
    rows = at.json("parked list")
    assert len(rows) == 50
    assert "about 25 more are in the parked queue: use --limit" in at.stderr
    assert dict(calls) == {
        "ReceiveMessage": 5,
        "GetQueueAttributes": 1,
        "ChangeMessageVisibilityBatch": 5,
    }
    assert depth(at, "Parked") == (75, 0)
    assert len(at.json("parked list --limit 5")) == 5
    assert "about 70 more" in at.stderr
    assert len(at.json("parked list --limit 100")) == 75
    assert "more" not in at.stderr
    assert [row["id"] for row in at.json(f"parked list {ids[70]}")] == [ids[70]], "wherever it is in the queue"


def test_filters(at: Operator) -> None:
    park(at, "m1", "Bob@Example.com", error="MessageMissing")
    park(at, "m2", "eve@example.com", error="MailboxPathRejected")
    put(at, "Parked", "junk")

    def listed(filters: str) -> list[str | None]:
        return sorted(row["message_id"] or "-" for row in at.json(f"parked list {filters}"))

    assert listed("") == ["-", "m1", "m2"]
    assert listed("--error MailboxPathRejected") == ["m2"]
    assert listed("--recipient BOB@example.com") == ["m1"]
    assert listed("--recipient nonsense") == []
    assert listed("--message-id m2") == ["m2"]
    assert listed("--message-id m2 --error MessageMissing") == []
    assert listed("--older-than 1h") == []
    assert listed("--newer-than 1h") == ["-", "m1", "m2"]
    assert listed("m1") == ["m1"]
    assert "is not a duration: write a number" in at.misused("parked list --older-than soon")


def test_show(at: Operator) -> None:
    cause = '[{"mailbox":"bob@example.com","status":"REJECTED","error":"MailboxPathRejected"}]'
    body = {"error": "CopyRefused", "cause": cause, "parked_at": "then", "event": event("m1", "bob@example.com")}
    parked = put(at, "Parked", json.dumps(body))
    record(at, "m1", "bob@example.com", "REJECTED", error="MailboxPathRejected", reason='{"errorMessage": "a symlink"}')
    shown = at.run(f"parked show {parked[:8]}")
    assert "bob@example.com: REJECTED MailboxPathRejected" in shown
    assert "s3://mail/mail/m1" in shown
    assert "MailboxPathRejected a symlink" in shown
    data = at.json("parked show m1")
    assert data["event"] == event("m1", "bob@example.com")
    assert data["records"][0]["reason"] == "MailboxPathRejected a symlink"
    assert json.loads(at.run("parked show m1 --event")) == event("m1", "bob@example.com")
    assert at.fails("parked show nothing").startswith("nothing is not in the queue")

    junk = put(at, "Parked", "junk")
    assert at.run(f"parked show {junk}").endswith("junk\n")


@pytest.mark.parametrize(
    ("end", "result"),
    [
        (delivered, "delivered: bob@example.com DELIVERED, gone@example.com REJECTED"),
        (lambda _: succeeded({"kind": "ignored", "reason": "A Bounce event."}), "ignored: A Bounce event."),
    ],
)
def test_replay_runs_the_original_event_and_deletes_what_ended_well(at: Operator, end: Any, result: str) -> None:
    park(at, "m1", "bob@example.com")
    park(at, "m2", "eve@example.com")
    workflow = FakeWorkflow(at, end)
    [row] = at.json("parked replay m1")
    assert row["result"] == result
    assert workflow.events == [event("m1", "bob@example.com")]
    assert [row["message_id"] for row in at.json("parked list")] == ["m2"]


def test_replay_that_fails_keeps_the_event(at: Operator) -> None:
    park(at, "m1", "bob@example.com")
    before = bodies(at, "Parked")
    FakeWorkflow(at, failed)
    [row] = json.loads(at.run("parked replay --all --json", 1))
    assert row["result"].startswith("not done, stays where it is: FAILED DeliveryIncomplete")
    assert "0 of 1 done; 1 still in the parked queue" in at.stderr
    assert bodies(at, "Parked") == before
    assert depth(at, "Parked") == (1, 0)


def test_replay_that_parks_again_leaves_one_event_with_the_new_reason(at: Operator) -> None:
    for number in range(3):
        park(at, f"m{number}", "bob@example.com")
    workflow = FakeWorkflow(at, parks_again(at))
    rows = json.loads(at.run("parked replay --all --json", 1))
    ids = sorted(row["id"][:8] for row in at.json("parked list"))
    assert sorted(row["result"] for row in rows) == [
        f"parked again as {one}: MessageMissing: still gone" for one in ids
    ]
    assert len(workflow.events) == 3
    assert [json.loads(body)["cause"] for body in bodies(at, "Parked")] == ["still gone"] * 3


def test_replay_of_what_holds_no_event(at: Operator) -> None:
    put(at, "Parked", '{"error": "X"}')
    [row] = json.loads(at.run("parked replay --all --json", 1))
    assert row["result"].startswith("not replayed: there is no event in it")
    assert depth(at, "Parked") == (1, 0)


def test_dry_run_changes_nothing(at: Operator) -> None:
    park(at, "m1", "bob@example.com")
    workflow = FakeWorkflow(at, delivered)
    assert at.json("parked replay --all --dry-run")[0]["result"] == "would be replayed"
    assert at.json("parked delete --all --dry-run")[0]["result"] == "would be deleted"
    assert "would be deleted" in at.run("parked delete m1 --dry-run")
    assert workflow.events == []
    assert depth(at, "Parked") == (1, 0)


def test_delete(at: Operator) -> None:
    park(at, "m1", "bob@example.com", error="InvalidEvent")
    park(at, "m2", "bob@example.com")
    assert at.json("parked delete m2")[0]["result"] == "deleted"
    assert at.fails("parked delete --error InvalidEvent") == (
        "Delete 1 parked events for good: add --yes to do that without being asked."
    )
    assert depth(at, "Parked") == (1, 0)
    assert "deleted" in at.run("parked delete --error InvalidEvent --yes")
    assert depth(at, "Parked") == (0, 0)
    assert "the parked queue is empty" in at.run("parked delete --all --yes")


@pytest.mark.parametrize("action", ["replay", "delete --yes"])
def test_one_must_say_which(at: Operator, action: str) -> None:
    park(at, "m1", "bob@example.com")
    assert at.fails(f"parked {action}").startswith("say which messages")
    assert at.fails(f"parked {action} m1 --all").startswith("--all means every message")
    assert "nothing in the parked queue matches" in at.fails(f"parked {action} --error Other")
    assert at.fails(f"parked {action} m333").startswith("m333 is not in the queue")
    assert depth(at, "Parked") == (1, 0)


def test_the_beginning_of_an_id_must_name_one(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailroomctl.queues.in_flight._message", _with_equal_beginnings(in_flight._message))
    park(at, "m1", "bob@example.com")
    park(at, "m2", "bob@example.com")
    assert at.fails("parked delete aaaa").startswith("aaaa is the beginning of 2 ids: aaaa")
    assert at.fails("parked show 8") == "8 is too short: write at least 4 characters of an id."


def _with_equal_beginnings(real: Any) -> Any:
    def message(received: Any) -> Any:
        return real({**received, "MessageId": f"aaaa-{received['MessageId']}"})

    return message


def test_ctrl_c_while_a_run_goes_on_keeps_everything(at: Operator) -> None:
    for number in range(3):
        park(at, f"m{number}", "bob@example.com")

    def end(given: Any) -> dict[str, Any]:
        if len(workflow.events) == 2:
            raise KeyboardInterrupt
        return delivered()

    workflow = FakeWorkflow(at, end)
    [row] = json.loads(at.run("parked replay --all --json", 130))
    assert row["message_id"] == "m0"
    assert "1 of 3 done; 2 still in the parked queue" in at.stderr
    assert at.stderr.endswith("mailroomctl: interrupted\n")
    assert depth(at, "Parked") == (2, 0)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "StartSyncExecution"),
            "AWS refused StartSyncExecution: not you",
        ),
        (ReadTimeoutError(endpoint_url="https://example"), "AWS could not be asked: Read timeout"),
    ],
)
def test_aws_refuses_in_the_middle(at: Operator, error: Exception, said: str) -> None:
    park(at, "m1", "bob@example.com")
    park(at, "m2", "bob@example.com")

    def end(given: Any) -> dict[str, Any]:
        if len(workflow.events) == 2:
            raise error
        return delivered()

    workflow = FakeWorkflow(at, end)
    at.run("parked replay --all", 1)
    assert f"mailroomctl: {said}" in at.stderr
    assert "1 of 2 done; 1 still in the parked queue" in at.stderr
    assert depth(at, "Parked") == (1, 0)


def test_what_another_reader_holds_is_told_of(at: Operator) -> None:
    park(at, "m1", "bob@example.com")
    at.sqs.receive_message(QueueUrl="https://sqs.eu-central-1.amazonaws.com/123456789012/Parked", VisibilityTimeout=60)
    assert at.json("parked list") == []
    assert "1 more in flight to another reader" in at.stderr


def test_the_beginning_of_an_ses_id_names_an_event(at: Operator) -> None:
    park(at, "z0nhoaya69", "bob@example.com")
    park(at, "hh3hoaya69", "bob@example.com")
    assert at.json("parked show z0nho")["message_id"] == "z0nhoaya69"


def test_ages_are_numbers_for_programs(at: Operator) -> None:
    park(at, "m1", "bob@example.com")
    [row] = at.json("parked list")
    assert 0 <= row["age_seconds"] < 60
    assert row["age"].endswith("s")
