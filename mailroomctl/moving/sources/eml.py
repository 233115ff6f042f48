"""One message a file, in folders: ``.eml``, and files without that ending which begin with a header field."""

import re

from mailroomctl.moving.content import read_content
from mailroomctl.moving.headers import FIELD, Headers
from mailroomctl.moving.sources.item import Calendar, Entry, Message, NoMail, Reading

ENDING = ".eml"
CALENDAR_FOLDER = ("Calendar",)

# At least two header fields, or one and the end of the headers: the first line of a text may hold a colon too.
_HEADERS = re.compile(
    rb"[!-9;-~]{1,76}[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*(?:\r?\n|[!-9;-~]{1,76}[ \t]*:)",
)
_CALENDAR = b"text/calendar"
_NO_FIELD = b"BEGIN:V"  # of calendars and cards


def looks_like_mail(beginning: bytes) -> bool:
    """Tell whether a file that begins so is a message."""
    if FIELD.match(beginning) is None or beginning[: len(_NO_FIELD)].upper() == _NO_FIELD:
        return False
    return _HEADERS.match(beginning) is not None


def read_message(entry: Entry, reading: Reading) -> Message | NoMail:
    """Read one message. A file's own date is when it was copied, not when the message came."""
    with entry.open() as stream:
        content = read_content(stream)
    headers = Headers(content.head())
    folder = entry.path[:-1]
    if reading.calendar is not Calendar.KEEP and _is_calendar(headers):
        if reading.calendar is Calendar.LEAVE_OUT:
            content.close()
            return NoMail(entry.where, "a calendar item")
        folder = CALENDAR_FOLDER
    return Message(entry.where, folder, content, headers, otherwise=entry.otherwise)


def _is_calendar(headers: Headers) -> bool:
    kind = headers.first("Content-Type") or b""
    return kind.partition(b";")[0].strip().lower() == _CALENDAR
