import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from mailroom.folder_names import modified_utf7

from mailroomctl.moving.sources.item import NoMail, SetAside
from mailroomctl.moving.sources.maildir import decode_utf7, folder_of, read_keywords
from tests.unit.mailroomctl.moving.one_import import SECONDS, messages, put, raw, read


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ((), ("INBOX",)),
        (("Maildir",), ("INBOX",)),
        (("home", "bob", "Maildir"), ("INBOX",)),
        (("Maildir", ".Sent"), ("Sent",)),
        ((".Lists.Work",), ("Lists", "Work")),
        (("bob", ".Lists.Work"), ("Lists", "Work")),
        ((".B&APw-ro.A &- B",), ("Büro", "A & B")),
        ((".&bad!-",), ("&bad!-",)),
        ((".INBOX.Old",), ("INBOX", "Old")),
        (("Work", "Lists"), ("Work", "Lists")),
        (("Maildir", "Work", "B&APw-ro"), ("Work", "Büro")),
        ((".a..b",), ("a", "", "b")),
    ],
)
def test_the_folder_is_in_the_path(path: tuple[str, ...], folder: tuple[str, ...]) -> None:
    assert folder_of(path) == folder


@pytest.mark.parametrize("name", ["Büro", "日本語", "a&b", "😀 x", "&", "plain", "ü&ü"])
def test_names_are_decoded_as_they_are_encoded(name: str) -> None:
    assert decode_utf7(modified_utf7(name)) == name


def test_a_maildir_is_read_with_flags_dates_and_keywords(tmp_path: Path) -> None:
    put(tmp_path, "cur/1.a.host,S=1:2,FSab", b"1", 1_600_000_000.5)
    put(tmp_path, "new/2.a.host", b"2")
    put(tmp_path, ".Sent/cur/3.a.host;2,RSTDPx", b"3")
    put(tmp_path, "dovecot-keywords", b"0 $Label1\n1 work\n7 unused\nnonsense\n")
    for beside in ("dovecot-uidlist", "dovecot.index.log", "subscriptions", ".Sent/maildirfolder", "maildirsize"):
        put(tmp_path, beside, b"control")
    put(tmp_path, "cur/.nfs0001", b"Subject: deleted\n\n")
    found = {raw(message): message for message in messages(tmp_path)}
    first, second, third = found[b"1"], found[b"2"], found[b"3"]
    assert (first.folder, first.flags, first.keywords) == (("INBOX",), "FS", ("$Label1", "work"))
    assert (first.own_date, second.own_date) == (1_600_000_000.5, SECONDS)
    assert (second.folder, second.flags, second.keywords) == (("INBOX",), "", ())
    assert (third.folder, third.flags) == (("Sent",), "DRST")
    assert third.keywords == ("keyword x", "$Forwarded")


def test_what_was_never_delivered_is_no_mail(tmp_path: Path) -> None:
    put(tmp_path, "tmp/1.a.host", b"half")
    put(tmp_path, "cur/2.a.host:2,", b"2")
    assert sorted(type(item).__name__ for item in read(tmp_path)) == ["Message", "NoMail"]
    assert NoMail("tmp/1.a.host", "an unfinished delivery") in read(tmp_path)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_message_that_dovecot_has_compressed_is_read(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    large = b"Subject: large\n\n" + random.Random(1).randbytes(400_000)
    put(tmp_path, "cur/1.a,S=9:2,SZ", compress(b"Subject: x\n\nbody\n"))
    put(tmp_path, "cur/2.b,S=9:2,", compress(large))
    found = {message.flags: raw(message) for message in messages(tmp_path)}
    assert found == {"S": b"Subject: x\n\nbody\n", "": large}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(b"Subject: x\n\nbody\n")[:-9], "it is damaged or not complete"),
        (b"\x28\xb5\x2f\xfd\0", "it is compressed by zstd"),
        (b"Dovecot-LZ4\x0d\x2a\x9b\xc5", "it is compressed by Dovecot's lz4"),
        (b"\x43RYPTED\x03\x07\2", "it is encrypted by Dovecot's mail_crypt"),
    ],
)
def test_what_a_plugin_has_written_and_nothing_here_reads_is_told(tmp_path: Path, content: bytes, reason: str) -> None:
    put(tmp_path, "cur/1.a:2,S", content)
    [told] = read(tmp_path)
    assert isinstance(told, SetAside)
    assert told.reason.startswith(reason)


def test_a_folder_tmp_of_single_files_is_a_folder(tmp_path: Path) -> None:
    put(tmp_path, "tmp/12.eml", b"Subject: x\n\n")
    [message] = messages(tmp_path)
    assert (message.folder, raw(message)) == (("tmp",), b"Subject: x\n\n")


def test_a_folder_that_is_a_link_is_told(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/cur/1.a:2,", b"1")
    put(tmp_path, "Maildir/cur/2.b:2,", b"2")
    (tmp_path / "Maildir/.Old").symlink_to(tmp_path / "elsewhere")
    assert SetAside(".Old", "a symbolic link") in read(tmp_path / "Maildir")


def test_keywords_beyond_the_alphabet_have_no_letter() -> None:
    assert read_keywords(b"25 last\n26 none\n-1 none\n") == {"z": "last"}
