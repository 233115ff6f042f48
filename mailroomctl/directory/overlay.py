"""Entries in memory in front of the table, or instead of it: to ask what would be before it is."""

from collections.abc import Iterable, Mapping

from mailroom.resolve.directory import Directory
from mailroom.resolve.entries import Entry, parse_entry

from mailroomctl.directory.table import DirectoryTable, Item
from mailroomctl.stack import Stack


class EntriesInMemory:
    """Look-ups for ``mailroom.resolve.expansion``; with no table behind, other keys have no entry."""

    def __init__(self, items: Iterable[Item], behind: Directory | None = None) -> None:
        """Read the items once."""
        self._entries: dict[str, Entry] = {item["address"]: parse_entry(item) for item in items}
        self._behind = behind

    def remembered(self, keys: Iterable[str]) -> Mapping[str, Entry | None]:
        """Return what is in memory."""
        return {key: self._entries[key] for key in keys if key in self._entries}

    def read(self, keys: Iterable[str]) -> Mapping[str, Entry | None]:
        """Return the rest, from the table or as absent."""
        wanted = list(keys)
        return self._behind.read(wanted) if self._behind else dict.fromkeys(wanted)


def table_with(stack: Stack, table: DirectoryTable, *items: Item) -> EntriesInMemory:
    """Return the table as it would be with ``items`` written."""
    return EntriesInMemory(items, Directory(table.name, stack.dynamodb))
