"""The names under which a person may log in: an address as somebody may type it, as Dovecot looks it up.

Dovecot's ``%Lu`` (2.4: ``%{user | lower}``) knows the capitals of ASCII only, and does not know that ``ü`` can be one
character or two, or that ``bücher.example`` and ``xn--bcher-kva.example`` are one domain.
"""

import re
import unicodedata
from functools import lru_cache

from mailroom.addresses import Address, parse
from mailroom.domain_names import display_domain
from mailroom.errors import InvalidAddress

_CAPITALS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_UNLISTABLE = re.compile(r"[:\x00-\x1f\x7f]")
_ESCAPED = re.compile(r"""["'\\]""")


def looked_up(login: str) -> str:
    """Return what Dovecot looks up when somebody logs in with this name."""
    return login.lower() if login.isascii() else login.translate(_CAPITALS)


def spellings(address: Address) -> list[str]:
    """Return how the people of an address may type it, the way of ``mailbox list`` first, each as it is looked up.

    Not every one: capitals in unusual places, or an ``ß`` that the directory keeps as ``ss``, only the password file
    can say.
    """
    local_part, _, domain = address.text.rpartition("@")
    if address.text.isascii() and "xn--" not in domain:
        return [address.text]
    locals_ = dict.fromkeys(one for one in map(looked_up, _written(local_part)) if _means(f"{one}@{domain}", address))
    return list(dict.fromkeys(f"{one}@{name}" for name in _domains(domain) for one in locals_))


@lru_cache(1024)
def _domains(domain: str) -> list[str]:
    """The ways to write a domain, the one of the directory first."""
    address = Address("x", domain)
    names = dict.fromkeys([domain, *map(looked_up, _written(display_domain(domain)))])
    return [one for one in names if _means(f"x@{one}", address)]


def listable(login: str) -> bool:
    """Say whether a passwd-file can hold a name: a colon ends it there, and ``#`` starts a comment."""
    return bool(login) and not login.startswith("#") and not _UNLISTABLE.search(login)


def escaped(login: str) -> str:
    """Return a name as a passwd-file holds it: Dovecot escapes quotes and backslashes before it compares."""
    return _ESCAPED.sub(r"\\\g<0>", login)


def _written(text: str) -> list[str]:
    """A text in small letters, in capitals, with capitals in front, and in the small letters of those capitals."""
    forms = (text, text.upper(), text.title(), text.upper().lower())
    return [unicodedata.normalize(form, one) for one in forms for form in ("NFC", "NFD")]


def _means(login: str, address: Address) -> bool:
    try:
        return parse(login) == address
    except InvalidAddress:
        return False
