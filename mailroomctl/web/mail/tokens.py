"""HTML of strangers as tokens, in a time that grows with its length only.

``html.parser`` is not used: it reads what has no end again from each place on, and a mail of some hundred kilobytes can
keep it busy for an hour. What has no end here ends with the text, as browsers do it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

_NAME = re.compile(r"[a-zA-Z][^\s/>]*+")
_ATTRIBUTE = re.compile(r"[\s/]*+([^\s/>=][^\s/>=]*+)?+(\s*+=\s*+)?+")
_UNQUOTED = re.compile(r"[^\s>]*+")

#: Between these and their end is no tag.
_RAW = frozenset(("iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp"))
_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}


@dataclass(frozen=True, slots=True)
class Text:
    """Characters, without references such as ``&lt;``."""

    text: str


@dataclass(frozen=True, slots=True)
class Start:
    """A start tag; of attributes with the same name the first counts."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    """An end tag."""

    name: str


type Token = Text | Start | End


def tokens(text: str) -> Iterator[Token]:
    """Return the tokens of a text. What stands between the tags of a raw element, such as a script, is left out."""
    at = 0
    while (found := text.find("<", at)) >= 0:
        if found > at:
            yield Text(unescape(text[at:found]))
        following = text[found + 1 : found + 2]
        if following in ("!", "?"):
            at = _after_comment(text, found)
        elif name := _NAME.match(text, found + (2 if following == "/" else 1)):
            attributes, at = _attributes(text, name.end())
            if at < 0:
                return
            tag = name[0].lower()
            if following == "/":
                yield End(tag)
                continue
            yield Start(tag, attributes)
            if tag in _RAW:
                end = _ENDS[tag].search(text, at)
                at = end.start() if end else len(text)
        elif following == "/":
            at = _after(text, ">", found)
        else:
            yield Text("<")
            at = found + 1
    if at < len(text):
        yield Text(unescape(text[at:]))


def _after_comment(text: str, at: int) -> int:
    """Return where it goes on after ``<!-- … -->``, or what counts as a comment."""
    if not text.startswith("<!--", at):
        return _after(text, ">", at)
    for short in (">", "->"):
        if text.startswith(short, at + 4):
            return at + 4 + len(short)
    return _after(text, "-->", at + 4)


def _after(text: str, what: str, at: int) -> int:
    found = text.find(what, at)
    return len(text) if found < 0 else found + len(what)


def _attributes(text: str, at: int) -> tuple[dict[str, str], int]:
    """Return the attributes of a tag, and where it goes on; -1 when the tag has no end."""
    found: dict[str, str] = {}
    while at < len(text):
        match = _ATTRIBUTE.match(text, at)
        assert match
        at = match.end()
        value = ""
        if match[2]:
            quote = text[at : at + 1]
            if quote in ("'", '"'):
                end = text.find(quote, at + 1)
                if end < 0:
                    return found, -1
                value, at = text[at + 1 : end], end + 1
            else:
                unquoted = _UNQUOTED.match(text, at)
                assert unquoted
                value, at = unquoted[0], unquoted.end()
        if match[1]:
            found.setdefault(match[1].lower(), unescape(value))
        elif text.startswith(">", at):
            return found, at + 1
    return found, -1
