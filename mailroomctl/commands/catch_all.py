"""``mailroomctl catch-all``: who gets the mail to addresses that do not exist."""

from typing import Annotated

import typer
from mailroom.resolve.entries import catch_all_key

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.directory.models import checked_domain
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.directory.targets import enumerate_addresses, forward_row, new_forward, show_all
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Catch-alls: who gets the mail to addresses that do not exist.")

Domain = Annotated[str, typer.Argument(help="Such as example.com.", show_default=False)]


@app.command("set")
@command
def set_targets(
    stack: Stack,
    console: Console,
    domain: Domain,
    targets: Annotated[list[str], typer.Argument(help="Addresses in the directory.", show_default=False)],
) -> None:
    """Set the catch-all of a domain, in the place of the one it may have."""
    table, name = DirectoryTable(stack), checked_domain(domain)
    seen = table.get(catch_all_key(name))
    item = new_forward(stack, table, console, name, "catch_all", targets)
    item = table.replace(item, seen) if seen else table.create(item)
    console.done(f"set the catch-all of {name} to {enumerate_addresses(item['targets'])}", forward_row(item))


@app.command("unset")
@command
def unset(stack: Stack, console: Console, domain: Domain) -> None:
    """Take the catch-all away: mail to unknown addresses of the domain is rejected."""
    table, name = DirectoryTable(stack), checked_domain(domain)
    item = table.require(catch_all_key(name), "catch_all")
    table.delete(item)
    console.done(f"removed the catch-all of {name}", forward_row(item))


@app.command("list")
@command
def list_all(stack: Stack, console: Console) -> None:
    """List the catch-alls."""
    show_all(stack, console, "catch_all", empty="there are no catch-alls")
