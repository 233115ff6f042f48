"""One e-mail address: parse, normalise, mask.

Two texts are the same address when their normalised texts are equal. Normalising case-folds the local part (RFC 5321
leaves its case to the receiving host, and no mail system that people use tells ``Bob`` from ``bob``), keeps it in
Unicode NFC (RFC 6532 section 3.1), takes away quotes that are not needed, and writes the domain as A-labels.
"""

import re
import unicodedata
from dataclasses import dataclass

from mailroom.domain_names import normalise_domain
from mailroom.errors import InvalidAddress

MAX_LOCAL_PART = 64  # octets, RFC 5321 section 4.5.3.1.1

_ATOM = r"[^\s\x00-\x20\x7f()<>\[\]:;@\\,.\"]+"
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"')
_QUOTED_PAIR = re.compile(r"\\(.)")

# Cc control, Cf invisible format, Cs lone surrogates, Co private, Cn unassigned, Zl and Zp line ends.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Zero-width joiners are letters' parts in Persian and several Indic scripts.
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A normalised address; equal addresses receive the same mail."""

    local_part: str
    """What the local part means: case-folded, NFC, without quotes."""
    domain: str
    """Lower-case A-labels."""

    @property
    def text(self) -> str:
        """The one written form, quoted only where RFC 5321 needs it; the directory's key."""
        return f"{_quote(self.local_part)}@{self.domain}"

    def __str__(self) -> str:
        """Return ``text``."""
        return self.text


def parse(text: object) -> Address:
    """Read an address as it stands in an envelope: ``local-part@domain``, without angle brackets or a route.

    Quoted local parts (RFC 5321 section 4.1.2), internationalised local parts (RFC 6531) and domains (IDNA 2008, with
    UTS 46 mapping) are understood. Comments, routes, address literals and control characters are not.

    Raises ``InvalidAddress`` for everything else, whatever its type. Does not promise that the domain exists.
    """
    if not isinstance(text, str) or not text:
        raise InvalidAddress("an address must be a text that is not empty")
    at = text.rfind("@")
    if at < 0:
        raise InvalidAddress("an address needs an @")
    written = text[:at]
    if not written:
        raise InvalidAddress("nothing stands before the @")
    # Before any pattern sees it: a longer text is wrong anyway, and need not cost time.
    _check_length(written)
    if written.startswith('"'):
        if not _QUOTED.fullmatch(written):
            raise InvalidAddress("the quoted local part is not closed, or holds a character it may not")
        meaning = _QUOTED_PAIR.sub(r"\1", written[1:-1])
    else:
        if not _DOT_ATOM.fullmatch(written):
            raise InvalidAddress("the local part holds a character it may not, or a dot where none may stand")
        meaning = written
    local_part = _fold(meaning)
    if not local_part:
        raise InvalidAddress("the local part is empty")
    if not local_part.isascii():
        _check_characters(local_part)
    address = Address(local_part, normalise_domain(text[at + 1 :]))
    # Folding can lengthen a text; what comes out must be an address again.
    _check_length(_quote(local_part))
    return address


def mask(text: object) -> str:
    """Shorten an address for logs so that one can recognise it without learning it: ``b***@example.com``."""
    if not isinstance(text, str):
        return "***"
    local_part, at, domain = text.rpartition("@")
    if not at:
        return "***"
    shown = domain if domain.isprintable() and len(domain) <= 255 else "***"
    first = local_part[:1]
    return f"{first if first.isalnum() else ''}***@{shown}"


def _fold(text: str) -> str:
    """Canonical caseless form (Unicode 3.13, D145), which needs a second round for a few characters."""
    folded = text
    if text.isascii():
        return text.lower()
    for _ in range(4):
        again = unicodedata.normalize("NFC", unicodedata.normalize("NFD", folded).casefold())
        if again == folded:
            return folded
        folded = again
    raise InvalidAddress("the local part cannot be normalised")


def _check_length(local_part: str) -> None:
    if len(local_part) > MAX_LOCAL_PART or len(local_part.encode("utf-8", "surrogatepass")) > MAX_LOCAL_PART:
        raise InvalidAddress(f"the local part is longer than {MAX_LOCAL_PART} octets")


def _check_characters(text: str) -> None:
    for character in text:
        if unicodedata.category(character) in _FORBIDDEN_CATEGORIES and character not in _JOINERS:
            raise InvalidAddress(f"the local part holds the character U+{ord(character):04X}")


def _quote(local_part: str) -> str:
    if _DOT_ATOM.fullmatch(local_part):
        return local_part
    escaped = local_part.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
