"""``mailroomctl alias``: addresses that lead to other addresses."""

from typing import Annotated

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.directory.models import checked_address
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.directory.targets import (
    enumerate_addresses,
    forward_row,
    new_forward,
    remove_one,
    show_all,
    show_one,
)
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Aliases: other names of a mailbox, or of several.")

Address = Annotated[str, typer.Argument(help="Such as info@example.com.", show_default=False)]


@app.command("add")
@command
def add(
    stack: Stack,
    console: Console,
    address: Address,
    targets: Annotated[list[str], typer.Argument(help="Addresses that it leads to.", show_default=False)],
) -> None:
    """Add an alias."""
    table = DirectoryTable(stack)
    item = table.create(new_forward(stack, table, console, checked_address(address), "alias", targets))
    console.done(f"added the alias {item['address']} to {enumerate_addresses(item['targets'])}", forward_row(item))


@app.command("show")
@command
def show(stack: Stack, console: Console, address: Address) -> None:
    """Show one alias."""
    show_one(stack, console, address, "alias")


@app.command("list")
@command
def list_all(stack: Stack, console: Console) -> None:
    """List the aliases."""
    show_all(stack, console, "alias", empty="there are no aliases")


@app.command("remove")
@command
def remove(stack: Stack, console: Console, address: Address) -> None:
    """Remove an alias; what it leads to stays."""
    remove_one(stack, console, address, "alias")
