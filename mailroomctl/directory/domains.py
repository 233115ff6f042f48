"""Which domains the directory knows: those with an entry ``@domain``."""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress

from mailroom.domain_names import normalise_domain
from mailroom.errors import InvalidAddress
from mailroom.resolve.entries import domain_key

from mailroomctl.directory.table import Item


def domains_without_entry(items: Iterable[Item]) -> Mapping[str, int]:
    """Return the domains of addresses without an entry ``@domain``, with their number of addresses, sorted.

    Not what a domain without addresses is an alias of: more likely that name is wrong than that all mail to it is.
    """
    counts: Counter[str] = Counter()
    known: set[str] = set()
    for item in items:
        key = item["address"]
        if key.startswith("@"):
            known.add(key)
            continue
        with suppress(InvalidAddress):
            counts[normalise_domain(key.rpartition("@")[2])] += 1
    return {name: counts[name] for name in sorted(counts) if domain_key(name) not in known}
