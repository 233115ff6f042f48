"""What an import has written, read by a real Dovecot over IMAP: numbers, bytes, dates, flags, folders."""

import imaplib
import os
import re
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mailroom.folder_names import modified_utf7

from mailroomctl.moving.folders import Folders
from mailroomctl.moving.importing import Options, import_source
from mailroomctl.moving.owner import owner_for
from mailroomctl.moving.sources.item import Reading
from mailroomctl.moving.sources.opening import open_source
from mailroomctl.moving.summary import Outcome, Summary
from tests.e2e.dovecot import Dovecot
from tests.e2e.world import World

NESTED = "Büro/a & b/日本語"
LINES = b"Subject: lines\r\n\r\nCRLF\r\nlf\n" + b"x" * 100_000 + b"\r\n.\r\nFrom here\n>From there\r\n"
LF = b"Subject: lf\nMessage-ID: <lf@example.org>\n\nbody\n\n"
FLAGGED = b"Subject: flagged\r\n\r\nbody\r\n"


def run(source: Path, world: World, address: str) -> Summary:
    """Import as the command does, as root or not."""
    path = f"{address.partition('@')[2]}/{address.partition('@')[0]}/Maildir"
    summary = Summary(str(source), address, path)
    owner = owner_for(str(world.mail_root), path.split("/"), None)
    opened = open_source(str(source), Reading())
    options = Options(lambda: Folders({}, frozenset()), 4, owner=owner)
    try:
        import_source(opened, str(world.mail_root), path, summary, options, lambda _: None)
    finally:
        opened.close()
    return summary


def crlf(mail: bytes) -> bytes:
    """A message as IMAP gives it."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", mail)


def fetch(imap: imaplib.IMAP4, folder: str) -> dict[bytes, tuple[str, set[str]]]:
    """The messages of a folder by their bytes: INTERNALDATE in UTC, and flags without Recent."""
    status, _ = imap.select(f'"{modified_utf7(folder)}"', readonly=True)
    assert status == "OK", folder
    _, answers = imap.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")
    found = {}
    for one in answers:
        if isinstance(one, tuple):
            head = one[0].decode()
            date = re.search(r'INTERNALDATE "([^"]+)"', head)
            flags = re.search(r"FLAGS \(([^)]*)\)", head)
            assert date
            assert flags
            moment = datetime.strptime(date[1].strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
            found[one[1]] = (moment.strftime("%Y-%m-%d %H:%M:%S"), set(flags[1].split()) - {"\\Recent"})
    return found


@pytest.fixture
def address(world: World, dovecot: Dovecot) -> str:
    """A mailbox in the mail root, which belongs to Dovecot's user."""
    address = world.mailbox()
    dovecot.take_over()
    return address


def test_a_maildir_is_read_as_it_was(world: World, dovecot: Dovecot, address: str, tmp_path: Path) -> None:
    export = tmp_path / "export"
    nested = "." + ".".join(modified_utf7(level) for level in NESTED.split("/"))
    for directory, name, mail in (
        (".", "1600000000.a.host:2,FS", FLAGGED),
        (".", "1600000001.a.host:2,", LINES),
        (".Sent", "1600000002.a.host:2,DRST", LF),
        (nested, "1600000003.a.host", FLAGGED),
        (".INBOX.Old", "1600000004.a.host:2,S", LF),
        (".a", "1600000005.a.host:2,S", LF),
    ):
        path = export / directory / ("cur" if ":" in name else "new") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mail)
        os.utime(path, (1_600_000_000, 1_600_000_000))
    assert run(export, world, address).total(Outcome.IMPORTED) == 6
    date = "2020-09-13 12:26:40"
    expected = {
        "INBOX": {FLAGGED: (date, {"\\Flagged", "\\Seen"}), crlf(LINES): (date, set())},
        "Sent": {crlf(LF): (date, {"\\Draft", "\\Answered", "\\Seen", "\\Deleted"})},
        NESTED: {FLAGGED: (date, set())},
        "INBOX/Old": {crlf(LF): (date, {"\\Seen"})},
        "a": {crlf(LF): (date, {"\\Seen"})},
    }
    # Not taken over: what root imports has its owner already.
    with dovecot.session(address) as imap:
        for folder, messages in expected.items():
            assert fetch(imap, folder) == messages
        imap.select("INBOX")
        imap.store("1:*", "+FLAGS", "(\\Answered)")
    assert run(export, world, address).total(Outcome.PRESENT) == 6
    with dovecot.session(address) as imap:
        for folder, messages in expected.items():
            assert len(fetch(imap, folder)) == len(messages)


def test_what_dovecot_has_written_is_imported_with_flags_and_keywords(
    world: World, dovecot: Dovecot, address: str, tmp_path: Path
) -> None:
    other = world.mailbox()
    with dovecot.login(address) as imap:
        imap.append("INBOX", "(\\Seen $Label1)", '"13-Sep-2020 12:26:40 +0000"', FLAGGED)
        imap.create(modified_utf7("Büro"))
        imap.append(modified_utf7("Büro"), "(\\Flagged)", '"13-Sep-2020 12:26:41 +0000"', crlf(LF))
        imap.append(modified_utf7("Büro"), "(\\Flagged)", '"13-Sep-2020 12:26:41 +0000"', crlf(LF))
    local_part, _, domain = address.partition("@")
    shutil.copytree(world.mail_root / domain / local_part / "Maildir", tmp_path / "Maildir")
    dovecot.take_over()
    summary = run(tmp_path / "Maildir", world, other)
    assert summary.total(Outcome.IMPORTED) == summary.found == 3
    assert summary.keywords == {"$Label1": 1}
    with dovecot.session(other) as imap:
        assert fetch(imap, "INBOX") == {FLAGGED: ("2020-09-13 12:26:40", {"\\Seen"})}
        assert fetch(imap, "Büro") == {crlf(LF): ("2020-09-13 12:26:41", {"\\Flagged"})}
        assert imap.select(modified_utf7("Büro")) == ("OK", [b"2"])


def test_an_export_of_mails_and_an_mbox_with_labels_are_read(
    world: World, dovecot: Dovecot, address: str, tmp_path: Path
) -> None:
    received = b"Received: from a by b; Sun, 13 Sep 2020 14:26:40 +0200\r\n" + FLAGGED
    with zipfile.ZipFile(tmp_path / "export.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("Inbox/1.eml", received)
        made.writestr("Sent Items/2.eml", LINES)
        made.writestr("Calendar/3.eml", b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\n")
    labelled = b"X-GM-THRID: 1\r\nX-Gmail-Labels: Work,Opened,Starred\r\n\r\n>From me\r\n"
    separator = b"From 1@xxx Sun Sep 13 12:26:40 +0000 2020\r\n"
    (tmp_path / "takeout.mbox").write_bytes(separator + labelled + b"\r\n")
    assert run(tmp_path / "export.zip", world, address).total(Outcome.IMPORTED) == 3
    assert run(tmp_path / "takeout.mbox", world, address).total(Outcome.IMPORTED) == 1
    date = "2020-09-13 12:26:40"
    with dovecot.session(address) as imap:
        assert fetch(imap, "INBOX") == {received: (date, set())}
        assert set(fetch(imap, "Sent Items")) == {crlf(LINES)}
        assert len(fetch(imap, "Calendar")) == 1
        assert fetch(imap, "Work") == {labelled.replace(b">From", b"From"): (date, {"\\Flagged", "\\Seen"})}
