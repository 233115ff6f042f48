"""What arrives is what was sent: bytes, name, date, folder; through another mount too. No link leads out."""

import imaplib
import time
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.dovecot import Dovecot
from tests.nfs.attempts import RECEIVED_AT, as_owner, deliver

MAIL = bytes(range(256)) * 40 + b"\r\nbare\nline ends\r\n"
FOLDER = "Entwürfe/日本"


def test_a_message_has_every_byte_its_sizes_and_its_date(mail_root: Path) -> None:
    assert deliver(mail_root, "bytes/Maildir", "1\nbob@example.com", [MAIL[:100], MAIL[100:]]) == "delivered"
    box = mail_root / "bytes/Maildir"
    [message] = (box / "new").iterdir()
    assert message.read_bytes() == MAIL
    assert message.name.startswith(f"{int(RECEIVED_AT)}.")
    assert message.name.endswith(f".mailroom,S={len(MAIL)},W={len(MAIL) + MAIL.count(b'\n') - MAIL.count(b'\r\n')}")
    assert message.stat().st_mtime == RECEIVED_AT
    assert message.stat().st_mode & 0o777 == 0o600
    assert list((box / "tmp").iterdir()) == []
    assert list((box / "cur").iterdir()) == []


def test_a_large_message_has_every_byte(mail_root: Path) -> None:
    chunks = [bytes([number % 251]) * 250_007 for number in range(30)]
    assert deliver(mail_root, "large/Maildir", "1\nbob@example.com", chunks) == "delivered"
    [message] = (mail_root / "large/Maildir/new").iterdir()
    assert message.read_bytes() == b"".join(chunks)


def test_dovecot_shows_it_with_its_date_through_the_second_mount(mail_root: Path, dovecot: Dovecot) -> None:
    mail = b"Subject: date\r\n\r\n" + b"text\r\n" * 100
    send = partial(deliver, mail_root / "dovecot", "example.com/date/Maildir", "1\ndate@example.com", [mail])
    assert as_owner(send) == "delivered"
    with dovecot.session("date@example.com") as imap:
        assert imap.select("INBOX") == ("OK", [b"1"])
        answer = imap.fetch("1", "(INTERNALDATE BODY.PEEK[])")[1][0]
    assert isinstance(answer, tuple)
    assert answer[1] == mail
    date = imaplib.Internaldate2tuple(answer[0])
    assert date
    assert time.mktime(date) == int(RECEIVED_AT)


def test_dovecot_shows_a_folder_with_a_name_that_is_not_ascii(mail_root: Path, dovecot: Dovecot) -> None:
    send = partial(deliver, mail_root / "dovecot", "example.com/name/Maildir", "1\nname@example.com", [b"\r\n"])
    assert as_owner(partial(send, folder=FOLDER)) == "delivered"
    assert (mail_root / "dovecot/example.com/name/Maildir/.Entw&APw-rfe.&ZeVnLA-/maildirfolder").is_file()
    with dovecot.session("name@example.com") as imap:
        assert imap.select('"Entw&APw-rfe/&ZeVnLA-"') == ("OK", [b"1"])


@pytest.mark.parametrize(
    "link", ["domain", "domain/user", "domain/user/Maildir", "domain/user/Maildir/tmp", "domain/user/Maildir/new"]
)
@pytest.mark.parametrize("first_claimed_at", [None, 1.0], ids=["first attempt", "recovery"])
def test_no_link_is_followed(mail_root: Path, link: str, first_claimed_at: float | None) -> None:
    case = mail_root / f"link-{link.replace('/', '-')}-{first_claimed_at}"
    outside = case / "outside"
    for part in ("tmp", "new", "cur"):
        for folder in (case / "mail/domain/user/Maildir", outside / "user/Maildir", outside / "Maildir", outside):
            (folder / part).mkdir(parents=True, exist_ok=True)
    link_path = case / "mail" / link
    link_path.rename(case / "moved")
    link_path.symlink_to(outside)
    outcome = deliver(
        case / "mail", "domain/user/Maildir", "1\nbob@example.com", [MAIL], first_claimed_at=first_claimed_at
    )
    assert outcome.startswith("MailboxPathRejected"), outcome
    assert [path for path in case.rglob("*") if path.is_file()] == []
