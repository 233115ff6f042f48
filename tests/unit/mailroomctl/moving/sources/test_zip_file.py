import io
import os
import random
import stat
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from mailroomctl.errors import CommandError
from mailroomctl.moving.sources import zip_file
from mailroomctl.moving.sources.item import Item, Message, NoMail, Reading, SetAside, SourceBroken
from mailroomctl.moving.sources.opening import open_source
from tests.unit.mailroomctl.moving.one_import import mbox, messages, raw, read

MAIL = b"Subject: x\n\n" + b"body\n" * 100


def archive(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("prefix", [b"", b"#!/bin/sh\n"])
def test_a_zip_of_folders_is_read(tmp_path: Path, method: int, prefix: bytes) -> None:
    large = b"Subject: large\n\n" + random.Random(1).randbytes(3_000_000)
    files = {"Inbox/1.eml": MAIL, "Sent Items/Büro/2": large, "Inbox/": b"", "a.mbox": mbox(b"3\n")}
    path = archive(tmp_path / "a.zip", files, method)
    if prefix:
        # An archive behind something else: all offsets in it are wrong by as much.
        path.write_bytes(prefix + path.read_bytes())
        source = zip_file.ZipSource(path, Reading())
        found = {raw(item): item.folder for item in source.items() if isinstance(item, Message)}
        source.close()
    else:
        found = {raw(message): message.folder for message in messages(path)}
    assert found == {MAIL: ("Inbox",), large: ("Sent Items", "Büro"), b"3\n": ("a",)}


def test_a_maildir_in_a_zip_has_its_keywords_wherever_they_lie(tmp_path: Path) -> None:
    files = {"Maildir/cur/1.a!2,Sa": MAIL, "Maildir/dovecot-keywords": b"0 $Label1\n"}
    [message] = messages(archive(tmp_path / "a.zip", files))
    assert (message.folder, message.flags, message.keywords) == (("INBOX",), "S", ("$Label1",))


def test_hostile_names_lead_nowhere(tmp_path: Path) -> None:
    files = {"../../etc/cron.d/1.eml": MAIL, "/root/2.eml": MAIL + b"2", "a\\b\\3.eml": MAIL + b"3"}
    found = {raw(message): message.folder for message in messages(archive(tmp_path / "a.zip", files))}
    assert found == {MAIL: ("etc", "cron.d"), MAIL + b"2": ("root",), MAIL + b"3": ("a", "b")}


def test_links_and_what_is_encrypted_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        link = zipfile.ZipInfo("link.eml")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
        made.writestr("encrypted.eml", MAIL)
        made.writestr("packed.eml", MAIL, zipfile.ZIP_BZIP2)
        made.writestr("good.eml", MAIL)
    content = bytearray(path.read_bytes())
    record = content.index(b"PK\1\2", content.index(b"PK\1\2") + 4)
    content[record + 8] |= 1
    path.write_bytes(content)
    assert told(read(path)) == {
        "link.eml": "a symbolic link, or another special file",
        "encrypted.eml": "it is encrypted",
        "packed.eml": "it is compressed by method 12, which is not supported",
    }


def told(items: list[Item]) -> dict[str, str]:
    return {item.where: item.reason for item in items if isinstance(item, SetAside)}


def test_one_damaged_file_stops_nothing(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"a.eml": MAIL, "b.eml": MAIL + b"b"}, zipfile.ZIP_STORED)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"body", b"BODY", 1))
    items = read(path)
    assert told(items) == {"a.eml": "the archive is damaged: the checksum is wrong"}
    assert [raw(item) for item in items if isinstance(item, Message)] == [MAIL + b"b"]


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_damaged_is_told_and_nothing_wrong_comes_out(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    files = {f"{number}.eml": MAIL + chance.randbytes(200) for number in range(5)}
    path = archive(tmp_path / "a.zip", files)
    content = bytearray(path.read_bytes())
    for _ in range(chance.randint(1, 4)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    path.write_bytes(content[: len(content) if seed % 3 else chance.randrange(len(content))])
    try:
        source = open_source(str(path), Reading())
    except CommandError:
        return
    with suppress(SourceBroken):
        for item in source.items():
            if isinstance(item, Message):
                assert raw(item) in files.values()
            else:
                assert isinstance(item, SetAside | NoMail)
    source.close()


def test_an_archive_without_its_end_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"a.eml": MAIL})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CommandError, match="not complete"):
        open_source(str(path), Reading())


def test_a_large_archive_has_wide_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What zip64 is for takes 4 GB, or 65,536 files, unless the limits are low."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 2)
    files = {f"{number}.eml": MAIL + bytes([number]) for number in range(9)}
    path = archive(tmp_path / "a.zip", files, zipfile.ZIP_STORED)
    assert b"PK\6\6" in path.read_bytes()
    assert [raw(message) for message in messages(path)] == list(files.values())


def test_dates_are_taken_where_they_are_sure(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        sure = zipfile.ZipInfo("Maildir/cur/1:2,", (2020, 1, 2, 3, 4, 6))
        sure.extra = struct.pack("<2HBl", 0x5455, 5, 1, 1_600_000_000)
        made.writestr(sure, MAIL)
        made.writestr(zipfile.ZipInfo("Maildir/cur/2:2,", (2020, 1, 2, 3, 4, 6)), MAIL)
    first, second = messages(path)
    assert first.own_date == 1_600_000_000
    assert (second.own_date, second.otherwise) == (None, 1_577_934_246)


def test_names_in_unicode_s_own_field_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        info = zipfile.ZipInfo("B_ro/1.eml")
        info.extra = struct.pack("<2HBL", 0x7075, 5 + len("Büro/1.eml".encode()), 1, 0) + "Büro/1.eml".encode()
        made.writestr(info, MAIL)
    assert messages(path)[0].folder == ("Büro",)


def test_the_directory_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_file, "_BUFFER", 200)
    files = {f"folder {number}/{number}.eml": MAIL + bytes([number]) for number in range(50)}
    path = archive(tmp_path / "a.zip", files)
    assert [raw(message) for message in messages(path)] == list(files.values())


def test_the_position_reaches_the_end(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {f"{number}.eml": os.urandom(1000) for number in range(9)})
    source = zip_file.ZipSource(path, Reading())
    list(source.items())
    assert source.total is not None
    assert 0.9 * source.total < source.position() <= source.total
    source.close()


def test_a_bomb_is_told(tmp_path: Path) -> None:
    """A file that is larger than the directory says does not come out at all."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.eml", b"Subject: x\n\n" + b"0" * 1_000_000)
    content = buffer.getvalue().replace(struct.pack("<L", 1_000_012), struct.pack("<L", 1000))
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert told(read(path)) == {"a.eml": "the archive is damaged: there is more than its directory says"}
