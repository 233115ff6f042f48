"""The whole directory as one YAML file that people read and change."""

from collections.abc import Iterable
from typing import Annotated, Any, TextIO

import yaml
from mailroom.domain_names import display_domain
from mailroom.resolve.entries import DEFAULT_SEPARATORS
from pydantic import BeforeValidator, Field, ValidationError

from mailroomctl.directory.models import (
    AddressText,
    DomainModel,
    DomainText,
    ForwardKind,
    ForwardModel,
    MailboxModel,
    Model,
    Targets,
    domain_item,
    explain_error,
    forward_item,
    mailbox_item,
)
from mailroomctl.directory.table import Item
from mailroomctl.errors import CommandError

_MOST_ERRORS = 10  # shown of one entry

_HEADER = """\
# The directory of Mailroom. Change it and bring it back with: mailroomctl directory import FILE --dry-run
"""


def _or_empty(value: Any) -> Any:
    """A key with nothing behind it, such as ``bob@example.com:``, has all the usual settings."""
    return {} if value is None else value


_Section = BeforeValidator(_or_empty)


class DirectoryModel(Model):
    """The file's sections; each may be missing."""

    domains: Annotated[dict[DomainText, Annotated[DomainModel, _Section]], _Section] = Field(default_factory=dict)
    mailboxes: Annotated[dict[AddressText, Annotated[MailboxModel, _Section]], _Section] = Field(default_factory=dict)
    aliases: Annotated[dict[AddressText, Targets], _Section] = Field(default_factory=dict)
    groups: Annotated[dict[AddressText, Targets], _Section] = Field(default_factory=dict)
    catch_alls: Annotated[dict[DomainText, Targets], _Section] = Field(default_factory=dict)


def to_items(model: DirectoryModel) -> list[Item]:
    """Return the items in the order in which they are written: what others lead to goes first."""
    forwards: tuple[tuple[ForwardKind, dict[str, list[str]]], ...] = (
        ("alias", model.aliases),
        ("group", model.groups),
        ("catch_all", model.catch_alls),
    )
    return [
        *(domain_item(name, one) for name, one in model.domains.items()),
        *(mailbox_item(address, one) for address, one in model.mailboxes.items()),
        *(
            forward_item(address, kind, ForwardModel.model_construct(targets=targets))
            for kind, section in forwards
            for address, targets in section.items()
        ),
    ]


def write_file(items: Iterable[Item], stream: TextIO) -> None:
    """Write canonical items, sorted, so that two exports can be compared line by line."""
    sections: dict[str, dict[str, Any]] = {name: {} for name in DirectoryModel.model_fields}
    for item in sorted(items, key=lambda one: (one["address"].rpartition("@")[2], one["address"])):
        name = display_domain(item["address"].rpartition("@")[2])
        address = f"{item['address'].rpartition('@')[0]}@{name}"
        match item["type"]:
            case "domain":
                fields = {"separators": item["separators"]} if item["separators"] != DEFAULT_SEPARATORS else {}
                sections["domains"][name] = fields | _optional(item, "alias_of", "policy")
            case "mailbox":
                fields = _optional(item, "path") | ({} if item["enabled"] else {"enabled": False})
                sections["mailboxes"][address] = fields | _optional(
                    item, "subaddress_folders", "policy", "records_under"
                )
            case "alias":
                sections["aliases"][address] = _displayed(item["targets"])
            case "group":
                sections["groups"][address] = _displayed(item["targets"])
            case _:
                sections["catch_alls"][name] = _displayed(item["targets"])
    stream.write(_HEADER)
    for section, entries in sections.items():
        if entries:
            stream.write("\n")
            yaml.dump({section: entries}, stream, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=2**20)


def canonical(item: Item) -> Item:
    """Return a table item as the models write it, without version; raises ``CommandError`` for one that is wrong."""
    fields = {name: value for name, value in item.items() if name not in ("address", "type", "version")}
    key = item["address"]
    section, name = {
        "domain": ("domains", key.removeprefix("@")),
        "mailbox": ("mailboxes", key),
        "alias": ("aliases", key),
        "group": ("groups", key),
        "catch_all": ("catch_alls", key.removeprefix("*@")),
    }.get(item.get("type", ""), ("", ""))
    if not section:
        raise CommandError(f"{key}: its type is {item.get('type')!r}.")
    value: Any = fields
    if section in ("aliases", "groups", "catch_alls"):
        targets = fields.pop("targets", [])
        value = sorted(targets) if isinstance(targets, set) else targets
        if fields:
            raise CommandError(f"{key}: it has the unknown field {next(iter(fields))}.")
    try:
        [result] = to_items(DirectoryModel.model_validate({section: {name: value}}))
    except ValidationError as error:
        raise CommandError(_explain(error)) from None
    if result["address"] != key:
        raise CommandError(f"{key}: no mail can find it, its normalised key is {result['address']}.")
    return result


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Never writes anchors: a reader should not have to know them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _displayed(addresses: Iterable[str]) -> list[str]:
    """Write the domains as people do, as everywhere in the file."""
    parts = (address.rpartition("@") for address in addresses)
    return [f"{local_part}@{display_domain(domain)}" for local_part, _, domain in parts]


def _optional(item: Item, *names: str) -> Item:
    return {name: item[name] for name in names if item.get(name)}


def _explain(error: ValidationError) -> str:
    errors = error.errors()
    shown = "; ".join(explain_error(one) for one in errors[:_MOST_ERRORS])
    more = len(errors) - _MOST_ERRORS
    return f"{shown}; and {more} more." if more > 0 else f"{shown}."
