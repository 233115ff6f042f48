"""Which domains the directory knows: those with an entry ``@domain``."""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress

from mailroom.domain_names import normalise_domain
from mailroom.errors import InvalidAddress
from mailroom.resolve.entries import domain_key

from mailroomctl.directory.table import Item


def domains_without_entry(items: Iterable[Item]) -> Mapping[str, int]:
    """Return the domains of addresses, and those that others are aliases of, without an entry ``@domain``.

    With the number of their addresses, in the order of the alphabet.
    """
    counts: Counter[str] = Counter()
    known: set[str] = set()
    for item in items:
        key = item["address"]
        if key.startswith("@"):
            known.add(key)
            name, addresses = item.get("alias_of"), 0
        else:
            name, addresses = key.rpartition("@")[2], 1
        with suppress(InvalidAddress):
            counts[normalise_domain(str(name or ""))] += addresses
    return {name: counts[name] for name in sorted(counts) if domain_key(name) not in known}
