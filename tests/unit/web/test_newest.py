"""Finding messages costs four calls for fifty rows, with 100,000 records; and it finds the right ones."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from types import SimpleNamespace
from typing import Any

import pytest
from mailroom.months import month_of

from mailroomctl.times import iso
from mailroomctl.web.newest import Page, Question, find

NOW = datetime.now(UTC)
BOTH = ["box5@example.com", "renamed@example.com", "box5@example.com"]
PAGE = 1_000_000  # octets of an answer
ROW = 950  # octets of an item: more than it has, so that answers hold less


def within(record: dict[str, Any], request: dict[str, Any]) -> bool:
    values = request["ExpressionAttributeValues"]
    return bool(values[":since"]["S"] <= record["received_at"] <= values[":until"]["S"])


def filtered(record: dict[str, Any], request: dict[str, Any]) -> bool:
    values = request["ExpressionAttributeValues"]
    return all(
        record.get(name) == values[f":{name}"]["S"] for name in ("status", "rfc_message_id") if f":{name}" in values
    )


class Table:
    """The deliveries table as far as it is asked here: pages of a megabyte, filters after them, calls counted."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.records = records
        self.by_key = {(one["message_id"], one["mailbox"]): one for one in records}
        self.by_month: dict[str, list[dict[str, Any]]] = {}
        self.by_mailbox: dict[str, list[dict[str, Any]]] = {}
        for one in records:
            self.by_month.setdefault(one["month"], []).append(one)
            self.by_mailbox.setdefault(one["mailbox"], []).append(one)
        self.calls: list[str] = []

    @staticmethod
    def _items(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: {"S": value} for name, value in one.items()} for one in records]

    def scan(self, **request: Any) -> dict[str, Any]:
        self.calls.append("scan")
        held = self.records
        if request.get("IndexName") == "needs_attention":
            held = [one for one in held if "attention" in one]
        return self._page(held, request, lambda one: within(one, request) and filtered(one, request))

    def query(self, **request: Any) -> dict[str, Any]:
        self.calls.append("query")
        key = request["ExpressionAttributeValues"][":key"]["S"]
        by_key = self.by_mailbox if request["IndexName"] == "by_mailbox" else self.by_month
        held = [one for one in by_key.get(key, []) if within(one, request)]
        if request["IndexName"] == "needs_attention":
            held = [one for one in held if "attention" in one]
        held.sort(key=itemgetter("received_at"), reverse=True)
        return self._page(held, request, lambda one: filtered(one, request))

    def _page(self, held: list[dict[str, Any]], request: dict[str, Any], keep: Any) -> dict[str, Any]:
        """A megabyte, or as many as are asked for; then the filter."""
        start = int(request.get("ExclusiveStartKey", {"at": {"S": "0"}})["at"]["S"])
        page = held[start : start + min(PAGE // ROW, request.get("Limit", PAGE))]
        more = {"at": {"S": str(start + len(page))}, "received_at": {"S": page[-1]["received_at"]}} if page else {}
        answer = {"Items": self._items([one for one in page if keep(one)]), "ScannedCount": len(page)}
        return answer | ({"LastEvaluatedKey": more} if start + len(page) < len(held) else {})

    def get_item(self, **request: Any) -> dict[str, Any]:
        """The directory has one renamed mailbox."""
        self.calls.append("get_item")
        if request["Key"]["address"]["S"] != "renamed@example.com":
            return {}
        entry = {"address": "renamed@example.com", "type": "mailbox", "records_under": "box5@example.com"}
        return {"Item": {name: {"S": value} for name, value in entry.items()}}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        self.calls.append("batch_get_item")
        keys = request["RequestItems"]["deliveries"]["Keys"]
        assert len(keys) <= 100
        found = [self.by_key[key["message_id"]["S"], key["mailbox"]["S"]] for key in keys]
        return {"Responses": {"deliveries": self._items(found)}}


def records(count: int, every: timedelta) -> Iterator[dict[str, Any]]:
    """Messages to a hundred mailboxes, the newest first; one in ten is rejected."""
    for number in range(count):
        received_at = NOW - every * number
        message_id = f"m{number:06}"
        one = {
            "message_id": message_id,
            "mailbox": f"box{number % 100}@example.com",
            "received_at": iso(received_at),
            "month": month_of(received_at, message_id),
            "source": f"sender{number % 7}@example.org",
            "status": "REJECTED" if number % 10 == 3 else "DELIVERED",
            "rfc_message_id": f"<{number}@example.org>",
        }
        yield one | ({"attention": one["month"]} if one["status"] == "REJECTED" else {})


def console(table: Table) -> Any:
    stack = SimpleNamespace(dynamodb=table, output=lambda name: "deliveries")
    return SimpleNamespace(stack=stack)


@pytest.fixture(scope="module")
def many() -> Table:
    """100,000 records in a day."""
    return Table(list(records(100_000, timedelta(seconds=0.864))))


def asked(table: Table, question: Question, context: Any = None) -> Page:
    table.calls.clear()
    page = find(context or console(table), question)
    assert len(table.calls) <= 4, table.calls
    return page


def ids(page: Page) -> list[str]:
    return [one["message_id"] for one in page.records]


def test_the_newest_of_all(many: Table) -> None:
    page = asked(many, Question())
    assert ids(page) == [f"m{number:06}" for number in range(50)]
    assert not page.partial


def test_page_after_page(many: Table) -> None:
    context, question, seen = console(many), Question(), list[str]()
    for _ in range(5):
        page = asked(many, question, context)
        seen += ids(page)
        assert page.older
        question = page.older
    assert seen == [f"m{number:06}" for number in range(len(seen))]
    assert len(seen) >= 250


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        (Question(status="REJECTED"), [f"m{number:06}" for number in range(3, 503, 10)]),
        (Question(sender="sender3@example.org"), [f"m{number:06}" for number in range(3, 353, 7)]),
        (Question(mailbox="BOX5@example.com"), [f"m{number:06}" for number in range(5, 5005, 100)]),
        (Question(message_id=" m000007 "), ["m000007"]),
        (Question(mailbox="box5@example.com", rfc_message_id="105@example.org"), ["m000105"]),
        (Question(mailbox="box3@example.com", status="DELIVERED"), []),
        (Question(since=NOW - timedelta(seconds=8)), [f"m{number:06}" for number in range(10)]),
        (
            Question(until=NOW - timedelta(hours=12), since=NOW - timedelta(hours=12, seconds=8)),
            [f"m{number:06}" for number in range(50_000, 50_010)],
        ),
        (Question(since=NOW + timedelta(days=1)), []),
        (Question(mailbox="box5@example.com", since=NOW + timedelta(days=1)), []),
    ],
)
def test_every_question(many: Table, question: Question, wanted: list[str]) -> None:
    if question.message_id:
        many.calls.clear()
        context = console(many)
        context.stack.dynamodb = SimpleNamespace(
            get_paginator=lambda name: SimpleNamespace(
                paginate=lambda **asked: [{"Items": Table._items([many.by_key["m000007", "box7@example.com"]])}]
            )
        )
        assert ids(find(context, question)) == wanted
        return
    assert ids(asked(many, question)) == wanted


