import os
import signal
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mailroom.errors import StorageUnavailable
from mailroom.maildir import draft, names, recovery
from mailroom.maildir.directories import Place, open_folder

from mailroomctl.moving import content, importing, mailbox
from mailroomctl.moving.folders import Folders, left_out_folders
from mailroomctl.moving.identity import HOST, identity_of, message_name
from mailroomctl.moving.importing import Options, import_source
from mailroomctl.moving.sources.item import Reading
from mailroomctl.moving.sources.opening import open_source
from mailroomctl.moving.summary import Summary
from tests.unit.mailroomctl.moving.one_import import (
    MAILBOX,
    PATH,
    SECONDS,
    contents,
    files,
    import_from,
    mbox,
    outcomes,
    put,
)

OPTIONS = Options(lambda: Folders({}, frozenset()), 1)
MAILS = st.lists(st.tuples(st.sampled_from(["INBOX", "Sent", "Bü"]), st.sampled_from([b"1\n", b"2\n", b"3\r\n"])))


def test_a_message_is_written_as_a_delivery_is(tmp_path: Path) -> None:
    put(tmp_path, "source/cur/1.a.host:2,FS", b"Subject: x\n\nbody\r\n", 1_600_000_000.25)
    summary = import_from(tmp_path / "source", tmp_path / "mail")
    assert outcomes(summary) == {"imported": 1}
    [path] = files(tmp_path / "mail")
    assert path.parent.name == "new"
    assert path.name.startswith("1600000000.")
    assert path.name.endswith(f".{HOST},S=18,W=20:2,FS")
    assert path.read_bytes() == b"Subject: x\n\nbody\r\n"
    assert path.stat().st_mtime == 1_600_000_000.25
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not list((tmp_path / "mail").glob("**/tmp/*"))
    assert not (tmp_path / "mail" / PATH / mailbox.LOCK).exists()


def test_a_folder_is_made_as_maildir_wants_it(tmp_path: Path) -> None:
    put(tmp_path, "source/Büro/Lists/1.eml", b"Subject: x\n\n")
    summary = import_from(tmp_path / "source", tmp_path / "mail")
    assert contents(tmp_path / "mail") == {".B&APw-ro.Lists": [b"Subject: x\n\n"]}
    assert (tmp_path / "mail" / PATH / ".B&APw-ro.Lists/maildirfolder").exists()
    assert summary.made == ["Büro/Lists", "INBOX"]


@pytest.mark.parametrize(("seen", "flags"), [(False, ""), (True, "S")])
def test_what_the_source_says_nothing_about_is_new_unless_asked(tmp_path: Path, seen: bool, flags: str) -> None:
    put(tmp_path, "source/1.eml", b"Subject: x\n\n")
    put(tmp_path, "source/Sent/new/1.a", b"Subject: y\n\n")
    import_from(tmp_path / "source", tmp_path / "mail", seen=seen)
    assert {path.parent.parent.name: path.name.partition(":2,")[2] for path in files(tmp_path / "mail")} == {
        "Maildir": flags,
        ".Sent": "",
    }


