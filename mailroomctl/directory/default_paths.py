"""Mailboxes whose path nobody chose: what it is, what is written of it, and whether Dovecot looks there too."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from mailroom.addresses import parse
from mailroom.errors import InvalidAddress, MailboxPathRejected
from mailroom.mailbox_paths import default_path, dovecot_path, mailbox_path

from mailroomctl.directory.overlaps import path_of
from mailroomctl.directory.table import Item
from mailroomctl.errors import CommandError

_SHOWN = 5  # mailboxes in one warning


def with_default_path(item: Item, template: str) -> Item:
    """Return a new mailbox with the path that the template gives it, when it has none of its own.

    The path is written into the entry only where an entry without one would mean another; so most follow the template.
    Raises ``CommandError`` for a path that cannot be.
    """
    if item["type"] != "mailbox" or item.get("path"):
        return item
    path = _default(item, template)
    try:
        return item if path_of(item, template) == path else {**item, "path": path}
    except CommandError:
        return {**item, "path": path}


def with_present_paths(wanted: Iterable[Item], present: Iterable[Item], template: str) -> list[Item]:
    """Return a file's items, of which a mailbox without a path stays where it is if the template put it there."""
    seen = {item["address"]: item for item in present if item.get("type") == "mailbox"}
    return [_with_present_path(item, seen, template) for item in wanted]


def by_old_rule(item: Item, template: str) -> str | None:
    """Return the path of a mailbox whose entry has none and which a new mailbox would not get; else ``None``."""
    if item.get("type") != "mailbox" or item.get("path"):
        return None
    try:
        path = mailbox_path(parse(item["address"]), None, template)
    except (InvalidAddress, MailboxPathRejected):
        return None
    try:
        return None if path == _default(item, template) else path
    except CommandError:
        return path


def dovecot_looks_in(item: Item, template: str) -> str | None:
    """Return where Dovecot's ``%d`` and ``%n`` would look for a mailbox, when it is not there; else ``None``.

    ``None`` also for a path that somebody chose: they have told Dovecot, or left the template on purpose.
    """
    try:
        path = path_of(item, template)
        looks_in = dovecot_path(parse(item["address"]), template)
    except (CommandError, InvalidAddress):
        return None
    return looks_in if path != looks_in and path in _from_template(item, template) else None


def warning(items: Iterable[Item], template: str) -> str | None:
    """Say in one sentence which mailboxes Dovecot does not look for where they are, and what helps; or ``None``."""
    elsewhere = [(item, looks_in) for item in items if (looks_in := dovecot_looks_in(item, template))]
    if not elsewhere:
        return None
    if len(elsewhere) == 1:
        [(item, looks_in)] = elsewhere
        return f"{item['address']} is at {path_of(item, template)}, but {advice(looks_in)}"
    names = ", ".join(item["address"] for item, _ in elsewhere[:_SHOWN])
    more = f" and {len(elsewhere) - _SHOWN} more" if len(elsewhere) > _SHOWN else ""
    return f"Dovecot's %d and %n do not lead to {names}{more}; give Dovecot their homes, or choose a --path for each"


def advice(looks_in: str) -> str:
    """Say where Dovecot looks, and what helps."""
    return f"Dovecot's %d and %n lead to {looks_in}; give Dovecot its home, or choose another --path"


def _with_present_path(item: Item, seen: Mapping[str, Item], template: str) -> Item:
    if item["type"] != "mailbox" or item.get("path"):
        return item
    there = seen.get(item["address"])
    if there and (not there.get("path") or there["path"] in _from_template(there, template)):
        return {**item, "path": there["path"]} if there.get("path") else item
    return with_default_path(item, template)


def _default(item: Item, template: str) -> str:
    try:
        return default_path(parse(item["address"]), template)
    except (InvalidAddress, MailboxPathRejected) as error:
        raise CommandError(f"{item['address']}: {error}.") from None


def _from_template(item: Item, template: str) -> set[str]:
    """Return the paths that one rule or the other makes of the template."""
    address = parse(item["address"])
    found: set[str] = set()
    with suppress(MailboxPathRejected):
        found.add(default_path(address, template))
    with suppress(MailboxPathRejected):
        found.add(mailbox_path(address, None, template))
    return found
