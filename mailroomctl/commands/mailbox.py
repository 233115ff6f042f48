"""``mailroomctl mailbox``: addresses that have a Maildir."""

from typing import Annotated, Any

import typer
from mailroom.domain_names import display_domain

from mailroomctl.command import command
from mailroomctl.console import Console, cell
from mailroomctl.directory.default_paths import warning, with_default_path
from mailroomctl.directory.models import (
    ForwardModel,
    MailboxModel,
    checked,
    checked_address,
    checked_domain,
    forward_item,
    mailbox_item,
)
from mailroomctl.directory.overlaps import path_of, path_template, refuse_overlap
from mailroomctl.directory.records_names import records_name, refuse_clash
from mailroomctl.directory.table import DirectoryTable, Item
from mailroomctl.errors import CommandError
from mailroomctl.options.policy import PolicyOption, parse_policy
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Mailboxes: addresses that have a Maildir.")

Address = Annotated[str, typer.Argument(help="Such as bob@example.com.", show_default=False)]
Path = Annotated[
    str | None, typer.Option(help="Maildir below the mail root; else the stack's template says.", show_default=False)
]
Folders = Annotated[
    bool | None,
    typer.Option("--subaddress-folders/--no-subaddress-folders", help="Mail to user+lists@ goes to the folder lists."),
]


@app.command("add")
@command
def add(
    stack: Stack,
    console: Console,
    address: Address,
    path: Path = None,
    policy: PolicyOption = None,
    subaddress_folders: Folders = False,
    disabled: Annotated[bool, typer.Option("--disabled", help="Reject its mail until it is enabled.")] = False,
) -> None:
    """Add a mailbox."""
    model = checked(
        MailboxModel,
        path=path,
        enabled=not disabled,
        subaddress_folders=bool(subaddress_folders),
        policy=parse_policy(policy, {}),
    )
    table, template = DirectoryTable(stack), path_template(stack)
    item = with_default_path(mailbox_item(checked_address(address), model), template)
    entries = list(table.scan())
    refuse_overlap(item, entries, template)
    refuse_clash(item, entries)
    shown = _shown(table.create(item), template)
    console.done(f"added the mailbox {shown['address']} at {shown['path']}", shown)
    _warn(console, [item], template)


@app.command("show")
@command
def show(stack: Stack, console: Console, address: Address) -> None:
    """Show one mailbox."""
    item, template = DirectoryTable(stack).require(checked_address(address), "mailbox"), path_template(stack)
    console.record(_shown(item, template))
    _warn(console, [item], template)


@app.command("list")
@command
def list_all(
    stack: Stack,
    console: Console,
    domain: Annotated[str | None, typer.Option(help="Only this domain.", show_default=False)] = None,
) -> None:
    """List the mailboxes."""
    template = path_template(stack)
    ending = f"@{checked_domain(domain)}" if domain else ""
    items = [item for item in DirectoryTable(stack).scan() if item["type"] == "mailbox"]
    shown = [item for item in items if item["address"].endswith(ending)]
    shown.sort(key=lambda item: (item["address"].rpartition("@")[2], item["address"]))
    rows = [_shown(item, template) for item in shown]
    columns = ("address", "path", "enabled", "subaddress_folders", "policy")
    where = f" in {display_domain(ending[1:])}" if ending else ""
    console.table(columns, rows, empty=f"there are no mailboxes{where}; add one with: mailroomctl mailbox add ADDRESS")
    _warn(console, shown, template)


@app.command("set")
@command
def set_fields(
    stack: Stack,
    console: Console,
    address: Address,
    path: Path = None,
    policy: PolicyOption = None,
    subaddress_folders: Folders = None,
) -> None:
    """Change settings; what is not given stays. An empty --path goes back to the stack's template."""
    table, template = DirectoryTable(stack), path_template(stack)
    seen = table.require(checked_address(address), "mailbox")
    model = checked(
        MailboxModel,
        path=(seen.get("path") if path is None else path) or None,
        enabled=seen.get("enabled") is not False,
        subaddress_folders=seen.get("subaddress_folders") is True if subaddress_folders is None else subaddress_folders,
        policy=parse_policy(policy, seen.get("policy", {})),
        records_under=seen.get("records_under") or None,
    )
    item = mailbox_item(seen["address"], model) | {"version": seen.get("version", 0)}
    if path == "":
        item = with_default_path(item, template)
    before, shown = _shown(seen, template), _shown(item, template)
    moved = before["path"] != shown["path"]
    if moved:
        refuse_overlap(item, table.scan(), template)
    changed = [f"{name.replace('_', ' ')} {cell(value)}" for name, value in shown.items() if value != before[name]]
    if not changed:
        console.done(f"the mailbox {item['address']} is like that already", before)
        return
    shown = _shown(table.replace(item, seen), template)
    console.done(f"changed the mailbox {item['address']}: {', '.join(changed)}", shown)
    if moved:
        console.warn(f"mail already delivered stays at {before['path']}; move it yourself")
        _warn(console, [item], template)


