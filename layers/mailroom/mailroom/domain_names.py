"""Mail domains: one name, one text.

A domain may be written in Unicode (``bücher.example``, U-labels) or as DNS carries it (``xn--bcher-kva.example``,
A-labels). The normalised text is the lower-case A-label form.
"""

import re
from functools import lru_cache

from mailroom.errors import InvalidAddress

MAX_DOMAIN = 255  # octets, RFC 5321 section 4.5.3.1.2

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def normalise_domain(text: str) -> str:
    """Return the A-label form of ``text``, or raise ``InvalidAddress``."""
    if not text:
        raise InvalidAddress("nothing stands after the @")
    if len(text) > MAX_DOMAIN:
        raise InvalidAddress(f"the domain is longer than {MAX_DOMAIN} octets")
    name = text.lower() if text.isascii() else _to_ascii(text)
    if len(name) > MAX_DOMAIN:
        raise InvalidAddress(f"the domain is longer than {MAX_DOMAIN} octets")
    if not _NAME.fullmatch(name):
        raise InvalidAddress("the domain is not a domain name")
    if text.isascii() and "xn--" in name:
        _check_a_labels(name)
    return name


def display_domain(name: str) -> str:
    """Return a normalised domain as people write it: U-labels where there are any."""
    if "xn--" not in name:
        return name
    import idna

    try:
        return idna.decode(name)
    except UnicodeError:
        return name


# idna is imported only when a domain needs it: most never do, and its tables cost cold-start time. What it has worked
# out is kept, because the addresses of a directory have a few domains among them.
_KEPT = 1024


@lru_cache(_KEPT)
def _to_ascii(text: str) -> str:
    import idna

    try:
        # UTS 46 maps what people type (capitals, full-width letters, other full stops) before IDNA 2008 checks it.
        return idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError:
        raise InvalidAddress("the domain is not a valid internationalised name") from None


@lru_cache(_KEPT)
def _check_a_labels(name: str) -> None:
    """A label that claims to be an A-label must be one: a second spelling of a name would be a second address."""
    import idna

    for label in name.split("."):
        if not label.startswith("xn--"):
            continue
        try:
            round_trip = idna.alabel(idna.ulabel(label)).decode("ascii")
        except UnicodeError:
            round_trip = ""
        if round_trip != label:
            raise InvalidAddress("the domain holds an xn-- label that is not a valid internationalised name")
