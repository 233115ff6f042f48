"""How many calls a list and a message take, on a table of 100,000 records."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from mailroom.statuses import Status

from mailroomctl.deliveries.held import Choice, at_fault, counted, with_reasons
from mailroomctl.deliveries.ids import full_id
from mailroomctl.deliveries.indexes import EVER, Period
from mailroomctl.deliveries.message import message_in_full
from mailroomctl.deliveries.quarantined import newest_quarantined
from mailroomctl.deliveries.search import Search, find
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.stack import Stack
from mailroomctl.times import iso
from tests.fakes.many_records import RARE, RARE_AT, RECORDS, ManyRecords

ROWS = 50


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> ManyRecords:
    found = ManyRecords()
    monkeypatch.setattr(Stack, "_client", lambda *_, **__: found)
    return found


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    "search",
    [
        Search(mailbox="7@example.com", period=Period(datetime.now(UTC) - 80 * DAY)),
        Search(mailbox="7@example.com", records_under="8@example.com", period=Period(datetime.now(UTC) - 80 * DAY)),
        Search(mailbox="7@example.com", status=Status.HELD, period=Period(datetime.now(UTC) - 80 * DAY)),
        Search(status=Status.HELD),
        Search(status=Status.QUARANTINED),
        Search(status=Status.FAILED, sender="example.org"),
        Search(status=Status.FAILED, period=Period(datetime.now(UTC) - 8 * DAY)),
        Search(period=Period(datetime.now(UTC) - 80 * DAY)),
        Search(period=Period(datetime.now(UTC) - 80 * DAY, datetime.now(UTC) - 40 * DAY)),
        Search(sender="sender@example.org", period=Period(datetime.now(UTC) - 80 * DAY)),
        Search(sender="@example.org"),
        Search(status=Status.DELIVERED),
    ],
)
def test_a_list_of_fifty_rows_takes_four_calls(many: ManyRecords, search: Search) -> None:
    begun = time.process_time()
    stack = Stack()
    found = find(DeliveriesTable(stack), search, ROWS)
    assert len(found.records) == ROWS
    assert found.more
    assert len(many.calls) <= 4, many.calls
    assert time.process_time() - begun < 2
    times = [one["received_at"] for one in found.records]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("apart", [timedelta(seconds=0.5), timedelta(minutes=5)])
@pytest.mark.parametrize("search", [Search(), Search(status=Status.HELD)])
def test_page_after_page_shows_all_of_it_once(
    monkeypatch: pytest.MonkeyPatch, apart: timedelta, search: Search
) -> None:
    many = ManyRecords(apart)
    monkeypatch.setattr(Stack, "_client", lambda *_, **__: many)
    table, seen = DeliveriesTable(Stack()), list[int]()
    since = None if search.status else many.newest - 90 * DAY
    until = None
    for _ in range(5):
        found = find(table, replace(search, period=Period(since, until)), ROWS)
        seen += [int(one["message_id"][:6]) for one in found.records]
        until = datetime.fromisoformat(found.older)
    assert seen == (list(range(7, 25_000, 100)) if search.status else list(range(250)))[: len(seen)]
    assert len(seen) == 5 * ROWS


def test_what_is_rare_is_found_further_back_with_every_question(many: ManyRecords) -> None:
    """One in 100,000: a question says how far back it looked, and the next one goes on from there."""
    table, until, questions = DeliveriesTable(Stack()), None, 0
    search = Search(sender=RARE, period=Period(many.newest - 90 * DAY))
    while True:
        many.calls.clear()
        found = find(table, replace(search, period=Period(search.period.since, until)), ROWS)
        assert len(many.calls) <= 4, many.calls
        questions += 1
        if found.records:
            break
        assert found.older < iso(until or many.newest), "it went on"
        until = datetime.fromisoformat(found.older)
    assert [one["message_id"][:6] for one in found.records] == [f"{RARE_AT:06}"]
    assert questions == 2
    many.calls.clear()
    assert len(find(table, search, 2 * ROWS).records) == 1, "a larger limit looks further"
    assert len(many.calls) <= 2 * 4


def test_what_is_few_is_found_at_once_however_old_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that needs attention is one page, and the newest of it is three months old."""
    many = ManyRecords(statuses={99: "HELD"}, newest=datetime.now(UTC) - 90 * DAY)
    monkeypatch.setattr(Stack, "_client", lambda *_, **__: many)
    found = find(DeliveriesTable(Stack()), Search(status=Status.HELD), ROWS)
    assert len(found.records) == ROWS
    assert len(many.calls) <= 4, many.calls


def test_what_is_held_takes_four_calls(many: ManyRecords) -> None:
    table = DeliveriesTable(Stack())
    groups, older = counted(table, Choice(Status.HELD, EVER), at_fault)
    assert [(one.key, one.messages) for one in groups] == [("7@example.com", 1000)]
    assert not older
    assert len(list(with_reasons(table, groups))) == 1
    assert len(many.calls) <= 4, many.calls
    many.calls.clear()
    found = Choice(Status.HELD, EVER, entry="7@example.com").newest(table, ROWS)
    assert [int(one["message_id"][:6]) for one in found.records] == list(range(7, 5007, 100))
    assert len(many.calls) <= 4, many.calls


def test_what_is_held_is_counted_as_far_as_four_calls_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that holds all of it: far more than one answer has."""
    many = ManyRecords(statuses=dict.fromkeys(range(100), "HELD"))
    monkeypatch.setattr(Stack, "_client", lambda *_, **__: many)
    table = DeliveriesTable(Stack())
    groups, older = counted(table, Choice(Status.HELD, EVER, domain="example.com"), at_fault)
    shown = list(with_reasons(table, groups))
    assert len(many.calls) <= 4, many.calls
    assert len(shown) == 100
    first = sum(one.messages for one in groups)
    assert 3000 < first < RECORDS
    groups, _ = counted(table, Choice(Status.HELD, Period(None, datetime.fromisoformat(older))), at_fault)
    assert max(one.newest for one in groups) == many.received_at(first), "nothing is left out"
    groups, older = counted(table, Choice(Status.HELD, EVER), at_fault, whole=True)
    assert (sum(one.messages for one in groups), older) == (RECORDS, "")


@pytest.mark.parametrize("rejected", [1, 60])
def test_the_quarantine_takes_four_calls(monkeypatch: pytest.MonkeyPatch, rejected: int) -> None:
    """Also where so much is rejected that the index is far more than one answer holds."""
    many = ManyRecords(statuses={**dict.fromkeys(range(rejected), "REJECTED"), 99: "QUARANTINED"})
    monkeypatch.setattr(Stack, "_client", lambda *_, **__: many)
    stack = Stack()
    table, since = DeliveriesTable(stack), many.newest - 60 * DAY
    found = newest_quarantined(stack, table, Period(since), ROWS)
    assert len(many.calls) <= 4, many.calls
    wanted = list(range(99, RECORDS, 100))
    assert [int(one["message_id"][:6]) for one in found.records] == wanted[:ROWS]
    assert found.older
    after = newest_quarantined(stack, table, Period(since, datetime.fromisoformat(found.older)), ROWS)
    assert int(after.records[0]["message_id"][:6]) == wanted[ROWS]


def test_a_message_takes_eight_calls(many: ManyRecords) -> None:
    stack = Stack()
    table = DeliveriesTable(stack)
    assert table.of_message("000123") == []
    message_id = full_id(stack, "000123")
    facts = message_in_full(stack, table, table.of_message(message_id))
    assert facts.message_id.startswith("000123")
    assert facts.stored_at == many.newest
    assert len(many.calls) <= 8, many.calls
