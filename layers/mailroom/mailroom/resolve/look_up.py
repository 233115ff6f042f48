"""The look-up order of one address: exact, without its tag, the other name of its domain, the catch-all.

Pure: works on what is known of the directory, and says what it must know besides.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mailroom.addresses import Address, parse
from mailroom.domain_names import normalise_domain
from mailroom.errors import InvalidAddress
from mailroom.resolve.entries import (
    ANY_DOMAIN,
    DEFAULT_SEPARATORS,
    Broken,
    Domain,
    Entry,
    Forward,
    Mailbox,
    catch_all_key,
    domain_key,
)
from mailroom.resolve.problems import Kind, Problem

MAX_TAG_SPLITS = 4
"""Separators of one local part that are tried: a sender writes it, so it must not decide how many keys are read."""

MAX_DOMAIN_ALIASES = 8

type Known = Mapping[str, Entry | None]


@dataclass(frozen=True, slots=True)
class LookUp:
    """Where the look-up of one address ended."""

    address: str
    entry: Mailbox | Forward | None
    tag: str | None = None
    """What stood behind the separator, when the entry was found without it."""
    problem: Problem | None = None
    steps: tuple[str, ...] = ()
    """Every step, in words, for ``mailroomctl explain``."""
    keys: tuple[str, ...] = ()
    """Keys of the table that this rests on."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Keys that must be known to go on, and keys that probably will have to be."""

    keys: tuple[str, ...]
    prefetch: tuple[str, ...]


def look_up(address: Address, known: Known) -> LookUp | Needs:
    """Find the entry that ``address`` means, or say which keys are needed first."""
    return _Search(address, known).run()


def split_tags(local_part: str, separators: str) -> list[tuple[str, str]]:
    """Return (base, tag) pairs, the longest base first: with ``-``, ``mary-ann-lists`` may be mary-ann's.

    At most ``MAX_TAG_SPLITS``, counted from the left; a separator in front separates nothing.
    """
    places = [place for place, character in enumerate(local_part) if place and character in separators]
    return [(local_part[:place], local_part[place + 1 :]) for place in reversed(places[:MAX_TAG_SPLITS])]


class _UnknownKeysError(Exception):
    """Control flow within this module: the search cannot go on without these keys."""

    def __init__(self, keys: list[str]) -> None:
        super().__init__()
        self.keys = keys