@settings(max_examples=40)
@given(MAILS, MAILS, st.randoms())
def test_a_second_export_in_another_order_adds_what_is_new(
    first: list[tuple[str, bytes]], more: list[tuple[str, bytes]], chance: Any
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        path = Path(folder)
        expected: dict[str, list[bytes]] = {}
        for number, mails in enumerate((first, first + more)):
            mails = mails.copy()
            chance.shuffle(mails)
            source = path / f"export{number}"
            source.mkdir()
            for place, (name, mail) in enumerate(mails):
                put(source, f"{name}/cur/{place}.{number}.host:2,{chance.choice('FS')}", mail)
            summary = import_from(source, path / "mail")
            expected = {}
            for name, mail in mails:
                directory = {"INBOX": ".", "Sent": ".Sent", "Bü": ".B&APw-"}[name]
                expected.setdefault(directory, []).append(mail)
            expected = {name: sorted(mails) for name, mails in expected.items()}
            assert contents(path / "mail") == expected
        assert outcomes(summary) == {
            name: number for name, number in (("imported", len(more)), ("present", len(first))) if number
        }


def test_what_a_reader_has_moved_to_cur_and_flagged_is_there(tmp_path: Path) -> None:
    source = put(tmp_path, "a.mbox", mbox(b"1\n", b"1\n", b"2\n"))
    import_from(source, tmp_path / "mail")
    for path in files(tmp_path / "mail")[:2]:
        path.rename(path.parent.parent / "cur" / f"{path.name}:2,S")
    assert outcomes(import_from(source, tmp_path / "mail")) == {"present": 3}
    assert contents(tmp_path / "mail") == {".": [b"1\n", b"1\n", b"2\n"]}


def test_the_recovery_of_a_delivery_understands_flags(tmp_path: Path) -> None:
    place = Place("INBOX", str(tmp_path), ["bob"], None)
    for part in ("tmp", "new"):
        (tmp_path / "bob" / part).mkdir(parents=True)
    name = names.message_name("delivery", SECONDS)
    folder = open_folder(place)
    one = draft.Draft(folder, names.temporary_name(name, "a"))
    one.show(name, [], [b"body\n"], flags="FS")
    found = recovery.find(name, [folder])
    folder.close()
    assert found is not None
    assert (found.file_name, found.size, found.virtual_size) == (f"{name.base},S=5,W=6", 5, 6)
    assert [path.name for path in (tmp_path / "bob/new").iterdir()] == [f"{name.base},S=5,W=6:2,FS"]


def test_the_names_of_a_folder_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = put(tmp_path, "a.mbox", mbox(*(b"%d\n" % number for number in range(50))))
    import_from(source, tmp_path / "mail")
    for path in (tmp_path / "mail" / PATH).glob("*"):
        os.utime(path, (1, 1))
    monkeypatch.setattr(mailbox, "TICK_SECONDS", -3600)  # all that has happened was long ago
    listed: list[int] = []
    monkeypatch.setattr(mailbox.Mailbox, "_list", lambda *_: listed.append(1) or 0.0)
    assert outcomes(import_from(source, tmp_path / "mail")) == {"imported": 50}
    assert len(listed) == 2


def test_directories_are_synced_for_each_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = put(tmp_path, "a.mbox", mbox(*(b"%d\n" % number for number in range(50))))
    import_from(source, tmp_path / "mail", folders=Folders({}, left_out_folders(["x"])))
    monkeypatch.setattr(importing, "BATCH", 20)
    synced: list[str] = []
    real = mailbox.Folder.sync
    monkeypatch.setattr(mailbox.Folder, "sync", lambda self: synced.append(self.place.name) or real(self))
    folders = Folders({("x",): ("y",)}, frozenset(), ("Old",))
    import_from(source, tmp_path / "mail", folders=folders)
    assert synced == ["Old"] * 3


def test_a_dry_run_makes_nothing(tmp_path: Path) -> None:
    put(tmp_path, "source/Inbox/1.eml", b"Subject: x\n\n")
    put(tmp_path, "source/a.b/2.eml", b"Subject: x\n\n")
    (tmp_path / "mail").mkdir()
    summary = import_from(tmp_path / "source", tmp_path / "mail", dry_run=True)
    assert outcomes(summary) == {"imported": 2}
    assert summary.replaced == {"a.b": "a_b"}
    assert not list((tmp_path / "mail").iterdir())
    planned = summary.data()
    real = import_from(tmp_path / "source", tmp_path / "mail2").data()
    assert planned | {"dry_run": False, "seconds": 0} == real | {"seconds": 0}
    assert planned["made"] == ["INBOX", "a_b"]
    import_from(tmp_path / "source/Inbox", tmp_path / "mail")
    assert outcomes(import_from(tmp_path / "source/Inbox", tmp_path / "mail", dry_run=True)) == {"present": 1}


def test_bad_messages_are_set_aside_and_stop_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "LARGEST", 1000)
    large = b"Subject: large\n\n" + b"x\n" * 1000
    source = put(tmp_path, "a.mbox", mbox(b"1\n") + b"From x Tue Nov 24 10:00:00 2026\n\n" + mbox(large, b"2\n"))
    summary = import_from(source, tmp_path / "mail")
    assert outcomes(summary) == {"imported": 2, "set_aside": 2}
    assert [(one["where"].rpartition(" ")[2], one["reason"]) for one in summary.set_aside] == [
        ("2", "it is empty"),
        ("3", "it is larger than any mail"),
    ]


def test_a_folder_that_cannot_be_used_costs_its_own_messages(tmp_path: Path) -> None:
    put(tmp_path, "source/Sent/1.eml", b"Subject: 1\n\n")
    put(tmp_path, "source/Sent/2.eml", b"Subject: 2\n\n")
    put(tmp_path, "source/Inbox/3.eml", b"Subject: 3\n\n")
    (tmp_path / "mail" / PATH).mkdir(parents=True)
    (tmp_path / "mail" / PATH / ".Sent").symlink_to(tmp_path)
    summary = import_from(tmp_path / "source", tmp_path / "mail")
    assert outcomes(summary) == {"imported": 1, "set_aside": 2}
    assert "not a plain folder" in summary.set_aside[0]["reason"]
    assert contents(tmp_path / "mail") == {".": [b"Subject: 3\n\n"]}


def test_a_folder_that_its_owner_may_not_open_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "source/Sent/1.eml", b"Subject: 1\n\n")
    real = mailbox.open_folder

    def refused(place: Place) -> Any:
        if place.name == "Sent":
            raise PermissionError(13, "Permission denied")
        return real(place)

    monkeypatch.setattr(mailbox, "open_folder", refused)
    with pytest.raises(StorageUnavailable, match=r"the folder Sent: opening the folder: .*EACCES"):
        import_from(tmp_path / "source", tmp_path / "mail")


