"""What people bring along: archives of old mail, and what a mail program has to show of them afterwards."""

import io
import random
import re
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple

from mailroom.folder_names import modified_utf7

SINCE = 1_500_000_000
SEEN, FLAGGED, ANSWERED, DRAFT, DELETED = "\\Seen", "\\Flagged", "\\Answered", "\\Draft", "\\Deleted"
LETTERS = {"D": DRAFT, "F": FLAGGED, "R": ANSWERED, "S": SEEN, "T": DELETED}
#: Nested, and in other scripts.
FOLDERS = ("INBOX", "Sent Items", "Büro/a & b/日本語", "Lists/Привет", "Lists")

#: What Takeout writes into ``X-Gmail-Labels:``, and the folder and flags that it stands for.
LABELS: tuple[tuple[str, str, set[str]], ...] = (
    ("Inbox,Opened", "INBOX", {SEEN}),
    ("Inbox,Unread,Starred", "INBOX", {FLAGGED}),
    ("Inbox,Sent,Opened,Important", "INBOX", {SEEN}),
    ("Archived,Opened,Work/Clients/Müller & Söhne,Later", "Work/Clients/Müller & Söhne", {SEEN}),
    ("Archived,Unread,日本語", "日本語", set()),
    ("Sent,Opened", "Sent", {SEEN}),
    ("Spam,Unread", "Junk", set()),
    ("Trash,Opened,Work", "Trash", {SEEN}),
    ("Drafts,Opened", "Drafts", {DRAFT, SEEN}),
    ("Archived,Opened,Category Updates", "Archive", {SEEN}),
)


class Mail(NamedTuple):
    """A message as IMAP shows it."""

    folder: str
    content: bytes
    seconds: int
    """INTERNALDATE, since 1970."""
    flags: frozenset[str]


class Archive(NamedTuple):
    """What is imported, and what there is then."""

    source: Path
    mails: Counter[Mail]
    again: int = 0
    """Messages that are in it a second time without being a second message."""


def mail(folder: str, content: bytes, seconds: int, flags: Iterable[str] = ()) -> Mail:
    """A message that lies so in an archive; IMAP ends every line with CRLF."""
    return Mail(folder, re.sub(rb"(?<!\r)\n", b"\r\n", content), seconds, frozenset(flags))


def written(number: int, seconds: int, *, body: bytes = b"body\r\n", above: bytes = b"") -> bytes:
    """A message that a server received at a time, a day after it was sent."""
    date = format_datetime(datetime.fromtimestamp(seconds, UTC)).encode()
    sent = format_datetime(datetime.fromtimestamp(seconds - 86_400, UTC)).encode()
    head = (
        b"Received: from c (c.example.org) by d.example.org id 1;\r\n %s\r\nReceived: from b by c; %s\r\n"
        b"Message-ID: <%d@example.org>\r\nDate: %s\r\nFrom: Anna <anna@example.org>\r\nSubject: number %d\r\n\r\n"
    )
    return above + head % (date, sent, number, sent, number) + body


def takeout(folder: Path, count: int) -> Archive:
    """Google's archive: one mbox with all mail, and one for a label, which has some of them again."""
    mails: Counter[Mail] = Counter()
    everything, again = [], []
    for number in range(count):
        labels, name, flags = LABELS[number % len(LABELS)]
        seconds = SINCE + number * 3600
        encoded = labels if labels.isascii() else Header(labels, "utf-8").encode(linesep="\r\n")
        above = f"X-GM-THRID: {number}\r\nX-Gmail-Labels: {encoded}\r\n".encode()
        content = written(number, seconds - 60, above=above, body=b"\r\nFrom here\r\n>From there\r\n")
        mails[mail(name, content, seconds, flags)] += 1
        date = datetime.fromtimestamp(seconds, UTC).strftime("%a %b %d %H:%M:%S +0000 %Y")
        everything.append(f"From {number}@xxx {date}\r\n".encode() + _quoted(content) + b"\r\n")
        if name == "日本語":
            again.append(everything[-1])
    source = folder / "takeout.tgz"
    with tarfile.open(source, "w:gz") as made:
        _add(made, "Takeout/Mail/All mail Including Spam and Trash.mbox", b"".join(everything))
        _add(made, "Takeout/Mail/日本語.mbox", b"".join(again))
        _add(made, "Takeout/archive_browser.html", b"<html></html>")
    return Archive(source, mails, again=len(again))


def workmail(folder: Path, count: int) -> Archive:
    """A zip with one message a file; every tenth is there twice, and stays so."""
    files: dict[str, bytes] = {}
    mails: Counter[Mail] = Counter()
    for number in range(count):
        name, seconds = FOLDERS[number % len(FOLDERS)], SINCE + number * 3600
        content = written(number, seconds)
        for copy in range(1 + (number % 10 == 0)):
            files[f"{name.replace('INBOX', 'Inbox')}/{number}-{copy}.eml"] = content
            mails[mail(name, content, seconds)] += 1
    meeting = written(count, SINCE, above=b"Content-Type: text/calendar\r\n", body=b"BEGIN:VCALENDAR\r\n")
    files["Calendar/meeting.eml"] = meeting
    mails[mail("Calendar", meeting, SINCE)] += 1
    return Archive(zipped(folder / "workmail.zip", files), mails)


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    """Write a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


def generated(folder: Path, count: int, chance: random.Random) -> Archive:
    """A tar with a Maildir and an mbox: messages of any size, with any bytes but NUL, which IMAP has not."""
    mails: Counter[Mail] = Counter()
    box = []
    source = folder / "generated.tar.gz"
    with tarfile.open(source, "w:gz") as made:
        for number in range(count):
            name, seconds = chance.choice(FOLDERS), SINCE + chance.randrange(250_000_000)
            content = b"Subject: %d\n\n" % (number // 2 * 2 if chance.random() < 0.2 else number) + _any_bytes(chance)
            letters = "".join(letter for letter in LETTERS if chance.random() < 0.3)
            if number % 3:
                plus = "" if name == "INBOX" else "." + ".".join(map(modified_utf7, name.split("/"))) + "/"
                path = f"Maildir/{plus}cur/{seconds}.{number}.host:2,{letters}"
                _add(made, path, content, seconds)
                mails[mail(name, content, seconds, [LETTERS[letter] for letter in letters])] += 1
            else:
                content += b"" if content.endswith(b"\n") else b"\n"
                date = datetime.fromtimestamp(seconds, UTC).strftime("%a %b %d %H:%M:%S %Y")
                box.append(f"From anna@example.org {date}\n".encode() + _quoted(content) + b"\n")
                mails[mail("Old", content, seconds)] += 1
        _add(made, "Old.mbox", b"".join(box))
    return Archive(source, mails)


def _any_bytes(chance: random.Random) -> bytes:
    lines = []
    for _ in range(chance.choice((0, 1, 5, 20, 400))):
        line = chance.choice((b"", b"text ", b"From me ", b">From you ", b">>From ", b".", b"\xc3\xa9\xff\x01 "))
        line += bytes(1 + byte % 255 for byte in chance.randbytes(chance.choice((0, 0, 70)))).replace(b"\n", b"")
        lines.append(line.replace(b"\r", b"") + chance.choice((b"\n", b"\r\n")))
    return b"".join(lines) + chance.choice((b"", b"no end", b"\n\n"))


def _quoted(content: bytes) -> bytes:
    return re.sub(rb"^(>*From )", rb">\1", content, flags=re.MULTILINE)


def _add(made: tarfile.TarFile, name: str, content: bytes, seconds: int = SINCE) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = len(content), seconds
    made.addfile(member, io.BytesIO(content))
