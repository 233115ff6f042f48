"""``mailroomctl alias``: addresses that lead to other addresses."""

from typing import Annotated

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.directory.models import checked_address
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.directory.targets import enumerate_addresses, forward_row, new_forward, show_all
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
    console.record(forward_row(DirectoryTable(stack).require(checked_address(address), "alias")))


@app.command("list")
@command
def list_all(stack: Stack, console: Console) -> None:
    """List the aliases."""
    show_all(console, DirectoryTable(stack), "alias", empty="there are no aliases")


@app.command("remove")
@command
def remove(stack: Stack, console: Console, address: Address) -> None:
    """Remove an alias; what it leads to stays."""
    table = DirectoryTable(stack)
    item = table.require(checked_address(address), "alias")
    table.delete(item)
    console.done(f"removed the alias {item['address']}", forward_row(item))
