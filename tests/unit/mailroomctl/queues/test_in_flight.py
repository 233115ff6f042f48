"""Messages stay in flight for as long as the work takes, and each is seen once."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from mailroomctl.queues import in_flight
from mailroomctl.queues.in_flight import HOLD, MessagesInFlight


class Queue:
    """Hands out batches; notes every change of visibility."""

    def __init__(self, *batches: list[str]) -> None:
        self.batches = list(batches)
        self.visibility: list[tuple[str, int]] = []
        self.calls = 0

    def receive_message(self, **request: Any) -> dict[str, Any]:
        assert request["VisibilityTimeout"] == HOLD
        self.calls += 1
        batch = self.batches.pop(0) if self.batches else []
        return {"Messages": [{"MessageId": one, "Body": one, "ReceiptHandle": f"{one}{self.calls}"} for one in batch]}

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        assert len(request["Entries"]) <= 10
        assert len({entry["Id"] for entry in request["Entries"]}) == len(request["Entries"])
        self.visibility += [(entry["ReceiptHandle"], entry["VisibilityTimeout"]) for entry in request["Entries"]]
        return {}

    def delete_message(self, **request: Any) -> None:
        self.visibility.append((request["ReceiptHandle"], -1))


def holding(queue: Any) -> MessagesInFlight:
    return MessagesInFlight(queue, "url")


def test_a_message_that_comes_twice_counts_once_with_its_newest_handle() -> None:
    queue = Queue(["a", "b"], ["a"])
    with holding(queue) as held:
        found = held.receive()
        assert [message.id for message in found] == ["a", "b"]
    assert sorted(queue.visibility) == [("a2", 0), ("b1", 0)]


def test_what_was_deleted_is_not_let_go() -> None:
    queue = Queue(["a", "b"])
    with holding(queue) as held:
        held.delete(held.receive()[0])
    assert queue.visibility == [("a1", -1), ("b1", 0)]


def test_long_work_renews_the_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(in_flight.time, "monotonic", lambda: now)
    queue = Queue([str(number) for number in range(10)], ["x", "y"])
    with holding(queue) as held:
        held.receive()
        held.renew()
        assert queue.visibility == []
        now += in_flight.RENEW_AFTER + 1
        held.renew()
        assert [seconds for _, seconds in queue.visibility] == [HOLD] * 12
        held.renew()
        assert len(queue.visibility) == 12


def test_the_first_error_is_the_one_that_is_told() -> None:
    class Gone(Queue):
        def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "QueueDoesNotExist"}}, "ChangeMessageVisibilityBatch")

    def work(error: Exception | None) -> None:
        with holding(Gone(["a"])) as held:
            held.receive()
            if error:
                raise error

    with pytest.raises(ValueError, match="the work"):
        work(ValueError("the work"))
    with pytest.raises(ClientError):
        work(None)
