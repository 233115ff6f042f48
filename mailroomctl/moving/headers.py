"""Header fields of raw bytes, where the standard library's parser would take most of an import's time.

Nothing is refused: what is no header field is passed over. A field that is folded comes as one line.
"""

import functools
import re
from collections.abc import Iterator
from email.header import decode_header, make_header

#: What the first line of a mail looks like (RFC 5322, 2.2); also with a space before the colon, which was once allowed.
FIELD = re.compile(rb"[!-9;-~]{1,200}[ \t]*:")

_BLANK_LINE = re.compile(rb"(?:\A|\n)(\r?\n)")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


def ends_in(head: bytes) -> bool:
    """Tell whether the beginning of a message has its whole header section."""
    return _BLANK_LINE.search(head) is not None


class Headers:
    """The header section of a message."""

    __slots__ = ("section",)

    def __init__(self, head: bytes) -> None:
        """Take the section from the beginning of a message."""
        end = _BLANK_LINE.search(head)
        self.section = head[: end.start(1)] if end else head

    def all(self, name: str) -> Iterator[bytes]:
        """Each value of a field, from the top, unfolded and without white space around it."""
        for match in _pattern(name).finditer(self.section):
            yield _FOLD.sub(b"", match[1]).strip()

    def first(self, name: str) -> bytes | None:
        """The topmost value of a field; None when there is none."""
        return next(self.all(name), None)


def decoded(value: bytes) -> str:
    """Decode a value's encoded words (RFC 2047); what cannot be decoded stays as it is."""
    text = value.decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(text)))
    except (ValueError, LookupError):
        return text


@functools.cache
def _pattern(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"^%s[ \t]*:(.*(?:\n[ \t].*)*)" % re.escape(name.encode()), re.IGNORECASE | re.MULTILINE)
