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
from mailroomctl.errors import AlreadyInDirectoryError, CommandError
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
    new = new_forward(stack, table, console, checked_address(address), "alias", targets)
    try:
        item = table.create(new)
    except AlreadyInDirectoryError:
        there = table.get(new["address"]) or {}
        if there.get("type") != "alias":
            raise
        leads_to = enumerate_addresses(list(there["targets"]))
        raise CommandError(
            f"{new['address']} leads to {leads_to} already: mailroomctl alias set {new['address']} --add TARGET."
        ) from None
    console.done(f"added the alias {item['address']} to {enumerate_addresses(item['targets'])}", forward_row(item))


@app.command("set")
@command
def set_targets(
    stack: Stack,
    console: Console,
    address: Address,
    targets: Annotated[
        list[str] | None, typer.Argument(help="Addresses that it leads to from now on.", show_default=False)
    ] = None,
    add_targets: Annotated[
        list[str] | None, typer.Option("--add", help="One more target; repeatable.", show_default=False)
    ] = None,
    remove_targets: Annotated[
        list[str] | None, typer.Option("--remove", help="A target to take away; repeatable.", show_default=False)
    ] = None,
) -> None:
    """Change what an alias leads to: give all targets, or what to --add and --remove."""
    if bool(targets) == bool(add_targets or remove_targets):
        raise CommandError("give all targets, or --add and --remove.")
    table = DirectoryTable(stack)
    seen = table.require(checked_address(address), "alias")
    before = list(seen["targets"])
    wanted = targets or _changed(seen["address"], before, add_targets or [], remove_targets or [])
    item = new_forward(stack, table, console, seen["address"], "alias", wanted)
    if item["targets"] == before:
        console.done(f"the alias {seen['address']} is like that already", forward_row(seen))
        return
    item = table.replace(item, seen)
    console.done(f"the alias {item['address']} leads to {enumerate_addresses(item['targets'])}", forward_row(item))


def _changed(address: str, before: list[str], more: list[str], less: list[str]) -> list[str]:
    gone = [checked_address(one) for one in less]
    if absent := [one for one in gone if one not in before]:
        raise CommandError(f"{enumerate_addresses(absent)}: no target of {address}; nothing was changed.")
    left = [one for one in (*before, *more) if one not in gone]
    if not left:
        raise CommandError(f"{address} would lead nowhere: mailroomctl alias remove {address}.")
    return left


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
