"""HTML of a mail, without what reaches out, runs or leads elsewhere.

What is left is written anew from a list of what may be there, so nothing depends on how a browser reads broken HTML. It
is the second of two walls: the answer also forbids everything by its Content-Security-Policy.
"""

import re
from collections import Counter
from collections.abc import Mapping
from html import escape
from urllib.parse import urlsplit

from mailroomctl.web.mail.tokens import End, Start, Text, Token, tokens


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TEXT = _names(
    "a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd "
    "del dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main "
    "mark nav ol p pre q s samp section small span strike strong sub sup table tbody td tfoot th thead "
    "time tr tt u ul var wbr"
)
_EMPTY = frozenset(("br", "col", "hr", "img", "wbr"))
#: Left out with everything in them; the others that are not known only lose their tags.
_WITH_CONTENT = _names(
    "applet audio base button canvas embed frame frameset head iframe input link math meta noembed "
    "noframes noscript object option param plaintext script select source style svg template textarea title "
    "track video xmp"
)
_NEVER_CLOSED = frozenset(("base", "embed", "frame", "input", "link", "meta", "param", "source", "track"))
_ATTRIBUTES = _names(
    "abbr align alt bgcolor border cellpadding cellspacing color colspan dir face height lang nowrap "
    "rowspan size start style summary title type valign width"
)
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+", re.IGNORECASE)
_REACHING = re.compile(r"url\s*\(|@|expression|image-set|src\s*\(|\\|<|/\*", re.IGNORECASE)
_DEEPEST = 200
_LONGEST = 2_000_000  # characters


def clean(text: str, pictures: Mapping[str, str]) -> str:
    """Return a whole page. ``pictures`` has the data: address of each part by its Content-ID."""
    writer = _Writer(pictures)
    for token in tokens(text[:_LONGEST]):
        writer.write(token)
    return PAGE.format(body=writer.done())


PAGE = (
    '<!doctype html><html><head><meta charset="utf-8"><title>mail</title><style>'
    "body{{font:15px/1.5 system-ui,sans-serif;margin:1rem;overflow-wrap:break-word}}"
    "pre{{white-space:pre-wrap;font:13px/1.5 ui-monospace,monospace}}img{{max-width:100%}}"
    ".left-out{{border:1px dashed #888;padding:0 .3em;color:#555}}</style></head><body>{body}</body></html>"
)
"""A page of a mail, which is a response of its own."""


class _Writer:
    def __init__(self, pictures: Mapping[str, str]) -> None:
        self._pictures = pictures
        self._written: list[str] = []
        self._open: list[str] = []
        self._opened = Counter[str]()
        self._leaving_out: list[str] = []

    def write(self, token: Token) -> None:
        """Write a token, if it may be there."""
        match token:
            case Text(text) if not self._leaving_out:
                self._written.append(escape(text, quote=False))
            case Start(name, attributes):
                self._start(name, attributes)
            case End(name):
                self._end(name)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._leaving_out:
            if tag in _WITH_CONTENT and tag not in _NEVER_CLOSED:
                self._leave_out(tag)
        elif tag in _WITH_CONTENT:
            # The head of a mail has no end where it is broken; nothing in it is text.
            if tag not in _NEVER_CLOSED and tag != "head":
                self._leave_out(tag)
        elif tag in _TEXT and len(self._open) < _DEEPEST:
            self._write_tag(tag, attributes)

    def _leave_out(self, tag: str) -> None:
        self._leaving_out.append(tag)
        self._opened[f"out {tag}"] += 1

    def _end(self, tag: str) -> None:
        if self._leaving_out:
            if self._opened[f"out {tag}"]:
                last = ""
                while last != tag:
                    last = self._leaving_out.pop()
                    self._opened[f"out {last}"] -= 1
        elif self._opened[tag]:
            last = ""
            while last != tag:
                last = self._close()

    def _close(self) -> str:
        last = self._open.pop()
        self._opened[last] -= 1
        self._written.append(_end(last))
        return last

    def done(self) -> str:
        """Close what is open."""
        while self._open:
            self._close()
        return "".join(self._written)

    def _write_tag(self, tag: str, given: dict[str, str]) -> None:
        kept = {name: value for name, value in given.items() if name in _ATTRIBUTES}
        if _REACHING.search(kept.get("style", "")):
            del kept["style"]
        if tag == "img":
            self._write_picture(given, kept)
            return
        if tag == "a":
            # The reader sees where it would lead, and nobody gets there by a slip.
            kept["title"] = given.get("href", "")[:500]
        self._written.append(f"<{_written(tag)}{_attributes(kept)}>")
        if tag not in _EMPTY:
            self._open.append(tag)
            self._opened[tag] += 1

    def _write_picture(self, given: dict[str, str], kept: dict[str, str]) -> None:
        source = given.get("src", "").strip()
        if source.lower().startswith("cid:"):
            source = self._pictures.get(source[4:], "")
        if _PICTURE.fullmatch(source):
            self._written.append(f"<img{_attributes(kept | {'src': source})}>")
            return
        alt = given.get("alt", "") or "picture"
        self._written.append(f'<span class="left-out">{escape(alt)}{escape(_from(source))}</span>')


def _written(tag: str) -> str:
    """A link is written as mere text."""
    return "span" if tag == "a" else tag


def _end(tag: str) -> str:
    return f"</{_written(tag)}>"


def _from(source: str) -> str:
    try:
        host = urlsplit(source).hostname
    except ValueError:
        host = None
    return f" (from {host}, left out)" if host else " (left out)"


def _attributes(given: Mapping[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in given.items())
