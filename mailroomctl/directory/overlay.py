"""Entries in memory in front of the table, or instead of it: to ask what would be before it is."""

from collections.abc import Iterable, Mapping

from mailroom.resolve.directory import Directory
from mailroom.resolve.entries import ANY_DOMAIN, Domain, Entry, parse_entry

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

    def read(self, keys: Iterable[str], *, consistent: bool = False) -> Mapping[str, Entry | None]:
        """Return what is in memory, and the rest from the table or as absent."""
        wanted = list(keys)
        have = dict(self.remembered(wanted))
        if ANY_DOMAIN in wanted and any(key.startswith("@") for key in self._entries):
            have[ANY_DOMAIN] = Domain(ANY_DOMAIN)
        rest = [key for key in wanted if key not in have]
        if not rest:
            return have
        return have | (dict(self._behind.read(rest, consistent=consistent)) if self._behind else dict.fromkeys(rest))


def table_with(stack: Stack, table: DirectoryTable, *items: Item) -> EntriesInMemory:
    """Return the table as it would be with ``items`` written."""
    return EntriesInMemory(items, Directory(table.name, stack.dynamodb))