def test_an_outcome_that_no_index_knows(many: Table) -> None:
    page = asked(many, Question(status="DELIVERED"))
    assert ids(page) == [f"m{number:06}" for number in range(56) if number % 10 != 3][:50]
    assert page.older


def test_a_header_is_looked_for_some_pages_at_a_time(many: Table) -> None:
    context, start, read, found = console(many), None, 0, list[str]()
    while True:
        many.calls.clear()
        page = find(context, Question(rfc_message_id="99999@example.org"), start)
        assert len(many.calls) <= 3
        read += page.read
        found += ids(page)
        start = json.loads(json.dumps(page.key)) if page.key else None
        if not start:
            break
    assert (found, read) == (["m099999"], 100_000)


def test_few_messages_are_found_however_old_they_are() -> None:
    table = Table(list(records(300, timedelta(days=1))))
    page = asked(table, Question())
    assert len(table.calls) == 3
    assert ids(page) == [f"m{number:06}" for number in range(50)]
    assert page.older
    assert ids(asked(table, page.older))[0] == "m000050"


def test_a_burst_within_a_second() -> None:
    """Some hundreds of records have the same time: a page shows some of them, says so, and the next goes on before."""
    table = Table(
        [
            one | {"received_at": iso(NOW - timedelta(seconds=number // 300))}
            for number, one in enumerate(records(600, timedelta(0)))
        ]
    )
    page = asked(table, Question())
    assert page.partial
    assert len(page.records) == 50
    assert page.older
    assert {one["received_at"] for one in asked(table, page.older).records} == {iso(NOW - timedelta(seconds=1))}


def test_a_renamed_mailbox_has_what_is_on_record_under_both_names() -> None:
    apart = timedelta(hours=1)
    rows = [one | {"mailbox": box} for one, box in zip(records(3, apart), BOTH, strict=True)]
    assert ids(asked(Table(rows), Question(mailbox="Renamed@example.com"))) == ["m000000", "m000001", "m000002"]


def test_the_pages_of_a_renamed_mailbox_leave_nothing_out() -> None:
    """Of one name there is far more than one answer holds, of the other one little, and old."""
    rows = [one | {"mailbox": BOTH[0]} for one in records(5000, timedelta(seconds=1))]
    rows[4000]["mailbox"] = BOTH[1]
    table, question = Table(rows), Question(mailbox=BOTH[1], sender="sender3@example.org")
    found: list[str] = []
    for _ in range(40):
        page = asked(table, question)
        found += ids(page)
        if not page.older:
            break
        question = page.older
    wanted = [one["message_id"] for one in rows if one["source"] == "sender3@example.org"]
    assert found == wanted
