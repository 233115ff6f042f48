"""``mailroomctl group``: addresses that lead to their members."""

from typing import Annotated

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.directory.models import ForwardModel, checked, checked_address
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.directory.targets import (
    enumerate_addresses,
    forward_row,
    new_forward,
    remove_one,
    show_all,
    show_one,
)
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Groups: addresses that lead to all their members.")

Address = Annotated[str, typer.Argument(help="Such as all@example.com.", show_default=False)]
Members = Annotated[list[str], typer.Argument(help="Addresses in the directory.", show_default=False)]


@app.command("add-member")
@command
def add_member(stack: Stack, console: Console, address: Address, members: Members) -> None:
    """Add members; a group that does not exist is created."""
    table, key = DirectoryTable(stack), checked_address(address)
    seen = table.get(key)
    if seen is None:
        item = table.create(new_forward(stack, table, console, key, "group", members))
        console.done(f"added the group {key} with {enumerate_addresses(item['targets'])}", forward_row(item))
        return
    before = table.expect(seen, "group")["targets"]
    given = checked(ForwardModel, targets=members).targets
    new = [member for member in given if member not in before]
    if not new:
        console.done(f"{key} had {enumerate_addresses(given)} already; nothing was changed", forward_row(seen))
        return
    item = table.replace(new_forward(stack, table, console, key, "group", [*before, *new]), seen)
    console.done(f"added {enumerate_addresses(new)} to the group {key}", forward_row(item))


@app.command("remove-member")
@command
def remove_member(stack: Stack, console: Console, address: Address, members: Members) -> None:
    """Remove members; a group without its last member is removed too."""
    table, key = DirectoryTable(stack), checked_address(address)
    seen = table.require(key, "group")
    given = checked(ForwardModel, targets=members).targets
    if absent := [member for member in given if member not in seen["targets"]]:
        raise CommandError(f"{enumerate_addresses(absent)}: not in the group {key}; nothing was changed.")
    left = [target for target in seen["targets"] if target not in given]
    if not left:
        table.delete(seen)
        console.done(f"removed the group {key} with its last members", forward_row({**seen, "targets": []}))
        return
    item = table.replace(new_forward(stack, table, console, key, "group", left), seen)
    console.done(f"removed {enumerate_addresses(given)} from the group {key}", forward_row(item))


@app.command("show")
@command
def show(stack: Stack, console: Console, address: Address) -> None:
    """Show one group."""
    show_one(stack, console, address, "group")


@app.command("list")
@command
def list_all(stack: Stack, console: Console) -> None:
    """List the groups."""
    show_all(stack, console, "group", empty="there are no groups")


@app.command("remove")
@command
def remove(stack: Stack, console: Console, address: Address) -> None:
    """Remove a group; its members stay."""
    remove_one(stack, console, address, "group")
