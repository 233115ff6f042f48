import gzip
import os
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


@pytest.mark.parametrize("content", [b"", b"nothing of the kind"])
def test_anything_else_is_no_mail(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    [told] = read(path)
    assert isinstance(told, NoMail)


def test_what_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        open_source(str(tmp_path / "x"), Reading())


def test_the_position_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(mbox(b"1\n"))
    source = open_source(str(path), Reading())
    assert (source.position(), source.total) == (path.stat().st_size, path.stat().st_size)
    source.close()