class _Search:
    def __init__(self, address: Address, known: Known) -> None:
        self._original = address
        self._known = known
        self._steps: list[str] = []
        self._keys: dict[str, None] = {}

    def run(self) -> LookUp | Needs:
        address = self._original
        try:
            for _ in range(MAX_DOMAIN_ALIASES):
                result = self._find(address)
                if isinstance(result, LookUp):
                    return result
                address = result
        except _UnknownKeysError as unknown:
            return Needs(tuple(unknown.keys), self._prefetch(address))
        return self._problem(Kind.DOMAIN_LOOP, self._original.domain, entry=domain_key(self._original.domain))

    def _find(self, address: Address) -> LookUp | Address:
        """Search in one domain; return the address in another domain when this one is its alias."""
        if found := self._entry(address.text, "exact"):
            return found
        domain = self._domain(address.domain)
        splits = split_tags(address.local_part, domain.separators)
        bases = [(Address(base, address.domain).text, tag) for base, tag in splits]
        self._require([key for key, _ in bases])
        for key, tag in bases:
            if found := self._entry(key, f"without the tag {tag!r}", tag):
                return found
        if domain.alias_of:
            return self._other_domain(address, domain.alias_of)
        if found := self._entry(catch_all_key(address.domain), "catch-all"):
            return found
        return self._nobody(address.domain)

    def _nobody(self, domain: str) -> LookUp:
        """Say why nothing was found: only in a domain that is known that is the sender's mistake."""
        key = domain_key(domain)
        entry = self._known[key]
        if isinstance(entry, Broken):
            # It may have been meant to say more: another name of the domain, other separators.
            return self._problem(Kind.BROKEN_ENTRY, key, entry.reason, entry=key)
        if entry is None:
            self._require([ANY_DOMAIN])
            if self._known[ANY_DOMAIN]:
                self._steps.append(f"{key}: none, so the domain is not known")
                return self._problem(Kind.UNKNOWN_DOMAIN, domain, entry=key)
        return self._problem(Kind.UNKNOWN, self._original.text)

    def _require(self, keys: list[str]) -> None:
        self._keys.update(dict.fromkeys(keys))
        if unknown := [key for key in keys if key not in self._known]:
            raise _UnknownKeysError(unknown)

    def _entry(self, key: str, how: str, tag: str | None = None) -> LookUp | None:
        self._require([key])
        entry = self._known[key]
        # The catch-all's key can be written as an address, *@domain. Nobody's mail goes there by name.
        if isinstance(entry, Forward) and entry.kind == "catch_all" and how != "catch-all":
            entry = None
        match entry:
            case Mailbox():
                if entry.enabled:
                    return self._found(entry, tag, f"{key}: {how}, a mailbox")
                self._steps.append(f"{key}: {how}, a mailbox, disabled")
                return self._problem(Kind.DISABLED, key)
            case Forward():
                kind = {"alias": "an alias", "group": "a group", "catch_all": "leads"}[entry.kind]
                count = f"{len(entry.targets)} address{'' if len(entry.targets) == 1 else 'es'}"
                return self._found(entry, tag, f"{key}: {how}, {kind} to {count}")
            case Broken():
                self._steps.append(f"{key}: {how}, an entry that cannot be understood")
                return self._problem(Kind.BROKEN_ENTRY, key, entry.reason, entry=key)
            case _:
                self._steps.append(f"{key}: {how}, none")
                return None

    def _domain(self, name: str) -> Domain:
        key = domain_key(name)
        self._require([key])
        entry = self._known[key]
        if isinstance(entry, Domain):
            return entry
        if isinstance(entry, Broken):
            self._steps.append(f"{key}: settings that cannot be understood ({entry.reason}), so the usual ones")
        return Domain(key)

    def _other_domain(self, address: Address, alias_of: str) -> LookUp | Address:
        try:
            other = normalise_domain(alias_of)
        except InvalidAddress:
            return self._problem(Kind.BROKEN_DOMAIN_ALIAS, address.domain, entry=domain_key(address.domain))
        self._steps.append(f"{domain_key(address.domain)}: an alias of {other}")
        return Address(address.local_part, other)

    def _prefetch(self, address: Address) -> tuple[str, ...]:
        """Keys of the further steps, as far as one can tell, in the order in which they will be needed."""
        settings = self._known.get(domain_key(address.domain))
        separators = settings.separators if isinstance(settings, Domain) else DEFAULT_SEPARATORS
        bases = [Address(base, address.domain).text for base, _ in split_tags(address.local_part, separators)]
        return (domain_key(address.domain), *bases, catch_all_key(address.domain))

    def _found(self, entry: Mailbox | Forward, tag: str | None, step: str) -> LookUp:
        self._steps.append(step)
        return self._ended(entry, tag, None)

    def _problem(self, kind: Kind, member: str, detail: str = "", entry: str = "") -> LookUp:
        return self._ended(None, None, Problem(kind, (member,), detail, entry=entry))

    def _ended(self, entry: Mailbox | Forward | None, tag: str | None, problem: Problem | None) -> LookUp:
        keys = tuple(key for key in self._keys if key != ANY_DOMAIN)
        return LookUp(self._original.text, entry, tag, problem, tuple(self._steps), keys)


def look_up_text(text: str, known: Known) -> LookUp | Needs:
    """``look_up`` for a text that may not be an address: then the result holds the problem."""
    try:
        address = parse(text)
    except InvalidAddress as error:
        return LookUp(text, None, None, Problem(Kind.NOT_AN_ADDRESS, detail=f"{error}"))
    return look_up(address, known)
