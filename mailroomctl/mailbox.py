"""``mailroomctl mailbox``: addresses that have a Maildir."""

from typing import Annotated, Any

import typer

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.directory_table import DirectoryTable, Item
from mailroomctl.errors import CommandError
from mailroomctl.mailbox_paths import path_of, path_template, refuse_overlap
from mailroomctl.model import MailboxModel, checked, checked_address, mailbox_item
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Mailboxes: addresses that have a Maildir.")

Address = Annotated[str, typer.Argument(help="Such as bob@example.com.", show_default=False)]
Path = Annotated[
    str | None, typer.Option(help="Maildir below the mail root; else the stack's template says.", show_default=False)
]
Policy = Annotated[
    list[str] | None,
    typer.Option("--policy", help="Such as spam_fail=reject; repeatable. An empty value unsets.", show_default=False),
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
    policy: Policy = None,
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
    item = mailbox_item(checked_address(address), model)
    refuse_overlap(item, table.scan(), template)
    shown = _shown(table.create(item), template)
    console.done(f"added the mailbox {shown['address']} at {shown['path']}", shown)


@app.command("show")
@command
def show(stack: Stack, console: Console, address: Address) -> None:
    """Show one mailbox."""
    item = DirectoryTable(stack).require(checked_address(address), "mailbox")
    console.record(_shown(item, path_template(stack)))


@app.command("list")
@command
def list_all(
    stack: Stack,
    console: Console,
    domain: Annotated[str | None, typer.Option(help="Only this domain.", show_default=False)] = None,
) -> None:
    """List the mailboxes."""
    template = path_template(stack)
    ending = f"@{domain.lower()}" if domain else ""
    items = [item for item in DirectoryTable(stack).scan() if item["type"] == "mailbox"]
    rows = [_shown(item, template) for item in items if item["address"].endswith(ending)]
    rows.sort(key=lambda row: (row["address"].rpartition("@")[2], row["address"]))
    columns = ("address", "path", "enabled", "subaddress_folders", "policy")
    console.table(columns, rows, empty="there are no mailboxes; add one with: mailroomctl mailbox add ADDRESS")


@app.command("remove")
@command
def remove(stack: Stack, console: Console, address: Address) -> None:
    """Remove a mailbox from the directory; its mail stays on disk."""
    table, template = DirectoryTable(stack), path_template(stack)
    item = table.require(checked_address(address), "mailbox")
    table.delete(item)
    shown = _shown(item, template)
    console.done(f"removed the mailbox {item['address']}; its mail is still at {shown['path']}", shown)


def parse_policy(given: list[str] | None, before: dict[str, str]) -> dict[str, str]:
    """Apply ``NAME=VALUE`` settings to a policy; an empty value takes the setting away."""
    policy = dict(before)
    for one in given or []:
        name, equals, value = one.partition("=")
        if not equals:
            raise CommandError(f"--policy {one}: write it as NAME=VALUE, such as spam_fail=reject.")
        policy[name] = value
        if not value:
            del policy[name]
    return policy


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
        "version": item.get("version", 0),
    }
