import bz2
import gzip
import io
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mailroomctl.moving import content
from mailroomctl.moving.sources.item import Message, Reading, SetAside, SourceBroken
from mailroomctl.moving.sources.opening import open_source
from mailroomctl.moving.sources.tar_file import TarSource
from tests.unit.mailroomctl.moving.one_import import SECONDS, mbox, messages, raw, read

MAIL = b"Subject: x\n\nbody\n"


def tar(files: dict[str, bytes], *special: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), SECONDS
            made.addfile(info, io.BytesIO(content))
        for info in special:
            made.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_tar_is_read_however_it_is_compressed(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "archive"
    name = "Maildir/.Büro/cur/" + "x" * 150 + ":2,S"
    path.write_bytes(compress(tar({name: MAIL, "top/a.mbox": mbox(b"2\n"), "top/b.eml": b"Subject: 3\n\n"})))
    first, second, third = messages(path)
    assert (first.folder, first.flags, first.own_date) == (("Büro",), "S", SECONDS)
    assert [message.folder for message in (second, third)] == [("top", "a"), ("top",)]
    assert [raw(message) for message in (first, second, third)] == [MAIL, b"2\n", b"Subject: 3\n\n"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_special_files_are_set_aside(tmp_path: Path, kind: bytes) -> None:
    special = tarfile.TarInfo("../../special.eml")
    special.type, special.linkname = kind, "/etc/passwd"
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    path = tmp_path / "a.tar"
    path.write_bytes(tar({"a.eml": MAIL}, special, folder))
    message, told = read(path)
    assert isinstance(message, Message)
    assert told == SetAside("special.eml", "a link, or another special file")


def linked(name: str, to: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime = tarfile.LNKTYPE, to, SECONDS - 1
    return info


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_message_that_dovecot_has_copied_is_a_hard_link(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "a.tar"
    large = b"Subject: large\n\n" + b"x" * 300_000
    links = [
        linked("Maildir/.Sent/cur/3.a:2,F", "./Maildir/cur/1.a:2,S"),
        linked("Maildir/.Work/cur/4.a:2,", "Maildir/cur/1.a:2,S"),
        linked("Maildir/.Work/cur/5.b:2,S", "Maildir/cur/2.b:2,"),
        linked("Maildir/.Work/cur/6.c:2,", "/etc/passwd"),
        linked("Maildir/.Work/dovecot-uidlist.lock", "Maildir/dovecot-uidlist"),
    ]
    files = {"./Maildir/cur/1.a:2,S": MAIL, "Maildir/cur/2.b:2,": large, "Maildir/dovecot-uidlist": b"3 V1\n"}
    path.write_bytes(compress(tar(files, *links)))
    items = read(path)
    found = [item for item in items if isinstance(item, Message)]
    assert [(item.folder, item.flags, item.own_date, raw(item)) for item in found] == [
        (("INBOX",), "S", SECONDS, MAIL),
        (("INBOX",), "", SECONDS, large),
        (("Sent",), "F", SECONDS - 1, MAIL),
        (("Work",), "", SECONDS - 1, MAIL),
        (("Work",), "S", SECONDS - 1, large),
    ]
    told = "a hard link to something that is not in the archive"
    assert [item for item in items if item not in found] == [SetAside("Maildir/.Work/cur/6.c:2,", told)]


def test_a_hard_link_to_what_is_no_mail_for_its_size_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "LARGEST", 100)
    path = tmp_path / "a.tar"
    path.write_bytes(tar({"cur/1.a:2,": b"x" * 101}, linked("cur/2.a:2,", "cur/1.a:2,")))
    first, told = read(path)
    assert isinstance(first, Message)
    assert first.content.too_large
    assert told == SetAside("cur/2.a:2,", "it is larger than any mail")


def test_a_hard_link_on_standard_input_is_told(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, tar({"cur/1.a:2,": MAIL}, linked("cur/2.a:2,", "cur/1.a:2,")))
    os.close(writing)
    raw_file = io.FileIO(reading)
    source = TarSource(io.BufferedReader(raw_file), raw_file, Reading())
    message, told = source.items()
    source.close()
    assert isinstance(message, Message)
    assert told == SetAside("cur/2.a:2,", "a hard link, whose bytes came earlier: give the archive as a file, not as -")


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_an_archive_that_ends_too_early_is_told_after_what_is_in_it(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "a.tar"
    large = b"Subject: y\n\n" + bytes(range(256)) * 4000
    path.write_bytes(compress(tar({"a.eml": MAIL, "b.eml": large}))[: 3000 if compress is gzip.compress else 500_000])
    source = open_source(str(path), Reading())
    items = source.items()
    first = next(items)
    assert isinstance(first, Message)
    assert raw(first) == MAIL
    with pytest.raises(SourceBroken, match="damaged or not complete"):
        next(items)
    source.close()


def test_nothing_of_a_file_that_was_read_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar({f"{number}.eml": MAIL for number in range(50)}))
    source = open_source(str(path), Reading())
    kept = []
    real = tarfile.TarFile.next

    def watched(self: tarfile.TarFile) -> tarfile.TarInfo | None:
        kept.append(len(self.members))
        return real(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tarfile.TarFile, "next", watched)
        assert len(list(source.items())) == 50
    source.close()
    assert max(kept) <= 1


def test_the_position_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar({"a.eml": MAIL}))
    source = open_source(str(path), Reading())
    list(source.items())
    assert source.position() == source.total == path.stat().st_size
    source.close()
