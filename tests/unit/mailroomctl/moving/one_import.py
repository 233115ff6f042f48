"""One mailbox, an import into it, and what is on disk then."""

import os
import re
from pathlib import Path
from typing import Any

from mailroomctl.moving.folders import Folders
from mailroomctl.moving.importing import Options, import_source
from mailroomctl.moving.known import By
from mailroomctl.moving.sources.item import Item, Message, Reading
from mailroomctl.moving.sources.opening import open_source
from mailroomctl.moving.summary import Outcome, Summary

MAILBOX = "bob@example.com"
PATH = "example.com/bob/Maildir"
NOW = 1_795_500_000.0
DATE = "Tue Nov 24 10:00:00 2026"
SECONDS = 1_795_514_400


def read(path: Path | str, reading: Reading | None = None) -> list[Item]:
    """All items of a source; contents stay open."""
    source = open_source(str(path), reading or Reading())
    try:
        return list(source.items())
    finally:
        source.close()


def messages(path: Path | str, reading: Reading | None = None) -> list[Message]:
    """The messages of a source that has nothing else in it."""
    items = read(path, reading)
    found = [item for item in items if isinstance(item, Message)]
    assert len(found) == len(items), items
    return found


def raw(message: Message) -> bytes:
    """A message's bytes, which can be read once: then the message is closed."""
    content = b"".join(message.content.chunks())
    assert len(content) == message.content.size
    message.content.close()
    return content


def import_from(
    path: Path | str,
    root: Path,
    *,
    folders: Folders | None = None,
    known_by: By | None = None,
    reading: Reading | None = None,
    **more: Any,
) -> Summary:
    """Import a source as the command does, by one writer."""
    if not root.exists():
        root.mkdir()
    summary = Summary(str(path), MAILBOX, PATH)
    source = open_source(str(path), reading or Reading())
    options = Options(folders=lambda: folders or Folders({}, frozenset()), jobs=1, known_by=known_by, now=NOW, **more)
    try:
        import_source(source, str(root), PATH, summary, options, lambda _: None)
    finally:
        source.close()
    assert summary.found == sum(summary.total(outcome) for outcome in Outcome)
    return summary


def outcomes(summary: Summary) -> dict[str, int]:
    """The numbers that are not 0."""
    return {str(outcome): summary.total(outcome) for outcome in Outcome if summary.total(outcome)}


def files(root: Path) -> list[Path]:
    """Every message on disk, in any folder."""
    return sorted(path for part in ("new", "cur") for path in (root / PATH).glob(f"**/{part}/*"))


def contents(root: Path) -> dict[str, list[bytes]]:
    """The messages of each folder's directory, sorted."""
    found: dict[str, list[bytes]] = {}
    for path in files(root):
        folder = path.parent.parent.relative_to(root / PATH)
        found.setdefault(str(folder), []).append(path.read_bytes())
    return {folder: sorted(mails) for folder, mails in found.items()}


def mbox(*mails: bytes, date: str = DATE) -> bytes:
    """Write an mboxrd, as RFC 4155 and its users have it; mails end with a line end."""
    return b"".join(b"From a@example.org %s\n%s\n" % (date.encode(), _quoted(mail)) for mail in mails)


def _quoted(mail: bytes) -> bytes:
    return re.sub(rb"^(>*From )", rb">\1", mail, flags=re.MULTILINE)


def put(folder: Path, name: str, content: bytes, mtime: float = SECONDS) -> Path:
    """Make a file, and the folders above it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (mtime, mtime))
    return path
