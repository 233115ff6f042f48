"""Headers, text, HTML and attachments of a mail, whatever its state: nothing here fails for what a stranger wrote."""

import base64
import codecs
import mimetypes
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email import policy
from email.feedparser import BytesFeedParser
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

_MOST_PARTS = 200
_LARGEST_PICTURE = 2_000_000  # octets, of all pictures in the text
_MOST_HEADERS = 1000
_PIECE = 256 * 1024  # octets
_PATIENCE = 5.0  # seconds of a processor
#: Decoded in a time that grows with the square of the length, as only names of domains should be.
_NO_TEXT = ("punycode", "idna", "undefined")
_SLOW_WORD = re.compile(rf"=\?({'|'.join(_NO_TEXT)})[*?]", re.IGNORECASE)
_LONGEST_HEADER = 100_000  # characters
_LARGEST_TEXT = 4_000_000  # octets; nobody reads more
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is no text of the mail; ``name`` is the sender's, and not to be trusted."""

    number: int
    name: str
    kind: str
    content: bytes
    content_id: str = ""


@dataclass(slots=True)
class Mail:
    """What could be read of a mail. ``problem`` says why it is not all."""

    source: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""
    html: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    problem: str = ""

    def header(self, name: str) -> str:
        """Return the last header of a name: those that SES puts in front are not the sender's."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name.lower()), "")

    @property
    def pictures(self) -> dict[str, str]:
        """The pictures that the text shows, as data: addresses by their Content-ID."""
        found: dict[str, str] = {}
        left = _LARGEST_PICTURE
        for one in self.attachments:
            if one.content_id and one.kind in _PICTURES and len(one.content) <= left:
                left -= len(one.content)
                found[one.content_id] = f"data:{one.kind};base64,{base64.b64encode(one.content).decode()}"
        return found


def read_mail(source: bytes) -> Mail:
    """Take a mail apart."""
    mail = Mail(source)
    try:
        message, whole = _parsed(source)
        if not whole:
            mail.problem = "to take it apart takes too long: what is missing is in the file of the whole mail"
        raw = list(message.raw_items())
        mail.headers = [(decoded(name), decoded(value)) for name, value in raw[:_MOST_HEADERS]]
        if len(raw) > _MOST_HEADERS:
            mail.problem = f"it has more than {_MOST_HEADERS} headers"
        for number, part in enumerate(_leaves(message)):
            if number >= _MOST_PARTS:
                mail.problem = f"it has more than {_MOST_PARTS} parts"
                break
            _add(mail, number, part)
    except (Exception, RecursionError) as error:
        mail.problem = f"it cannot be taken apart: {type(error).__name__}"
    return mail


class _Part(Message):
    """A part whose text is decoded by what is meant for texts: the parser decodes by itself as well."""

    def get_content_charset(self, failobj: Any = None) -> Any:
        found = super().get_content_charset(failobj)
        try:
            return failobj if codecs.lookup(found).name in _NO_TEXT else found
        except (LookupError, TypeError, ValueError):
            return found


def _parsed(source: bytes) -> tuple[Message, bool]:
    """Parse a mail, and say whether it was all: a stranger can make millions of parts of forty megabytes."""
    parser = BytesFeedParser(_Part, policy=policy.compat32)
    began = time.thread_time()
    for start in range(0, len(source), _PIECE):
        if time.thread_time() - began > _PATIENCE:
            return parser.close(), False
        parser.feed(source[start : start + _PIECE])
    return parser.close(), True


def decoded(value: object) -> str:
    """Decode a header (RFC 2047) to one line."""
    text = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    # An encoded word that is none stays as it is, and so do those that would take long.
    if len(text) <= _LONGEST_HEADER and not _SLOW_WORD.search(text):
        with suppress(Exception):
            text = str(make_header(decode_header(text)))
    return " ".join(text.split())


def _leaves(message: Message) -> Iterator[Message]:
    """Parts without parts; a mail within a mail is an attachment."""
    pending = [message]
    while pending:
        part = pending.pop(0)
        inner = part.get_payload()
        if isinstance(inner, list) and part.get_content_maintype() == "multipart":
            pending = [one for one in inner if isinstance(one, Message)] + pending
        else:
            yield part


def _add(mail: Mail, number: int, part: Message) -> None:
    kind = part.get_content_type()
    name = _name(part)
    attached = str(part.get("Content-Disposition", "")).strip().lower().startswith("attachment") or bool(name)
    content = _content(part)
    if not attached and kind == "text/plain" and not mail.text:
        mail.text = _text(part, content)
    elif not attached and kind == "text/html" and not mail.html:
        mail.html = _text(part, content)
    else:
        content_id = str(part.get("Content-ID", "")).strip().strip("<>")
        mail.attachments.append(Attachment(number, name or _unnamed(number, kind), kind, content, content_id))


def _unnamed(number: int, kind: str) -> str:
    return f"part-{number}{mimetypes.guess_extension(kind) or ''}"


def _content(part: Message) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        mails = [one for one in inner if isinstance(one, Message)] if isinstance(inner, list) else []
        return _inner(mails[0]) if mails else b""
    try:
        found = part.get_payload(decode=True)
    except Exception:
        found = None
    return found if isinstance(found, bytes) else str(part.get_payload()).encode("utf-8", "surrogateescape")


def _inner(mail: Message) -> bytes:
    """A mail within a mail, as far as it can be written again; nobody has promised that its bytes are the same."""
    try:
        return mail.as_bytes()
    except Exception:
        head = "".join(f"{name}: {decoded(value)}\n" for name, value in mail.raw_items())
        return f"{head}\n".encode()


def _text(part: Message, content: bytes) -> str:
    content = content[:_LARGEST_TEXT]
    with suppress(LookupError, ValueError):
        charset = codecs.lookup(part.get_content_charset() or "ascii").name
        if charset != "ascii":
            return content.decode(charset, "replace")
    # It does not say what it is, or what nobody knows.
    with suppress(ValueError):
        return content.decode()
    return content.decode("cp1252", "replace")


def _name(part: Message) -> str:
    try:
        name = decoded(part.get_filename() or "")
    except Exception:
        return "unnamed"
    return "".join(one for one in name if one.isprintable()).replace("/", "_").replace("\\", "_").strip(". ")[:120]
