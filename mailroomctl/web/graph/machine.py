"""States and arrows of a workflow, from its definition in Amazon States Language."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one state to the next; ``errors`` are those of a Catch, empty for the usual way."""

    source: str
    target: str
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """States by name, each with its type; ``inside`` has the workflow of the items of each Map."""

    start: str
    kinds: Mapping[str, str]
    arrows: tuple[Arrow, ...]
    inside: Mapping[str, "Machine"]


def read_machine(definition: Mapping[str, Any]) -> Machine:
    """Read a definition, or that of a Map's items."""
    states: Mapping[str, Any] = definition["States"]
    inside = {
        name: read_machine(state.get("ItemProcessor") or state["Iterator"])
        for name, state in states.items()
        if state["Type"] == "Map"
    }
    arrows = tuple(arrow for name, state in states.items() for arrow in _arrows(name, state))
    return Machine(definition["StartAt"], {name: state["Type"] for name, state in states.items()}, arrows, inside)


def _arrows(name: str, state: Mapping[str, Any]) -> Iterator[Arrow]:
    targets = [state.get("Next"), state.get("Default"), *(choice["Next"] for choice in state.get("Choices", ()))]
    for target in dict.fromkeys(filter(None, targets)):
        yield Arrow(name, target)
    caught: dict[str, list[str]] = {}
    for catcher in state.get("Catch", ()):
        caught.setdefault(catcher["Next"], []).extend(catcher["ErrorEquals"])
    for target, errors in caught.items():
        yield Arrow(name, target, tuple(errors))
