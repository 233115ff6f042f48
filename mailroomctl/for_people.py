"""Texts for people: domains of addresses in Unicode, as they were written, and nothing that plays tricks.

Programs get domains as DNS has them. Much of what is on record was written by strangers, who may send a terminal what
it obeys.
"""

import re

from mailroom.domain_names import display_domain

#: Not in a path, where the A-labels are the folder's name, nor in a Message-ID, which is searched for as it is.
_DOMAIN = re.compile(r"(?<=@)(?>(?:[a-z0-9-]+\.)*xn--[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?![/>\w-])")
#: Control characters but the line feed, what changes the direction of writing, line ends of Unicode, half characters.
_TRICKS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def for_people(text: str) -> str:
    """Return a text with the domains of its addresses in Unicode, and spaces in place of what is no text."""
    text = _TRICKS.sub(" ", text)
    return _DOMAIN.sub(lambda found: display_domain(found[0]), text) if "xn--" in text else text


def escaped(json: str) -> str:
    """Return a JSON document in which nothing plays tricks either; it means the same."""
    return _TRICKS.sub(lambda found: f"\\u{ord(found[0]):04x}", json)
