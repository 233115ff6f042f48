"""No two mailboxes in one place, and none inside another: Dovecot would show one user the other's mail."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailroom.addresses import parse
from mailroom.errors import InvalidAddress, MailboxPathRejected
from mailroom.mailbox_paths import DEFAULT_TEMPLATE, mailbox_path

from mailroomctl.directory.table import Item
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two mailboxes that cannot both be."""

    first: str
    second: str
    path: str
    other_path: str

    def __str__(self) -> str:
        """Say it in a sentence."""
        if self.path == self.other_path:
            return f"{self.first} and {self.second} have the same path {self.path}"
        inner, outer = (self.first, self.second) if len(self.path) > len(self.other_path) else (self.second, self.first)
        paths = sorted((self.path, self.other_path), key=len)
        return f"the path of {inner}, {paths[1]}, is inside the mailbox {outer}, {paths[0]}"


def path_template(stack: Stack) -> str:
    """Return the template that the deployed stack fills for mailboxes without a path of their own."""
    return stack.parameter("MailboxPathTemplate", DEFAULT_TEMPLATE)


def path_of(item: Item, template: str) -> str:
    """Return where a mailbox lies, or raise ``CommandError``."""
    try:
        return mailbox_path(parse(item["address"]), item.get("path"), template)
    except (InvalidAddress, MailboxPathRejected) as error:
        raise CommandError(f"{item['address']}: {error}.") from None


def overlaps(mailboxes: Iterable[Item], template: str) -> list[Overlap]:
    """Find all mailboxes that share a path or lie in one another; entries without a usable path are left out."""
    places: dict[str, str] = {}
    found: list[Overlap] = []
    for item in mailboxes:
        try:
            path = path_of(item, template)
        except CommandError:
            continue
        if path in places:
            found.append(Overlap(places[path], item["address"], path, path))
        else:
            places[path] = item["address"]
    for path, address in places.items():
        found += [Overlap(places[outer], address, outer, path) for outer in _parents(path) if outer in places]
    return found


def refuse_overlap(new: Item, entries: Iterable[Item], template: str) -> None:
    """Raise ``CommandError`` when the path of ``new`` is taken, inside a mailbox, or around one.

    Looks at what is there now: two operators who add two mailboxes with one path in the same second both succeed, and
    ``mailroomctl directory check`` shows it.
    """
    path = path_of(new, template)
    outside = {path, *_parents(path)}
    for item in entries:
        if item["type"] != "mailbox" or item["address"] == new["address"]:
            continue
        try:
            other = path_of(item, template)
        except CommandError:
            continue
        if other in outside or other.startswith(f"{path}/"):
            raise CommandError(f"{Overlap(item['address'], new['address'], other, path)}; choose another --path.")


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]