@app.command("disable")
@command
def disable(stack: Stack, console: Console, address: Address) -> None:
    """Reject mail to a mailbox; nothing else changes, and no catch-all gets it."""
    _switch(stack, console, address, enabled=False)


@app.command("enable")
@command
def enable(stack: Stack, console: Console, address: Address) -> None:
    """Deliver mail to a mailbox again."""
    _switch(stack, console, address, enabled=True)


@app.command("rename")
@command
def rename(
    stack: Stack,
    console: Console,
    address: Address,
    new_address: Annotated[str, typer.Argument(metavar="NEW-ADDRESS", show_default=False)],
    no_alias: Annotated[
        bool, typer.Option("--no-alias", help="Give the old address up; else it becomes an alias of the new one.")
    ] = False,
) -> None:
    """Give a mailbox another address. Its Maildir stays where it is, and mail to the old address arrives there too.

    Its records stay under the address that it was made with, and new ones go there too: a message that is redelivered
    or replayed afterwards makes no second copy. While the mailbox is there, no other one can have that address.
    """
    table, template = DirectoryTable(stack), path_template(stack)
    seen = table.require(checked_address(address), "mailbox")
    new = checked_address(new_address)
    if new == seen["address"]:
        raise CommandError(f"{new} is its address already.")
    # Written down, so that no template leads elsewhere.
    fields = {name: value for name, value in seen.items() if name not in ("version", "records_under")}
    item = {**fields, "address": new, "path": path_of(seen, template)}
    if (name := records_name(seen)) != new:
        item["records_under"] = name
    refuse_clash(item, table.scan(), without=seen["address"])
    item = table.create(item)
    # From here on mail to the new address arrives; until the next write so does mail to the old one, in the same place.
    if no_alias:
        table.delete(seen)
        was = f"{seen['address']} is gone"
    else:
        table.replace(forward_item(seen["address"], "alias", checked(ForwardModel, targets=[new])), seen)
        was = f"{seen['address']} is an alias of it"
    shown = _shown(item, template)
    console.done(f"renamed the mailbox to {new}, at {shown['path']}; {was}", shown)
    if no_alias:
        _warn_leads_to(console, table, seen["address"])
    _warn(console, [item], template)


@app.command("remove")
@command
def remove(stack: Stack, console: Console, address: Address) -> None:
    """Remove a mailbox from the directory; its mail stays on disk."""
    table, template = DirectoryTable(stack), path_template(stack)
    item = table.require(checked_address(address), "mailbox")
    table.delete(item)
    shown = _shown(item, template)
    console.done(f"removed the mailbox {item['address']}; its mail is still at {shown['path']}", shown)
    _warn_leads_to(console, table, item["address"])


def _warn_leads_to(console: Console, table: DirectoryTable, address: str) -> None:
    for other in table.scan():
        if address in other.get("targets", ()):
            console.warn(f"the {other['type'].replace('_', '-')} {other['address']} still leads to {address}")


def _switch(stack: Stack, console: Console, address: str, *, enabled: bool) -> None:
    table, template = DirectoryTable(stack), path_template(stack)
    seen = table.require(checked_address(address), "mailbox")
    word = "enabled" if enabled else "disabled"
    if (seen.get("enabled") is not False) == enabled:
        console.done(f"the mailbox {seen['address']} was {word} already", _shown(seen, template))
        return
    item = table.replace({**seen, "enabled": enabled}, seen)
    console.done(f"{word} the mailbox {item['address']}", _shown(item, template))


def _warn(console: Console, items: list[Item], template: str) -> None:
    if text := warning(items, template):
        console.warn(text)


def _shown(item: Item, template: str) -> dict[str, Any]:
    try:
        path = path_of(item, template)
    except CommandError as error:
        path = f"unusable: {error}"
    return {
        "address": item["address"],
        "path": path,
        "enabled": item.get("enabled") is not False,
        "subaddress_folders": item.get("subaddress_folders") is True,
        "policy": item.get("policy", {}),
        **({"records_under": name} if (name := records_name(item)) != item["address"] else {}),
        "version": item.get("version", 0),
    }
