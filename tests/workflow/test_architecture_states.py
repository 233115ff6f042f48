"""docs/architecture.md shows every state and transition of the workflows, in diagrams and in tables, and no other."""

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

import pytest

from tests.workflow.architecture_page import OUTSIDE, Arrow, code, diagram, table_arrows, table_retries, tables
from tests.workflow.script import WORKFLOWS, source

TITLES = {
    ("deliver_mail",): "The workflow DeliverMail",
    ("deliver_mail", "DeliverToMailboxes"): "One delivery",
    ("deliver_mail", "RecordUndelivered"): "One recipient without a copy",
    ("storage_breaker",): "The workflow StorageBreaker",
}

type Part = dict[str, Any]
"""A state machine, or the one inside a Map state."""


def parts() -> Iterator[tuple[tuple[str, ...], Part]]:
    for path in WORKFLOWS.glob("*.asl.json"):
        name = path.name.removesuffix(".asl.json")
        yield from _nested((name,), json.loads(source(name)))


def _nested(where: tuple[str, ...], part: Part) -> Iterator[tuple[tuple[str, ...], Part]]:
    yield where, part
    for name, state in part["States"].items():
        if state["Type"] == "Map":
            yield from _nested((*where, name), state["ItemProcessor"])


PARTS = dict(parts())


def arrows(part: Part) -> Counter[Arrow]:
    found = Counter[Arrow]({(OUTSIDE, part["StartAt"], ""): 1})
    for name, state in part["States"].items():
        for choice in state.get("Choices", []):
            found[name, choice["Next"], "if"] += 1
        for catcher in state.get("Catch", []):
            found[name, catcher["Next"], f"Catch {', '.join(catcher['ErrorEquals'])}"] += 1
        # A state that says neither ends the machine: End, Succeed, Fail.
        found[name, state.get("Default") or state.get("Next") or OUTSIDE, ""] += 1
    return found


def inner(arrows: Counter[Arrow]) -> Counter[Arrow]:
    """Without the one that enters, which a table does not show."""
    return Counter({arrow: times for arrow, times in arrows.items() if arrow[0] != OUTSIDE})


def from_table(title: str) -> Counter[Arrow]:
    (rows,) = tables(title)
    return sum((table_arrows(row) for row in rows), Counter[Arrow]())


def test_every_workflow_and_every_map_has_its_section() -> None:
    assert set(PARTS) == set(TITLES)


every_part = pytest.mark.parametrize("where", TITLES, ids=".".join)


@every_part
def test_the_diagram_has_every_transition_and_no_other(where: tuple[str, ...]) -> None:
    assert diagram(TITLES[where]) == arrows(PARTS[where])


@every_part
def test_the_table_has_every_state_and_transition_and_no_other(where: tuple[str, ...]) -> None:
    (rows,) = tables(TITLES[where])
    assert sorted(row["state"] for row in rows) == sorted(PARTS[where]["States"])
    assert from_table(TITLES[where]) == inner(arrows(PARTS[where]))


@every_part
def test_the_table_says_how_often_each_error_is_retried(where: tuple[str, ...]) -> None:
    (rows,) = tables(TITLES[where])
    for row in rows:
        state = PARTS[where]["States"][row["state"]]
        retries = {error: one["MaxAttempts"] for one in state.get("Retry", []) for error in one["ErrorEquals"]}
        assert table_retries(row) == retries, row["state"]


@every_part
def test_the_table_names_what_a_state_gives(where: tuple[str, ...]) -> None:
    (rows,) = tables(TITLES[where])
    for row in rows:
        assert set(given(PARTS[where]["States"][row["state"]])) <= set(code(row["gives"])), row["state"]


def given(state: dict[str, Any]) -> Iterator[str]:
    """The key under which a state puts its result, that result's own keys, and the status that it gives or records."""
    path = state.get("ResultPath") or "$"
    if path != "$":
        yield path.removeprefix("$.")
    yield from (name.removesuffix(".$") for name in state.get("ResultSelector", {}))
    parameters = state.get("Parameters", {})
    if "status" in parameters:
        yield parameters["status"]
    if recorded := re.match(r"SET #status = (:\w+)", parameters.get("UpdateExpression", "")):
        value = parameters["ExpressionAttributeValues"][recorded[1]]
        yield from [value["S"]] if "S" in value else ("REJECTED", "HELD")


GONE = object()
CHANGES = {
    "a state less": ("States.RecordQuarantine", GONE),
    "a state more": ("States.Extra", {"Type": "Pass", "End": True}),
    "another start": ("StartAt", "WriteMailbox"),
    "another end": ("States.DeliveryBusy.Next", "DeliveryFailed"),
    "another next state": ("States.WriteMailbox.Next", "DeliveryRecorded"),
    "another default": ("States.Quarantine?.Default", "RecordDelivery"),
    "a choice less": ("States.AlreadySafe?.Choices", []),
    "no catch": ("States.WriteMailbox.Catch", []),
    "another error caught": ("States.RecordDelivery.Catch", [{"ErrorEquals": ["A"], "Next": "DeliveryFailed"}]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_workflow_is_noticed(change: str) -> None:
    where = ("deliver_mail", "DeliverToMailboxes")
    path, value = CHANGES[change]
    *way, last = path.split(".")
    changed = copy.deepcopy(PARTS[where])
    place = reduce(getitem, way, changed)
    place[last] = value
    if value is GONE:
        del place[last]
    assert diagram(TITLES[where]) != arrows(changed)
    assert from_table(TITLES[where]) != inner(arrows(changed)) or change == "another start"
