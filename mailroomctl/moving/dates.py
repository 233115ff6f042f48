"""When a message was received: what Dovecot shows as its date, INTERNALDATE.

The source's own date goes first. Where it has none, the newest plausible date of the ``Received:`` lines, which the
servers on the way have written; then ``Date:``, which is the sender's.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_tz

from mailroomctl.moving.headers import Headers

#: Seconds that a date may lie ahead of this machine's clock.
AHEAD = 86_400
#: No mail is older than that: the first is of 1971.
EARLIEST = datetime(1971, 1, 1, tzinfo=UTC).timestamp()

_ASCTIME = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(?:(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2})|(?P<day2>\d{1,2}) +(?P<month2>"
    rb"[A-Z][a-z]{2}))(?: +(?P<year2>\d{4}))? +(?P<time>\d{1,2}:\d\d(?::\d\d)?)(?: +(?P<zone>[A-Z]{1,5}|[+-]\d{4}))?"
    rb"(?: +(?P<year>\d{4}))?(?: +(?P<zone2>[+-]\d{4}))?"
)


def received_at(headers: Headers, own: float | None, otherwise: float, now: float) -> float:
    """Decide on a date, in seconds since 1970.

    ``own`` is the source's, ``otherwise`` is taken where neither the source nor the message has a plausible one.
    """
    if own is not None and is_plausible(own, now):
        return own
    received = [date for value in headers.all("Received") if (date := parse(value.rpartition(b";")[2])) is not None]
    newest = max((date for date in received if is_plausible(date, now)), default=None)
    if newest is not None:
        return newest
    for value in headers.all("Date"):
        date = parse(value)
        if date is not None and is_plausible(date, now):
            return date
    return otherwise if is_plausible(otherwise, now) else now


def is_plausible(date: float, now: float) -> bool:
    """Tell whether a message may have been received then."""
    return EARLIEST <= date <= now + AHEAD


def parse(value: bytes) -> float | None:
    """Read a date of a header field (RFC 5322, 3.3, and what is found in its place)."""
    try:
        parts = parsedate_tz(value.decode("ascii", "replace").strip())
        if parts is None:
            return None
        year, month, day, hour, minute, second = parts[:6]
        # The standard library takes the 93rd of a month for a day of the next one.
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC).timestamp() - (parts[9] or 0)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def parse_separator(line: bytes) -> float | None:
    """Read the date of mbox's line ``From sender date``, as asctime(3) writes it; without a zone it is UTC."""
    *_, found = (None, *_ASCTIME.finditer(line))  # the last one: a sender may look like a date too
    if found is None or not (year := found["year"] or found["year2"]):
        return None
    day, month = found["day"] or found["day2"], found["month"] or found["month2"]
    zone = found["zone"] or found["zone2"] or b"+0000"
    return parse(b" ".join((day, month, year, found["time"], zone)))