def test_when_writing_fails_the_import_ends_and_goes_on_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = put(tmp_path, "a.mbox", mbox(*(b"%d\n" % number for number in range(20))))
    real = os.writev
    calls = iter(range(10**6))

    def full(descriptor: int, pieces: list[bytes]) -> int:
        if next(calls) >= 5:
            raise OSError(28, "No space left on device")
        return real(descriptor, pieces)

    monkeypatch.setattr(os, "writev", full)
    summary = Summary("", MAILBOX, PATH)
    (tmp_path / "mail").mkdir()
    opened = open_source(str(source), Reading())
    with pytest.raises(StorageUnavailable, match="full"):
        import_source(opened, str(tmp_path / "mail"), PATH, summary, OPTIONS, lambda _: None)
    opened.close()
    assert summary.found < 12
    assert len(files(tmp_path / "mail")) == 5
    assert not list((tmp_path / "mail").glob("**/tmp/*"))
    monkeypatch.setattr(os, "writev", real)
    assert outcomes(import_from(source, tmp_path / "mail")) == {"imported": 15, "present": 5}


def test_what_a_killed_import_left_in_tmp_is_cleared(tmp_path: Path) -> None:
    source = put(tmp_path, "a.mbox", mbox(b"1\n"))
    import_from(source, tmp_path / "mail")
    [path] = files(tmp_path / "mail")
    tmp = path.parent.parent / "tmp"
    path.rename(tmp / f"{path.name.partition(',')[0]}.0123456789abcdef")
    put(tmp, "1795514400.0123.mailroom.0123", b"a delivery's own")
    assert outcomes(import_from(source, tmp_path / "mail")) == {"imported": 1}
    assert [one.name for one in tmp.iterdir()] == ["1795514400.0123.mailroom.0123"]


def test_ctrl_c_ends_after_the_message_in_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = put(tmp_path, "a.mbox", mbox(*(b"%d\n" % number for number in range(20))))
    (tmp_path / "mail").mkdir()
    numbers = iter(range(100))

    def interrupting(*arguments: Any) -> Any:
        if next(numbers) == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return message_name(*arguments)

    monkeypatch.setattr(importing, "message_name", interrupting)
    summary = Summary("", MAILBOX, PATH)
    opened = open_source(str(source), Reading())
    with pytest.raises(KeyboardInterrupt):
        import_source(opened, str(tmp_path / "mail"), PATH, summary, OPTIONS, lambda _: None)
    opened.close()
    assert outcomes(summary) == {"imported": 8}
    assert len(files(tmp_path / "mail")) == 8
    assert "again to stop immediately" in capsys.readouterr().err
    assert outcomes(import_from(source, tmp_path / "mail")) == {"imported": 12, "present": 8}


def test_many_folders_are_not_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MOST_OPEN", 3)
    for number in range(10):
        put(tmp_path, f"source/{number}/a.eml", b"Subject: a\n\n")
        put(tmp_path, f"source/{number}/b/b.eml", b"Subject: b\n\n")
    assert outcomes(import_from(tmp_path / "source", tmp_path / "mail")) == {"imported": 20}
    assert outcomes(import_from(tmp_path / "source", tmp_path / "mail")) == {"present": 20}


def test_left_out_folders_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "source/Trash/1.eml", b"Subject: 1\n\n")
    folders = Folders({}, left_out_folders(["Trash"]))
    assert outcomes(import_from(tmp_path / "source", tmp_path / "mail", folders=folders)) == {"left_out": 1}


def test_keywords_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "source/dovecot-keywords", b"0 $Label1\n")
    put(tmp_path, "source/cur/1.a:2,Sa", b"1\n")
    put(tmp_path, "source/cur/2.a:2,a", b"2\n")
    assert import_from(tmp_path / "source", tmp_path / "mail").keywords == {"$Label1": 2}


def test_an_archive_that_breaks_off_is_told_and_what_was_read_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        for number in range(3):
            made.writestr(f"{number}.eml", b"Subject: x\n\n")
    broken = bytearray(path.read_bytes())
    broken[broken.rindex(b"PK\1\2")] = 0
    path.write_bytes(broken)
    summary = import_from(path, tmp_path / "mail")
    assert outcomes(summary) == {"imported": 2}
    assert summary.problem.startswith("the source cannot be read any further: the zip archive is damaged")


def test_a_mailbox_that_was_renamed_has_what_was_imported_before(tmp_path: Path) -> None:
    source = put(tmp_path, "a.mbox", mbox(b"1\n"))
    import_from(source, tmp_path / "mail", name="robert@example.com")
    assert outcomes(import_from(source, tmp_path / "mail", name="robert@example.com")) == {"present": 1}
    assert outcomes(import_from(source, tmp_path / "mail")) == {"imported": 1}


def test_the_identity_is_not_the_name_of_a_delivery() -> None:
    assert identity_of(f"1.{'0' * 32}.mailroom,S=1") is None
    assert identity_of(f"1.{'0' * 32}.{HOST},S=1:2,") == bytes(16)
    assert identity_of(f"1.{'0' * 32}.{HOST}-x") is None
