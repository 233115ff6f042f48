"""How many calls a list and a message take, on a table of 100,000 records."""

import time

import pytest
from mailroom.statuses import Status

from mailroomctl.deliveries.held import Choice
from mailroomctl.deliveries.ids import full_id
from mailroomctl.deliveries.indexes import EVER, Period
from mailroomctl.deliveries.message import message_in_full
from mailroomctl.deliveries.search import Search, find
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.stack import Stack
from tests.fakes.many_records import APART, ManyRecords

ROWS = 50


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> ManyRecords:
    found = ManyRecords()
    monkeypatch.setattr(Stack, "_client", lambda *_, **__: found)
    return found


@pytest.mark.parametrize(
    "search",
    [
        Search(mailbox="7@example.com"),
        Search(mailbox="7@example.com", status=Status.HELD, period=Period()),
        Search(status=Status.HELD),
        Search(status=Status.FAILED, sender="example.org"),
    ],
)
def test_a_list_of_fifty_rows_takes_four_calls(many: ManyRecords, search: Search) -> None:
    begun = time.process_time()
    records, more = find(DeliveriesTable(Stack()), search, ROWS)
    assert (len(records), more) == (ROWS, True)
    assert len(many.calls) <= 4, many.calls
    assert time.process_time() - begun < 2


def test_what_failed_lately_takes_four_calls(many: ManyRecords) -> None:
    period = Period(many.newest - 200 * APART)
    records, _ = find(DeliveriesTable(Stack()), Search(status=Status.FAILED, period=period), ROWS)
    assert {one["status"] for one in records} == {"FAILED"}
    assert len(many.calls) <= 4, many.calls


def test_what_is_held_takes_four_calls(many: ManyRecords) -> None:
    assert sum(1 for _ in Choice(Status.HELD, EVER).rows(DeliveriesTable(Stack()))) == 1000
    assert len(many.calls) <= 4, many.calls


def test_all_mail_takes_one_call_for_each_shard_of_the_hours_that_it_needs(many: ManyRecords) -> None:
    """The index is sharded by sixteen, and asked for hour by hour, two of them at once."""
    records, more = find(DeliveriesTable(Stack()), Search(period=Period(many.newest - 3000 * APART)), ROWS)
    assert [one["message_id"][:6] for one in records] == [f"{number:06}" for number in range(ROWS)]
    assert more
    assert many.calls.count("query") <= 16 * 7  # of which the first hour has only begun
    assert len(many.calls) - many.calls.count("query") <= 3


def test_a_message_takes_eight_calls(many: ManyRecords) -> None:
    stack = Stack()
    table = DeliveriesTable(stack)
    assert table.of_message("000123") == []
    message_id = full_id(stack, "000123")
    facts = message_in_full(stack, table, table.of_message(message_id))
    assert facts.message_id.startswith("000123")
    assert facts.stored_at == many.newest
    assert len(many.calls) <= 8, many.calls
