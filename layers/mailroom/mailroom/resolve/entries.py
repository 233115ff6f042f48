"""What the directory holds: one entry for one key.

The key is a normalised address, ``@domain`` for a domain's settings, or ``*@domain`` for its catch-all. An entry that
somebody wrote manually and got wrong becomes a ``Broken`` entry with a reason: it must not stop a message to others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT_SEPARATORS = "+"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with a Maildir."""

    address: str
    path: str | None = None
    """Relative to the mail root; ``None`` means: from the stack's template."""
    enabled: bool = True
    policy: Mapping[str, str] = field(default_factory=dict)
    subaddress_folders: bool = False
    """Whether mail to ``user+lists@`` goes to the folder ``lists`` when that exists."""
    records_under: str | None = None
    """Its first address, under which its records stand; ``None`` where that is its address."""

    @property
    def records_name(self) -> str:
        """The name of this mailbox in the records of deliveries: a rename does not change it."""
        return self.records_under or self.address


@dataclass(frozen=True, slots=True)
class Forward:
    """An alias, a group or a catch-all: leads to other addresses of the directory."""

    address: str
    kind: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """Settings of one domain."""

    address: str
    separators: str = DEFAULT_SEPARATORS
    """Each character separates a local part from its tag; none turns tags off."""
    alias_of: str | None = None
    policy: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry that cannot be understood."""

    address: str
    reason: str


type Entry = Mailbox | Forward | Domain | Broken

ANY_DOMAIN = "@"
"""Stands among the keys for a question about all of them: does the directory say which domains there are?

It does when it has an entry ``@domain``, or none at all. A directory that has entries, but none for a domain, is one of
an earlier version, where a domain needed none: there every domain counts as known.
"""

FORWARD_KINDS = ("alias", "group", "catch_all")


def domain_key(domain: str) -> str:
    """Return the key of a domain's settings; no address can be equal to it."""
    return f"@{domain}"


def catch_all_key(domain: str) -> str:
    """Return the key of a domain's catch-all."""
    return f"*@{domain}"


def parse_entry(item: Mapping[str, Any]) -> Entry:
    """Read a table item (plain values). Never raises: what is wrong is said in a ``Broken`` entry."""
    address = str(item.get("address", ""))
    kind = item.get("type")
    wrong = _wrong_place(address, kind)
    if wrong:
        return Broken(address, wrong)
    if kind == "mailbox":
        path = item.get("path")
        if path is not None and not isinstance(path, str):
            return Broken(address, "its path is not a text")
        records_under = item.get("records_under")
        if records_under is not None and not isinstance(records_under, str):
            return Broken(address, "its records_under is not a text")
        # Only a true false disables: a missing or odd value must not turn mail away.
        return Mailbox(
            address,
            path or None,
            item.get("enabled") is not False,
            _policy(item),
            item.get("subaddress_folders") is True,
            records_under or None,
        )
    if kind == "domain":
        separators = item.get("separators")
        alias_of = item.get("alias_of")
        if alias_of is not None and not isinstance(alias_of, str):
            return Broken(address, "its alias_of is not a text")
        return Domain(
            address, separators if isinstance(separators, str) else DEFAULT_SEPARATORS, alias_of or None, _policy(item)
        )
    targets = item.get("targets")
    if not isinstance(targets, list | tuple | set | frozenset) or not all(isinstance(one, str) for one in targets):
        return Broken(address, "its targets are not a list of addresses")
    in_order = sorted(targets) if isinstance(targets, set | frozenset) else targets
    return Forward(address, str(kind), tuple(in_order))


def _wrong_place(address: str, kind: object) -> str | None:
    """Say why an entry of this type cannot stand under this key."""
    if kind not in ("mailbox", "domain", *FORWARD_KINDS):
        return f"its type is {kind!r}, which is none of mailbox, alias, group, catch_all and domain"
    expected = "domain" if address.startswith("@") else "catch_all" if address.startswith("*@") else None
    if expected and kind != expected:
        return f"a {expected} must stand here, not a {kind}"
    if not expected and kind in ("domain", "catch_all"):
        return f"a {kind} cannot stand under an address"
    return None


def _policy(item: Mapping[str, Any]) -> dict[str, str]:
    policy = item.get("policy")
    if not isinstance(policy, Mapping):
        return {}
    return {name: value for name, value in policy.items() if isinstance(name, str) and isinstance(value, str)}
