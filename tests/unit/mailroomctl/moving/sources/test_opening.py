import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mailroomctl.errors import CommandError
from mailroomctl.moving.sources.item import Message, NoMail, Reading, SetAside
from mailroomctl.moving.sources.opening import open_source
from tests.unit.mailroomctl.moving.one_import import mbox, messages, raw, read


def test_a_single_message_is_a_source(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"Subject: x\n\nbody")
    [message] = messages(path)
    assert (message.folder, raw(message)) == ((), b"Subject: x\n\nbody")


def test_a_compressed_mbox_is_a_source(tmp_path: Path) -> None:
    path = tmp_path / "x.mbox.gz"
    path.write_bytes(gzip.compress(mbox(b"1\n", b"2\n")))
    assert [raw(message) for message in messages(path)] == [b"1\n", b"2\n"]


def test_a_compressed_mbox_that_ends_too_early_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.mbox.gz"
    mail = os.urandom(400_000).hex().encode() + b"\n"
    path.write_bytes(gzip.compress(mbox(mail, mail))[:-50])
    items = read(path)
    first, told = items
    assert isinstance(first, Message)
    assert raw(first) == mail
    assert isinstance(told, SetAside)
    assert told.reason.startswith("it is damaged or not complete")


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
def test_what_a_small_broken_file_has_before_its_break_is_read(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    """Smaller than what is read ahead of everything."""
    path = tmp_path / "x.mbox"
    mails = [os.urandom(30_000).hex().encode() + b"\n" for _ in range(4)]
    path.write_bytes(compress(mbox(*mails))[:-30])
    *found, told = read(path)
    assert [raw(item) for item in found if isinstance(item, Message)] == mails[: len(found)]
    assert len(found) == 3
    assert isinstance(told, SetAside)
    assert told.reason.startswith("it is damaged or not complete")


def test_of_a_broken_file_that_is_one_block_there_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.mbox"
    path.write_bytes(bz2.compress(mbox(b"1\n"))[:40])
    with pytest.raises(CommandError, match="ended before"):
        read(path)


def test_an_empty_file_has_no_mail_in_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    assert read(path) == [NoMail(str(path), "an empty file")]


def test_a_file_that_was_given_and_is_none_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"nothing of the kind")
    assert read(path) == [SetAside(str(path), "no mail: it does not begin with header fields")]


def test_what_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        open_source(str(tmp_path / "x"), Reading())


def test_the_position_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(mbox(b"1\n"))
    source = open_source(str(path), Reading())
    assert (source.position(), source.total) == (path.stat().st_size, path.stat().st_size)
    source.close()
