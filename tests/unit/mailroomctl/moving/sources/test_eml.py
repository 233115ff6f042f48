from pathlib import Path

import pytest

from mailroomctl.moving.sources.eml import looks_like_mail
from mailroomctl.moving.sources.item import Calendar, Message, NoMail, Reading, SetAside
from tests.unit.mailroomctl.moving.one_import import mbox, messages, put, raw, read

MAIL = b"From: a@example.org\r\nSubject: x\r\n\r\nbody"
EVENT = b"Subject: meeting\r\nContent-Type: Text/Calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n"


@pytest.mark.parametrize(
    ("beginning", "is_mail"),
    [
        (MAIL, True),
        (b"Subject: x\n folded\n\nbody", True),
        (b"From: only one field\n\n", True),
        (b"Dear Bob: this is a letter\nand no mail\n", False),
        (b"{\n", False),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", False),
        (b"\x89PNG\r\n", False),
        (b"", False),
    ],
)
def test_a_mail_begins_with_header_fields(beginning: bytes, is_mail: bool) -> None:
    assert looks_like_mail(beginning) is is_mail


def test_folders_are_folders_and_names_mean_nothing(tmp_path: Path) -> None:
    put(tmp_path, "Inbox/0001.eml", MAIL)
    put(tmp_path, "Inbox/Büro/no ending", MAIL + b"2")
    put(tmp_path, "new/x.EML", b"\0 whatever it is, its name says that it is a mail")
    found = {raw(message): message for message in messages(tmp_path)}
    assert found[MAIL].folder == ("Inbox",)
    assert found[MAIL + b"2"].folder == ("Inbox", "Büro")
    assert [message.folder for message in found.values() if message.folder[0] == "new"] == [("new",)]
    assert {(message.flags, message.own_date) for message in found.values()} == {(None, None)}


def test_what_is_no_mail_is_told(tmp_path: Path) -> None:
    put(tmp_path, "contacts.vcf", b"BEGIN:VCARD\nVERSION:4.0\n")
    put(tmp_path, "picture.png", b"\x89PNG")
    put(tmp_path, "empty.txt", b"")
    put(tmp_path, "more.zip", b"PK\3\4")
    put(tmp_path, "a.eml", MAIL)
    for beside in (".DS_Store", "__MACOSX/._a.eml", "Inbox.msf", "Thumbs.db"):
        put(tmp_path, beside, b"x")
    items = read(tmp_path)
    assert {item.where: item.reason for item in items if isinstance(item, NoMail)} == {
        "contacts.vcf": "no mail: it does not begin with header fields",
        "picture.png": "no mail: it does not begin with header fields",
        "empty.txt": "an empty file",
    }
    assert [item for item in items if isinstance(item, SetAside)] == [
        SetAside("more.zip", "an archive; import it by itself")
    ]
    assert len(items) == 5


def test_mail_in_a_format_that_nothing_here_reads_is_set_aside(tmp_path: Path) -> None:
    told = "mail in a format that is not read here; convert it to mbox or .eml"
    put(tmp_path, "Outlook.PST", b"!BDN")
    put(tmp_path, "1.emlx", b"12\nSubject: x\n")
    assert sorted(read(tmp_path)) == [SetAside("1.emlx", told), SetAside("Outlook.PST", told)]
    assert read(tmp_path / "Outlook.PST") == [SetAside(f"{tmp_path}/Outlook.PST", told)]


@pytest.mark.parametrize("calendar", Calendar)
def test_calendar_items_go_where_they_shall(tmp_path: Path, calendar: Calendar) -> None:
    put(tmp_path, "Inbox/a.eml", EVENT)
    put(tmp_path, "Inbox/b.eml", MAIL)
    items = read(tmp_path, Reading(calendar=calendar))
    folders = {raw(item): item.folder for item in items if isinstance(item, Message)}
    assert folders.pop(MAIL) == ("Inbox",)
    match calendar:
        case Calendar.FOLDER:
            assert folders == {EVENT: ("Calendar",)}
        case Calendar.KEEP:
            assert folders == {EVENT: ("Inbox",)}
        case Calendar.LEAVE_OUT:
            assert NoMail("Inbox/a.eml", "a calendar item") in items
            assert folders == {}


def test_mail_with_the_name_of_something_else_is_mail(tmp_path: Path) -> None:
    put(tmp_path, "Dovecot upgrade.eml", MAIL)
    put(tmp_path, "courier receipt", MAIL + b"2")
    put(tmp_path, "subscriptions", mbox(b"3\n"))
    put(tmp_path, ".hidden.eml", MAIL + b"4")
    assert len(messages(tmp_path)) == 4


def test_mboxes_of_a_tree_are_folders(tmp_path: Path) -> None:
    put(tmp_path, "Inbox.mbox", mbox(b"1\n"))
    put(tmp_path, "Work.mbox/mbox", mbox(b"2\n"))
    put(tmp_path, "Local Folders/Sent", mbox(b"3\n"))
    put(tmp_path, "Sent.sbd/2025", mbox(b"4\n"))
    assert {raw(message): message.folder for message in messages(tmp_path)} == {
        b"1\n": ("Inbox",),
        b"2\n": ("Work",),
        b"3\n": ("Local Folders", "Sent"),
        b"4\n": ("Sent", "2025"),
    }
