"""The workflow as a picture: every state is there, nothing covers another, and the way is the one that was taken."""

import itertools
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mailroom.statuses import Status

from mailroomctl.web.graph.explained import draw_way
from mailroomctl.web.graph.inferred import infer_way, path
from mailroomctl.web.graph.layout import lay_out
from mailroomctl.web.graph.machine import Machine, read_machine
from mailroomctl.web.graph.picture import draw
from mailroomctl.web.graph.way import read_way

FOLDER = Path(__file__).parents[3] / "statemachine"
DELIVER = read_machine(json.loads((FOLDER / "deliver_mail.asl.json").read_text()))
BREAKER = read_machine(json.loads((FOLDER / "storage_breaker.asl.json").read_text()))


@pytest.mark.parametrize("machine", [DELIVER, BREAKER, *DELIVER.inside.values()])
def test_no_box_covers_another(machine: Machine) -> None:
    sizes = {name: (10.0 * len(name), 30.0) for name in machine.kinds}
    layout = lay_out(sizes, [(arrow.source, arrow.target) for arrow in machine.arrows], machine.start)
    for one, other in itertools.combinations(layout.boxes, 2):
        (x, y), (other_x, other_y) = layout.boxes[one], layout.boxes[other]
        apart = x + sizes[one][0] <= other_x or other_x + sizes[other][0] <= x
        assert apart or y + 30 <= other_y or other_y + 30 <= y, (one, other)
    for name, (x, y) in layout.boxes.items():
        assert x >= 0
        assert x + sizes[name][0] <= layout.width + 0.01
        assert y + 30 <= layout.height
    assert set(layout.arrows) == {(arrow.source, arrow.target) for arrow in machine.arrows}


def test_every_state_is_drawn_and_the_way_is_marked() -> None:
    marks = {("", "ValidateEvent"): "passed", ("DeliverToMailboxes", "WriteMailbox"): "failed"}
    picture = draw(DELIVER, marks, [("", "ValidateEvent", "Mail?")], 'the "way"')
    for machine in (DELIVER, *DELIVER.inside.values()):
        for name in machine.kinds:
            assert f'data-state="{name}"' in picture
    assert "ValidateEvent ✓" in picture
    assert "WriteMailbox ✗" in picture
    assert picture.count("taken") == 1
    assert "the &quot;way&quot;" in picture


def record(status: str, **fields: Any) -> dict[str, Any]:
    return {"message_id": "m", "mailbox": "bob@example.com", "status": status, **fields}


@pytest.mark.parametrize(
    ("status", "fields", "last"),
    [
        ("DELIVERED", {"attempts": 1}, "DeliveryRecorded"),
        ("QUARANTINED", {"attempts": 1}, "DeliveryQuarantined"),
        ("RELEASED", {"attempts": 1}, "DeliveryQuarantined"),
        ("FAILED", {"attempts": 2, "error": "StorageUnavailable"}, "DeliveryFailed"),
        ("CLAIMED", {"attempts": 1}, "WriteMailbox"),
        ("HELD", {"attempts": 1, "error": "MessageMissing"}, "DeliveryHeld"),
        ("DISCARDED", {"attempts": 1}, "DeliveryHeld"),
        ("HELD", {"entry": "info@example.com"}, "RecipientUndelivered"),
        ("REJECTED", {"code": "5.1.1"}, "RecipientUndelivered"),
    ],
)
def test_the_way_that_a_record_tells_of(status: str, fields: dict[str, Any], last: str) -> None:
    way = infer_way(DELIVER, [record(status, **fields)])
    [visits] = way.items.values()
    names = [visit.state for visit in visits]
    scope = next(iter(way.items))[0]
    inside = DELIVER.inside[scope]
    assert names[0] == inside.start
    assert names[-1] == last
    arrows = {(arrow.source, arrow.target) for arrow in inside.arrows}
    assert set(itertools.pairwise(names)) <= arrows
    assert way.visits[-1].state == {"FAILED": "DeliveryIncomplete", "CLAIMED": "DeliverToMailboxes"}.get(
        status, "Delivered"
    )


def test_a_failure_of_the_storage_is_counted_on_its_way() -> None:
    way = infer_way(DELIVER, [record("FAILED", attempts=1, error="StorageUnavailable")])
    [visits] = way.items.values()
    assert [visit.state for visit in visits][2:] == [
        "WriteMailbox",
        "CountStorageFailure",
        "RecordTemporaryFailure",
        "DeliveryFailed",
    ]
    assert visits[2].errors == ["StorageUnavailable"]


def test_every_status_of_a_copy_has_a_way() -> None:
    for status in Status:
        way = infer_way(DELIVER, [record(status, attempts=1)])
        assert way.visits, status


def test_nothing_is_on_record() -> None:
    assert infer_way(DELIVER, []).visits == []
    assert infer_way(BREAKER, [record("DELIVERED", attempts=1)]).visits == []
    assert path(DELIVER, "Delivered", ["ValidateEvent"]) == ["Delivered"]


def event(number: int, before: int, kind: str, **details: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "previous_event_id": str(before),
        "type": kind,
        "details": details,
        "event_timestamp": str(1_796_000_000_000 + number * 10),
        "execution_arn": "arn:aws:states:eu-west-1:1:express:DeliverMail:name-1:uuid",
    }


