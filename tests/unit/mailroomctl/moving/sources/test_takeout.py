from pathlib import Path

import pytest

from mailroomctl.moving.headers import Headers
from mailroomctl.moving.sources import takeout
from mailroomctl.moving.sources.item import Reading
from tests.unit.mailroomctl.moving.one_import import contents, import_from, mbox, messages, outcomes, put


def sorted_out(labels: str) -> tuple[str, str, tuple[str, ...]]:
    headers = Headers(f"X-GM-THRID: 1\r\nX-Gmail-Labels: {labels}\r\n\r\n".encode())
    names = takeout.labels(headers)
    assert names is not None
    folder, flags, rest = takeout.sort_out(names, str)
    return "/".join(folder), flags, rest


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("Inbox,Important,Opened,Category Personal", ("INBOX", "S", ("Important", "Category Personal"))),
        ("Inbox,Unread", ("INBOX", "", ())),
        ("Sent,Opened", ("Sent", "S", ())),
        ("Sent,Inbox,Unread,Starred", ("INBOX", "F", ("Sent",))),
        ("Archived,Opened,Starred", ("Archive", "FS", ())),
        ("Opened,Work/Lists,Sent", ("Work/Lists", "S", ("Sent",))),
        ("Inbox,Work,Unread", ("INBOX", "", ("Work",))),
        ("Spam,Unread,Category Promotions", ("Junk", "", ("Category Promotions",))),
        ("Trash,Inbox", ("Trash", "S", ("Inbox",))),
        ("Drafts", ("Drafts", "DS", ())),
        ("IMAP_$Forwarded,Opened", ("Archive", "S", ("IMAP_$Forwarded",))),
        ('"Bills, paid",Opened', ("Bills, paid", "S", ())),
        ("=?UTF-8?Q?=C3=85rsrapport,Opened?=", ("Årsrapport", "S", ())),
        ("=?UTF-8?Q?B=C3=BCro/=C3=9Cber?=\r\n =?UTF-8?Q?sicht,Unread?=", ("Büro/Übersicht", "", ())),
        ("", ("Archive", "S", ())),
    ],
)
def test_labels_are_a_folder_flags_and_keywords(labels: str, expected: tuple[str, str, tuple[str, ...]]) -> None:
    assert sorted_out(labels) == expected


def test_only_what_takeout_has_written_is_believed(tmp_path: Path) -> None:
    """A sender may write the same lines; the servers' are above them."""
    path = tmp_path / "a.mbox"
    path.write_bytes(mbox(b"Received: x\nX-GM-THRID: 1\nX-Gmail-Labels: Trash\n\nbody\n"))
    [message] = messages(path)
    assert (message.folder, message.flags) == ((), None)


def test_labels_in_another_language_are_translated(tmp_path: Path) -> None:
    path = tmp_path / "a.mbox"
    path.write_bytes(mbox(b"X-GM-THRID: 1\nX-Gmail-Labels: Posteingang,Ungelesen\n\nbody\n"))
    translated = {"Posteingang": "Inbox", "Ungelesen": "Unread"}
    [message] = messages(path, Reading(label=lambda name: translated.get(name, name)))
    assert (message.folder, message.flags) == (("INBOX",), "")


def test_a_message_in_the_files_of_two_labels_comes_once(tmp_path: Path) -> None:
    mail = b"X-GM-THRID: 1\nX-Gmail-Labels: Inbox,Work,Unread\n\nbody\n"
    put(tmp_path, "source/Takeout/Mail/Inbox.mbox", mbox(mail, mail))
    put(tmp_path, "source/Takeout/Mail/Work.mbox", mbox(mail))
    summary = import_from(tmp_path / "source", tmp_path / "mail")
    assert outcomes(summary) == {"imported": 2, "present": 1}
    assert contents(tmp_path / "mail") == {".": [mail, mail]}
    assert summary.keywords == {"Work": 2}
