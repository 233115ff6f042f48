"""Addresses in texts for people: domains in Unicode, as they were written, where programs get them as DNS has them."""

import re

from mailroom.domain_names import display_domain

#: Not in a path, where the A-labels are the folder's name, nor in a Message-ID, which is searched for as it is.
_DOMAIN = re.compile(r"(?<=@)(?>(?:[a-z0-9-]+\.)*xn--[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?![/>\w-])")


def for_people(text: str) -> str:
    """Return a text with the domains of its addresses in Unicode; all else stays."""
    return _DOMAIN.sub(lambda found: display_domain(found[0]), text) if "xn--" in text else text
