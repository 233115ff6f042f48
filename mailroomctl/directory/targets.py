"""What alias, group and catch-all commands share: an entry that leads to other addresses."""

from mailroom.resolve.expansion import expand, walk
from mailroom.resolve.problems import Kind, Problem

from mailroomctl.console import Console
from mailroomctl.directory.models import ForwardKind, ForwardModel, checked, checked_address, forward_item
from mailroomctl.directory.overlay import table_with
from mailroomctl.directory.table import DirectoryTable, Item
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

_LIMIT = 100_000  # addresses; whether a message may lead to so many is decided when one arrives


def new_forward(
    stack: Stack, table: DirectoryTable, console: Console, address: str, kind: ForwardKind, targets: list[str]
) -> Item:
    """Build an entry; raises ``CommandError`` for one that would close a loop, warns of targets that lead nowhere."""
    item = forward_item(address, kind, checked(ForwardModel, targets=targets))
    # A catch-all's key is looked up like the address *@domain that it looks like.
    start = item["address"]
    found = expand([start], table_with(stack, table, item, table.domain_of(start)), _LIMIT)
    for problem in walk(start, found).problems:
        if problem.endless:
            raise CommandError(f"{problem.reason}; nothing was changed.")
        console.warn(f"{problem.met_at}: {_text(problem)}" if problem.met_at else problem.text)
    return item


def _text(problem: Problem) -> str:
    """An address elsewhere looks like a typing error, and is none: people expect that mail is sent on."""
    if problem.kind in (Kind.UNKNOWN, Kind.UNKNOWN_DOMAIN):
        return f"not in the directory ({problem.text}); Mailroom does not forward mail elsewhere"
    return problem.text


def forward_row(item: Item) -> Item:
    """Return what is shown of an entry."""
    return {
        "address": item["address"],
        "type": item["type"].replace("_", "-"),
        "targets": item.get("targets", []),  # an entry that was written by hand may lack them
        "version": item.get("version", 0),
    }


def show_one(stack: Stack, console: Console, address: str, kind: ForwardKind) -> None:
    """Show the entry of an address; raises ``CommandError`` when it has none of that kind."""
    console.record(forward_row(DirectoryTable(stack).require(checked_address(address), kind)))


def show_all(stack: Stack, console: Console, kind: ForwardKind, *, empty: str) -> None:
    """List all entries of a kind."""
    entries = (item for item in DirectoryTable(stack).scan() if item["type"] == kind)
    rows = sorted(map(forward_row, entries), key=lambda row: row["address"])
    console.table(("address", "targets"), rows, empty=empty)


def remove_one(stack: Stack, console: Console, address: str, kind: ForwardKind) -> None:
    """Remove the entry of an address; raises ``CommandError`` when it has none of that kind."""
    table = DirectoryTable(stack)
    item = table.require(checked_address(address), kind)
    table.delete(item)
    console.done(f"removed the {kind} {item['address']}", forward_row(item))


def enumerate_addresses(addresses: list[str]) -> str:
    """Put a few addresses, or the number of many, into a sentence."""
    return ", ".join(addresses) if len(addresses) <= 5 else f"{len(addresses)} addresses"
