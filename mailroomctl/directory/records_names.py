"""The names under which the records of mailboxes stand: a rename keeps the one that the mailbox was made with.

No two mailboxes share one, or a message for both would count as delivered when one of them has it. And none has the
address that is another's name: who asks for the mail of an address would be told of somebody else's.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailroomctl.addresses import normalised
from mailroomctl.directory.table import DirectoryTable, Item
from mailroomctl.errors import CommandError


@dataclass(frozen=True, slots=True)
class Clash:
    """A mailbox that is called, or has its records, as another one's records are."""

    holder: str
    other: str
    name: str

    def __str__(self) -> str:
        """Say it in a sentence."""
        return (
            f"the records of {self.holder} stand under {self.name}, so {self.other} cannot be a mailbox with that name"
        )


def records_name(item: Item) -> str:
    """Return the name under which a mailbox's records stand."""
    return str(item.get("records_under") or item["address"])


def name_of(table: DirectoryTable, address: str) -> str:
    """Return the name under which the records of an address's mailbox stand; of what is none, the address itself."""
    key = normalised(address)
    item = table.get(key)
    return records_name(item) if item and item["type"] == "mailbox" else key


def renamed(items: Iterable[Item]) -> dict[str, str]:
    """Return the addresses of renamed mailboxes by the names of their records."""
    boxes = (item for item in items if item["type"] == "mailbox")
    return {records_name(item): item["address"] for item in boxes if item.get("records_under")}


def clashes(mailboxes: Iterable[Item]) -> Iterator[Clash]:
    """Find all mailboxes whose address or records' name is that of another one's records."""
    boxes = sorted(mailboxes, key=lambda item: (not item.get("records_under"), item["address"]))
    holders: dict[str, str] = {}
    for item in boxes:
        address, name = item["address"], records_name(item)
        if name in holders:
            yield Clash(holders[name], address, name)
        holders.setdefault(name, address)
    for item in boxes:
        holder = holders.get(item["address"])
        if holder and item["address"] not in (holder, records_name(item)):
            yield Clash(holder, item["address"], item["address"])


def refuse_clash(new: Item, entries: Iterable[Item], *, without: str = "") -> None:
    """Raise ``CommandError`` when ``new`` has a name of another mailbox's records, or the other way round.

    ``without`` is an entry that is about to go. Looks at what is there now, as the check of paths does.
    """
    gone = (new["address"], without)
    others = [item for item in entries if item["type"] == "mailbox" and item["address"] not in gone]
    for clash in clashes([*others, new]):
        if new["address"] in (clash.holder, clash.other):
            raise CommandError(f"{clash}; give the mailbox another address, and make {clash.name} an alias of it.")