def test_the_way_of_an_execution_with_two_items_side_by_side() -> None:
    bob, eve = ({"input": json.dumps({"delivery": {"mailbox": name}})} for name in ("bob@x", "eve@x"))
    events = [
        event(1, 0, "ExecutionStarted"),
        event(2, 1, "MapStateEntered", name="DeliverToMailboxes"),
        event(3, 2, "MapStateStarted"),
        event(4, 3, "MapIterationStarted", name="DeliverToMailboxes", index=0),
        event(5, 3, "MapIterationStarted", name="DeliverToMailboxes", index=1),
        event(6, 5, "TaskStateEntered", name="ClaimDelivery", **eve),
        event(7, 4, "TaskStateEntered", name="ClaimDelivery", **bob),
        event(8, 6, "TaskScheduled"),
        event(9, 8, "TaskFailed", error="DynamoDB.ThrottlingException", cause="too much"),
        event(10, 9, "TaskScheduled"),
        event(11, 7, "TaskStateExited", name="ClaimDelivery"),
        event(12, 10, "TaskStateExited", name="ClaimDelivery"),
        event(13, 11, "MapIterationSucceeded", name="DeliverToMailboxes", index=0),
        event(14, 12, "MapIterationSucceeded", name="DeliverToMailboxes", index=1),
        event(15, 14, "MapStateSucceeded"),
        event(16, 15, "MapStateExited", name="DeliverToMailboxes"),
        event(17, 16, "FailStateEntered", name="DeliveryIncomplete"),
        event(18, 17, "ExecutionFailed", error="DeliveryIncomplete", cause="not safe"),
    ]
    way = read_way(reversed(events))
    assert (way.name, way.end, way.error) == ("name-1", "failed", "DeliveryIncomplete: not safe")
    assert way.began == datetime.fromtimestamp(1_796_000_000.01, UTC)
    assert [visit.state for visit in way.visits] == ["DeliverToMailboxes", "DeliveryIncomplete"]
    assert way.visits[0].seconds == pytest.approx(0.14)
    [first], [second] = (way.of(name) for name in ("bob@x", "eve@x"))
    assert first == ("DeliverToMailboxes", 0)
    [claim] = way.items[second]
    assert (claim.attempts, claim.errors) == (2, ["DynamoDB.ThrottlingException: too much"])
    assert way.items[first][0].errors == []
    assert way.of(None) == [first, second] or way.of(None) == [second, first]


def test_items_without_execution_data_have_no_names() -> None:
    events = [
        event(1, 0, "ExecutionStarted"),
        event(2, 1, "MapIterationStarted", name="DeliverToMailboxes", index=0),
        event(3, 2, "TaskStateEntered", name="ClaimDelivery", input="{cut off"),
    ]
    way = read_way(events)
    assert way.names == {}
    assert way.of("anybody@example.com") == [("DeliverToMailboxes", 0)]
    assert way.end == "running"


def test_an_explanation_as_a_drawing() -> None:
    data = {
        "address": "info@example.com",
        "look_ups": [
            {
                "address": "info@example.com",
                "steps": ["info@example.com: exact, an alias to 2 addresses"],
                "tag": None,
                "leads_to": ["bob@example.com", "gone@example.com"],
                "mailbox": None,
                "problem": None,
            },
            {
                "address": "bob@example.com",
                "steps": ["bob@example.com: exact, a mailbox"],
                "tag": None,
                "leads_to": [],
                "mailbox": "bob@example.com",
                "problem": None,
            },
            {
                "address": "gone@example.com",
                "steps": [],
                "tag": None,
                "leads_to": [],
                "mailbox": None,
                "problem": "5.1.1 <there> is no such address",
            },
        ],
        "deliveries": [
            {"mailbox": "bob@example.com", "path": "p", "folder": "INBOX", "action": "deliver", "verdict": ""}
        ],
        "undelivered": [
            {"recipient": "info@example.com", "status": "HELD", "code": "5.1.1", "reason": "it leads to nobody"}
        ],
    }
    picture = draw_way(data)
    for text in ("✓ bob@example.com", "‖ held: 5.1.1", "5.1.1 &lt;there&gt; is no such address"):
        assert text in picture
    assert draw_way({**data, "look_ups": [], "undelivered": []}) == ""


def look_up(address: str, *targets: str) -> dict[str, Any]:
    return {
        "address": address,
        "steps": [f"{address}: exact"],
        "tag": None,
        "leads_to": list(targets),
        "mailbox": None if targets else address,
        "problem": None,
    }


def drawn(*look_ups: dict[str, Any]) -> tuple[list[tuple[float, float]], list[list[float]]]:
    """Draw, and return the corners of the boxes and the numbers of the arrows."""
    outcomes = [
        {"mailbox": one["mailbox"], "path": "p", "folder": "INBOX", "action": "deliver", "verdict": ""}
        for one in look_ups
        if one["mailbox"]
    ]
    data = {"address": look_ups[0]["address"], "look_ups": look_ups, "deliveries": outcomes, "undelivered": []}
    picture = draw_way(data)
    boxes = [(float(x), float(y)) for x, y in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"', picture)]
    paths = re.findall(r'#tip\)" d="M([^"]+)"', picture)
    arrows = [[float(one) for one in re.findall(r"[\d.]+", path)] for path in paths]
    return boxes, arrows


def test_a_large_group_stands_below_each_other_and_begins_at_the_top() -> None:
    members = [f"box{number}@example.com" for number in range(60)]
    boxes, arrows = drawn(look_up("all@example.com", *members), *map(look_up, members))
    assert len(boxes) == 121
    assert len({x for x, _ in boxes}) == 3
    assert min(boxes) == (10.0, 10.0)
    assert len(arrows) == 120
    assert sum(arrow[:2] == arrows[0][:2] for arrow in arrows) == 60


def test_a_loop_leads_back_from_the_top_of_a_box() -> None:
    boxes, arrows = drawn(look_up("a@example.com", "b@example.com"), look_up("b@example.com", "a@example.com"))
    (_, first), (_, second) = boxes
    there, back = arrows
    assert first < there[1] < there[-1] == second
    assert back[1] == second
    assert back[-1] == there[1]
    assert back[0] != there[-2]
