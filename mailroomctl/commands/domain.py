"""``mailroomctl domain``: settings for all addresses of a domain."""

from collections import Counter
from typing import Annotated, Any

import typer
from mailroom.domain_names import display_domain
from mailroom.resolve.entries import DEFAULT_SEPARATORS, catch_all_key, domain_key

from mailroomctl.command import command
from mailroomctl.console import Console
from mailroomctl.directory.models import DomainModel, checked, checked_domain, domain_item
from mailroomctl.directory.table import DirectoryTable, Item, usual_domain
from mailroomctl.errors import CommandError
from mailroomctl.options.policy import PolicyOption, parse_policy
from mailroomctl.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Domains: separators of tags, aliases of other domains, policies.")

_MOST_USED = 5  # named when a domain is still used

Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="Such as example.com.", show_default=False)]
Separators = Annotated[
    str | None,
    typer.Option(help="Characters that separate tags; an empty text turns tags off.", show_default=False),
]
AliasOf = Annotated[
    str | None,
    typer.Option(help="Another domain whose addresses this one has too; an empty text unsets.", show_default=False),
]


@app.command("add")
@command
def add(
    stack: Stack,
    console: Console,
    domain: Name,
    separators: Separators = None,
    alias_of: AliasOf = None,
    policy: PolicyOption = None,
) -> None:
    """Make a domain known, with settings; the commands that add addresses make theirs known with the usual ones."""
    table, name = DirectoryTable(stack), checked_domain(domain)
    model = _changed({}, separators, alias_of, policy)
    _refuse_alias_loop(table, name, model)
    item, seen = domain_item(name, model), table.get(domain_key(name))
    # What an address has left there says no more than that the domain is known.
    usual = usual_domain(item["address"])
    only_known = seen is not None and seen == {**usual, "version": seen.get("version")}
    row = _row(table.replace(item, seen) if seen and only_known and item != usual else table.create(item))
    console.done(f"added the domain {row['domain']}", row)
    _warn_unknown(table, console, model)


@app.command("set")
@command
def set_fields(
    stack: Stack,
    console: Console,
    domain: Name,
    separators: Separators = None,
    alias_of: AliasOf = None,
    policy: PolicyOption = None,
) -> None:
    """Change settings; what is not given stays."""
    table, name = DirectoryTable(stack), checked_domain(domain)
    seen = table.require(domain_key(name), "domain")
    model = _changed(seen, separators, alias_of, policy)
    _refuse_alias_loop(table, name, model)
    row = _row(table.replace(domain_item(name, model), seen))
    console.done(f"changed the domain {row['domain']}: {_settings(row)}", row)
    _warn_unknown(table, console, model)


@app.command("show")
@command
def show(stack: Stack, console: Console, domain: Name) -> None:
    """Show the settings of a domain and its catch-all."""
    table, name = DirectoryTable(stack), checked_domain(domain)
    row = _row(table.require(domain_key(name), "domain"))
    catch_all = table.get(catch_all_key(name))
    console.record(row | {"catch_all": catch_all["targets"] if catch_all else []})


@app.command("list")
@command
def list_all(stack: Stack, console: Console) -> None:
    """List every domain that has settings or addresses."""
    settings: dict[str, Item] = {}
    mailboxes, others, catch_alls = Counter[str](), Counter[str](), dict[str, list[str]]()
    for item in DirectoryTable(stack).scan():
        name = item["address"].rpartition("@")[2]
        match item["type"]:
            case "domain":
                settings[name] = item
            case "catch_all":
                catch_alls[name] = item["targets"]
            case "mailbox":
                mailboxes[name] += 1
            case _:
                others[name] += 1
    rows = [
        _row(settings.get(name, {"address": domain_key(name)}))
        | {"mailboxes": mailboxes[name], "aliases_and_groups": others[name], "catch_all": catch_alls.get(name, [])}
        for name in sorted({*settings, *mailboxes, *others, *catch_alls})
    ]
    columns = ("domain", "mailboxes", "aliases_and_groups", "catch_all", "separators", "alias_of", "policy")
    console.table(columns, rows, empty="the directory is empty")


@app.command("remove")
@command
def remove(stack: Stack, console: Console, domain: Name) -> None:
    """Remove a domain without addresses; mail that still arrives for it is held."""
    table, name = DirectoryTable(stack), checked_domain(domain)
    item = table.require(domain_key(name), "domain")
    _refuse_used(table, name)
    table.delete(item)
    try:
        # Somebody may have added an address after the first look; whoever adds one from now on adds the domain.
        _refuse_used(table, name)
    except CommandError:
        table.make_known(item)
        raise
    console.done(f"removed the domain {display_domain(name)}; mail that still arrives for it is held", _row(item))


def _refuse_used(table: DirectoryTable, name: str) -> None:
    """Raise ``CommandError`` when the domain has addresses, or is another's other name."""
    used = []
    for item in table.scan(consistent=True):
        if item["type"] == "domain" and item.get("alias_of") == name:
            used.append(f"the alias domain {display_domain(item['address'].removeprefix('@'))}")
        elif item["address"].rpartition("@")[2] == name and item["address"] != domain_key(name):
            used.append(f"{'the catch-all ' if item['type'] == 'catch_all' else ''}{item['address']}")
    if used:
        shown = ", ".join(sorted(used)[:_MOST_USED])
        more = f" and {len(used) - _MOST_USED} more" if len(used) > _MOST_USED else ""
        raise CommandError(
            f"{display_domain(name)} is still used by {shown}{more}: remove or change that first; nothing was changed."
        )


def _warn_unknown(table: DirectoryTable, console: Console, model: DomainModel) -> None:
    if model.alias_of and table.get(domain_key(model.alias_of)) is None:
        other = display_domain(model.alias_of)
        console.warn(f"the directory does not know {other}; until it does, mail to unknown addresses is held")


def _changed(seen: Item, separators: str | None, alias_of: str | None, policy: list[str] | None) -> DomainModel:
    """The settings of ``seen``, or else the usual ones, with what was given in their place."""
    return checked(
        DomainModel,
        separators=seen.get("separators", DEFAULT_SEPARATORS) if separators is None else separators,
        alias_of=(seen.get("alias_of") if alias_of is None else alias_of) or None,
        policy=parse_policy(policy, seen.get("policy", {})),
    )


def _refuse_alias_loop(table: DirectoryTable, name: str, model: DomainModel) -> None:
    way = [name]
    onward = model.alias_of
    while onward:
        if onward in way:
            raise CommandError(f"the domains would be aliases in a loop: {' → '.join([*way, onward])}.")
        way.append(onward)
        onward = (table.get(domain_key(onward)) or {}).get("alias_of")


def _row(item: Item) -> dict[str, Any]:
    name = item["address"].removeprefix("@")
    return {
        "domain": display_domain(name),
        "separators": item.get("separators", DEFAULT_SEPARATORS),
        "alias_of": item.get("alias_of"),
        "policy": item.get("policy", {}),
        "version": item.get("version", 0),
    }


def _settings(row: dict[str, Any]) -> str:
    policy = ", ".join(f"{name}={value}" for name, value in row["policy"].items()) or "none of its own"
    alias_of = f", alias of {row['alias_of']}" if row["alias_of"] else ""
    return f"separators {row['separators'] or 'none'}{alias_of}, policy {policy}"
