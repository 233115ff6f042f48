"""What the indexes are asked, month by month, and how their rows come together."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mailroom import months
from mailroom.statuses import Status

from mailroomctl.deliveries.indexes import Period, by_message, needing_attention, outcomes
from mailroomctl.deliveries.table import DeliveriesTable, Record

NOW = datetime(2026, 11, 24, 2, 47, tzinfo=UTC)


class FakeIndexes:
    """Answers Query and Scan page by page; ``months`` maps a key to receive times, the newest first."""

    def __init__(self, months: dict[str, list[str]] | None = None, error: ClientError | None = None) -> None:
        self.months = months or {}
        self.asked: list[dict[str, Any]] = []
        self.operations: list[str] = []
        self._error = error

    def get_paginator(self, operation: str) -> "FakeIndexes":
        self.operations.append(operation)
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(request)
        if self._error:
            raise self._error
        keys = (
            [request["ExpressionAttributeValues"][":key"]["S"]]
            if ":key" in request["ExpressionAttributeValues"]
            else self.months
        )
        found = [(key, moment) for key in keys for moment in self.months.get(key, [])]
        for number, (key, moment) in enumerate(found, 1):
            more = {"LastEvaluatedKey": {}} if number < len(found) else {}
            yield {"Items": [{"received_at": {"S": moment}, "message_id": {"S": f"{key} {moment}"}}], **more}
        if not found:
            yield {"Items": []}


def table_of(indexes: FakeIndexes) -> DeliveriesTable:
    table = object.__new__(DeliveriesTable)
    table.client, table.name = indexes, "deliveries"  # type: ignore[assignment]
    return table


def test_every_shard_of_every_month_is_asked_the_newest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(months, "SHARDS", ("0", "1"))
    indexes = FakeIndexes({"2026-11#0": ["2", "1"], "2026-11#1": ["3", "0"], "2026-10#1": ["9"]})
    rows = list(outcomes(table_of(indexes), NOW - timedelta(days=30), NOW))
    assert [row["received_at"] for row in rows] == ["3", "2", "1", "0", "9"]
    asked = [one["ExpressionAttributeValues"][":key"]["S"] for one in indexes.asked]
    assert asked == ["2026-11#0", "2026-11#1", "2026-10#0", "2026-10#1"]
    assert {one["IndexName"] for one in indexes.asked} == {"by_time"}
    values = indexes.asked[0]["ExpressionAttributeValues"]
    assert (values[":since"]["S"], values[":until"]["S"]) == ("2026-10-25T02:47:00.000Z", "2026-11-24T02:47:00.000Z")


def test_whoever_has_enough_stops_the_reading() -> None:
    indexes = FakeIndexes({f"2026-{month:02}#0": [str(month)] for month in range(1, 12)})
    rows = outcomes(table_of(indexes), NOW - timedelta(days=300), NOW)
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert len(indexes.asked) == 1


@pytest.mark.parametrize(
    ("period", "operations"),
    [(Period(), {"scan"}), (Period(None, NOW), {"scan"}), (Period(NOW - timedelta(days=7), NOW), {"query"})],
)
def test_what_has_no_beginning_is_read_as_a_whole(period: Period, operations: set[str]) -> None:
    indexes = FakeIndexes({"2026-11#0": ["2", "1"]})
    rows = list(needing_attention(table_of(indexes), Status.HELD, period))
    assert [row["received_at"] for row in rows] == ["2", "1"]
    assert set(indexes.operations) == operations
    assert {one["IndexName"] for one in indexes.asked} == {"needs_attention"}
    assert {one["ExpressionAttributeValues"][":status"]["S"] for one in indexes.asked} == {"HELD"}


def test_an_index_of_one_page_is_read_with_one_call_the_newest_first() -> None:
    indexes = FakeIndexes({"2026-11#0": ["2"]})
    rows = needing_attention(table_of(indexes), None, Period(None, NOW))
    assert [row["received_at"] for row in rows] == ["2"]
    assert len(indexes.asked) == 1
    assert indexes.asked[0]["FilterExpression"] == "received_at BETWEEN :since AND :until"


def test_the_rows_of_a_message_come_together() -> None:
    rows: list[Record] = [
        {"received_at": "2", "message_id": "a", "mailbox": "1"},
        {"received_at": "2", "message_id": "b", "mailbox": "2"},
        {"received_at": "2", "message_id": "a", "mailbox": "3"},
        {"received_at": "1", "message_id": "c", "mailbox": "4"},
    ]
    found = [[row["mailbox"] for row in message] for message in by_message(iter(rows))]
    assert found == [["1", "3"], ["2"], ["4"]]


@pytest.mark.parametrize(
    ("code", "message", "explained"),
    [
        ("ValidationException", "The table does not have the specified index: by_time", True),
        ("ValidationException", "Cannot read from backfilling global secondary index: by_time", True),
        ("ValidationException", "something else", False),
        ("ResourceNotFoundException", "Requested resource not found", False),
    ],
)
def test_an_index_that_is_not_there_is_explained(code: str, message: str, explained: bool) -> None:
    error = ClientError({"Error": {"Code": code, "Message": message}}, "Query")
    with pytest.raises(Exception, match="has no index by_time" if explained else message):
        list(outcomes(table_of(FakeIndexes(error=error)), NOW, NOW))
