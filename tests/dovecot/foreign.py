"""Mails that nobody here made, in a folder, and what they have to become; read by the standard library's parsers."""

import re
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from tests.dovecot.archives import ANSWERED, DELETED, FLAGGED, SEEN, Mail, mail

_SEPARATOR = re.compile(rb"^From [^\n]*\n(?=[!-9;-~]+:)", re.M)
_ASCTIME = re.compile(r"(\w{3} +\d+ [\d:]{8}) (?:([+-]\d{4}) )?(\d{4})")


def foreign(folder: Path, told: dict[str, Any]) -> Counter[Mail]:
    """Every message below a folder, but for the files of which the import has told that they are none."""
    passed_over = {one["where"] for one in (*told["files_passed_over"], *told["messages_set_aside"])}
    mails: Counter[Mail] = Counter()
    for path in folder.rglob("*"):
        where = path.relative_to(folder)
        if not path.is_file() or str(where) in passed_over:
            continue
        content = path.read_bytes()
        parts = where.parts[:-1]
        if not content.startswith(b"From ") or path.suffix == ".eml":
            mails[mail(_folder(parts, told), content, _date(content, path))] += 1
            continue
        separators = list(_SEPARATOR.finditer(content))
        for one, following in zip(separators, [*separators[1:], None], strict=True):
            end = following.start() if following else len(content)
            text = re.sub(
                rb"^>(>*From )", rb"\1", re.sub(rb"(?<=\n)\r?\n\Z", b"", content[one.end() : end]), flags=re.M
            )
            date = _of_separator(one[0]) or _date(text, path)
            name = path.name.removesuffix(".mbox")
            mails[mail(_folder((*parts, name), told), text, date, _flags(text))] += 1
    return mails


def _folder(levels: tuple[str, ...], told: dict[str, Any]) -> str:
    name = "/".join(levels)
    return str(told["replaced"].get(name, name)) or "INBOX"


def _flags(content: bytes) -> set[str]:
    """What Mozilla's and mutt's programs note in an mbox."""
    message = message_from_bytes(content, policy=policy.compat32)
    bits = int(message.get("X-Mozilla-Status", "0"), 16)
    flags = {flag for bit, flag in ((1, SEEN), (2, ANSWERED), (4, FLAGGED), (8, DELETED)) if bits & bit}
    return flags | ({SEEN} if "R" in message.get("Status", "") else set())


def _of_separator(line: bytes) -> int | None:
    found = _ASCTIME.search(line.decode())
    if found is None:
        return None
    text = f"{found[1]} {found[2] or '+0000'} {found[3]}"
    return int(datetime.strptime(text, "%b %d %H:%M:%S %z %Y").timestamp())


def _date(content: bytes, path: Path) -> int:
    """The newest plausible ``Received:``, else ``Date:``, else the file's."""
    message = message_from_bytes(content, policy=policy.compat32)
    received = [_seconds(str(value).rpartition(";")[2]) for value in message.get_all("Received", [])]
    sent = [_seconds(str(value)) for value in message.get_all("Date", [])]
    dates = [one for one in received if one] or sent
    return max((one for one in dates if one), default=int(path.stat().st_mtime))


def _seconds(text: str) -> int | None:
    try:
        moment = parsedate_to_datetime(text.strip())
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    plausible = moment.year > 1970 and moment.timestamp() < datetime.now(UTC).timestamp() + 86_400
    return int(moment.timestamp()) if plausible else None
