"""Read the directory's YAML file entry by entry, so that every mistake in it is told at once, with its line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import yaml
from pydantic import ValidationError

from mailroomctl.directory.models import explain_error
from mailroomctl.directory.table import Item
from mailroomctl.directory.yaml_file import DirectoryModel, canonical, to_items
from mailroomctl.errors import CommandError

_ORDER = ("domain", "mailbox", "alias", "group", "catch_all")
"""Kinds of items as they are written: what others lead to goes first."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong in a file: the line, from 1, and what, with the entry."""

    line: int
    text: str

    def __str__(self) -> str:
        """Say where and what."""
        return f"line {self.line}: {self.text}"


@dataclass(slots=True)
class File:
    """What a file says: the items that are right, without versions, and every mistake."""

    items: list[Item] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    """The line of each item, by its key."""


def read_file(stream: TextIO) -> File:
    """Read a file, entry by entry; raises ``CommandError`` for one that cannot be read as a whole."""
    loader = _Loader(stream)
    try:
        node = loader.get_single_node()
        if isinstance(node, yaml.MappingNode) and [key.value for key, _ in node.value] == ["entries"]:
            return _read_exported(loader.construct_document(node))
        return _read_sections(loader, node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CommandError(f"the file is not YAML: {_first_words(error)}") from None
    finally:
        loader.dispose()


def _read_sections(loader: Any, node: yaml.Node | None) -> File:
    names = ", ".join(DirectoryModel.model_fields)
    if node is None:
        raise CommandError(f"the file is empty; it may have the sections {names}.")
    if not isinstance(node, yaml.MappingNode):
        raise CommandError(f"the file has no sections; it may have {names}.")
    file = File()
    seen: dict[str, tuple[str, str]] = {}
    for key_node, section_node in node.value:
        section = str(key_node.value)
        if section not in DirectoryModel.model_fields:
            file.mistakes.append(Mistake(_line(key_node), f"there is no section {section}; there are {names}."))
        elif isinstance(section_node, yaml.MappingNode):
            for name_node, value_node in section_node.value:
                _read_entry(loader, file, seen, section, name_node, value_node)
        elif section_node.value:
            file.mistakes.append(Mistake(_line(key_node), f"{section} holds no entries, such as NAME: VALUE."))
    order = {kind: number for number, kind in enumerate(_ORDER)}
    file.items.sort(key=lambda item: order[item["type"]])
    return file


def _read_entry(
    loader: Any, file: File, seen: dict[str, tuple[str, str]], section: str, name_node: yaml.Node, value_node: yaml.Node
) -> None:
    """Take one entry, or note what is wrong with it."""
    line = _line(name_node)
    twice = keys_twice(value_node)  # before a merge key, <<, is resolved in place
    name = loader.construct_object(name_node, deep=True)
    value = loader.construct_object(value_node, deep=True)
    try:
        [item] = to_items(DirectoryModel.model_validate({section: {name: value}}))
    except ValidationError as error:
        file.mistakes += [
            Mistake(_line_of(value_node, one["loc"]) or line, f"{explain_error(one)}.") for one in error.errors()
        ]
        return
    except TypeError:
        file.mistakes.append(Mistake(line, f"{section}: {name} cannot be a name."))
        return
    for key in twice:
        file.mistakes.append(Mistake(_line(key), f"{section}.{name}.{key.value} is there twice."))
    before = seen.setdefault(item["address"], (section, str(name)))
    if item["address"] in file.lines:
        file.mistakes.append(Mistake(line, _there_already(section, str(name), before, file.lines[item["address"]])))
        return
    file.lines[item["address"]] = line
    file.items.append(item)


def _there_already(section: str, name: str, before: tuple[str, str], line: int) -> str:
    """One address is one entry, however it is spelled, and in one section only."""
    if section != before[0]:
        return f"{name} is in the sections {before[0]} (line {line}) and {section}; it can be in one only."
    if name == before[1]:
        return f"{section}: {name} is there twice, also in line {line}."
    return f"{section}: {name} is there already, spelled {before[1]} in line {line}."


def _read_exported(content: Any) -> File:
    """Read what ``directory export --json`` writes: items with their keys."""
    entries = content["entries"]
    file = File()
    for number, item in enumerate(entries if isinstance(entries, list) else (), 1):
        try:
            if not (isinstance(item, dict) and isinstance(item.get("address"), str)):
                raise CommandError("it has no address.")
            file.items.append(canonical(item))
        except CommandError as error:
            file.mistakes.append(Mistake(1, f"entry {number}: {error}"))
    return file


def _first_words(error: Exception) -> str:
    """Where and what, without the excerpt that PyYAML draws over several lines."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return str(error)
    return f"line {mark.line + 1}: {getattr(error, 'problem', None) or error}."


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _line_of(node: yaml.Node, place: Sequence[Any]) -> int | None:
    """The line of what is wrong within an entry: of a setting, or of a target in a list."""
    name = next((one for one in place[2:] if one not in ("targets", "[key]")), None)
    if isinstance(node, yaml.MappingNode):
        return next((_line(key) for key, _ in node.value if key.value == name), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(name, int) and name < len(node.value):
        return _line(node.value[name])
    return None


def keys_twice(node: yaml.Node) -> list[yaml.Node]:
    """Return the keys of a mapping, and of those in it, that are not the first of their name.

    YAML itself would silently take the last.
    """
    found: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                found.append(key)
            seen.add(str(key.value))
            found += keys_twice(value)
    return found


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Takes what looks like a date for a text."""


_Loader.yaml_implicit_resolvers = {
    first: [one for one in resolvers if one[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
