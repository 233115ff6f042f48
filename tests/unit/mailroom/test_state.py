"""The workflow reads no key of a step's output that no step writes, and gives WriteMailbox every key that it reads."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from mailroom import state

WORKFLOW: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "statemachine" / "deliver_mail.asl.json").read_text()
)
TOP: dict[str, Any] = WORKFLOW["States"]
MAPS = {name: one for name, one in TOP.items() if one["Type"] == "Map"}

ANYTHING = dict[str, Any]
"""What is not a step's: an answer of AWS, or what a Catch makes of an error."""

_PATH = re.compile(r"(?<!\$)\$\.([A-Za-z_.]+)")
_OWN = ("ItemProcessor", "ResultSelector", "ResultPath", "OutputPath", "Comment")  # read in a scope of their own


def paths(node: Any) -> Iterator[str]:
    """Every path into the state that a part of the workflow reads."""
    match node:
        case dict():
            for name, value in node.items():
                if name not in _OWN:
                    yield from paths(value)
        case list():
            for value in node:
                yield from paths(value)
        case str():
            yield from _PATH.findall(node)


def at(path: str, scope: dict[str, Any]) -> Any:
    """The type at a path; raises KeyError where nothing writes it."""
    here: Any = scope
    for name in path.split("."):
        if here in (ANYTHING, Any):
            return Any
        keys = get_type_hints(here) if is_typeddict(here) else here
        if not isinstance(keys, dict):
            raise KeyError(path)
        here = keys[name]
    return here


def written_by(states: dict[str, Any]) -> dict[str, Any]:
    """What the states of one level add: the keys of their ResultSelectors, and the failures that they catch."""
    added: dict[str, Any] = {"Error": str, "Cause": str}
    for one in states.values():
        for part in (one, *one.get("Catch", ())):
            target = part.get("ResultPath") or "$"
            if target != "$":
                selected = part.get("ResultSelector")
                keys = {key.removesuffix(".$"): Any for key in selected} if selected else ANYTHING
                added[target.removeprefix("$.")] = keys
    return added


def scopes() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every state with what it may read; a Map's own item paths are read before its result takes their place."""
    top = get_type_hints(state.Resolved)
    for name, one in TOP.items():
        yield name, one, (top if one["Type"] == "Map" else {**top, **written_by(TOP)})
    for one in MAPS.values():
        [item] = get_args(at(one["ItemsPath"].removeprefix("$."), top))
        selected = {
            key.removesuffix(".$"): item if path == "$$.Map.Item.Value" else at(path.removeprefix("$."), top)
            for key, path in one["ItemSelector"].items()
        }
        inner = one["ItemProcessor"]["States"]
        for name, each in inner.items():
            yield name, each, {**selected, **written_by(inner)}


SCOPES = list(scopes())


@pytest.mark.parametrize(("one", "scope"), [pytest.param(one, scope, id=name) for name, one, scope in SCOPES])
def test_every_path_is_a_key_that_is_written(one: dict[str, Any], scope: dict[str, Any]) -> None:
    for path in paths(one):
        assert at(path, scope) is not None


def test_the_paths_are_read_with_care() -> None:
    read = {path for _, one, _ in SCOPES for path in paths(one)}
    assert {"message.id", "delivery.mailbox", "undelivered.code", "bounce.allowed", "deliveries"} <= read
    scope = get_type_hints(state.Resolved)
    for wrong in ("message.subject", "nothing", "message.id.more", "deliveries.any"):
        with pytest.raises(KeyError):
            at(wrong, scope)


def test_write_mailbox_gets_every_key_and_its_output_is_read() -> None:
    task = MAPS["DeliverToMailboxes"]["ItemProcessor"]["States"]["WriteMailbox"]

    def shape(node: Any) -> Any:
        if is_typeddict(node):
            return {name: shape(kind) for name, kind in get_type_hints(node).items()}
        if isinstance(node, dict):
            return {name.removesuffix(".$"): shape(value) for name, value in node.items()}
        return None

    assert shape(task["Parameters"]["Payload"]) == shape(state.WriteRequest)
    read = {path.removeprefix("$.Payload.") for path in task["ResultSelector"].values()}
    assert read == {*get_type_hints(state.Written)}


def test_items_are_lists_of_typed_keys() -> None:
    for name in ("deliveries", "undelivered", "problems"):
        kind = get_type_hints(state.Resolved)[name]
        assert get_origin(kind) is list
        assert is_typeddict(get_args(kind)[0])
