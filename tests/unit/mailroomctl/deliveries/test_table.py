"""Reading many records: none is left out that DynamoDB does not give at once."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from mailroomctl.deliveries import table as table_module
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.stack import Stack


class Throttled:
    """Gives one record of a batch, the last that was asked for, and leaves the rest unprocessed."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's naming
        [(name, request)] = RequestItems.items()
        assert request["ConsistentRead"]
        *left, given = request["Keys"]
        self.asked.append(len(request["Keys"]))
        more = {name: {**request, "Keys": left}} if left else {}
        return {"Responses": {name: [given | {"status": {"S": "HELD"}}]}, "UnprocessedKeys": more}


def test_what_a_throttled_table_leaves_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(table_module.time, "sleep", waits.append)
    client = Throttled()
    stack = cast(Stack, SimpleNamespace(dynamodb=client, output=lambda name: name))
    rows = [{"message_id": f"m{number}", "mailbox": "bob@example.com"} for number in range(12)]
    found = list(DeliveriesTable(stack).in_full([*rows, rows[0]]))
    assert found == [{**row, "status": "HELD"} for row in rows]
    assert client.asked == list(range(12, 0, -1))
    assert waits == sorted(waits)
    assert (len(waits), waits[0], waits[-1]) == (11, 0.05, 5)
