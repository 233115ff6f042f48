import os
from pathlib import Path

import pytest

from mailroomctl.moving.sources import directory
from mailroomctl.moving.sources.directory import DirectorySource, open_plain
from mailroomctl.moving.sources.item import Message, Reading, SetAside, Unreadable
from tests.unit.mailroomctl.moving.one_import import messages, put, raw, read

MAIL = b"Subject: x\n\nbody\n"


def test_nothing_but_plain_files_is_opened(tmp_path: Path) -> None:
    put(tmp_path, "secret/passwords.eml", MAIL)
    source = tmp_path / "source"
    put(source, "a.eml", MAIL)
    (source / "link.eml").symlink_to(tmp_path / "secret/passwords.eml")
    (source / "folder").symlink_to(tmp_path / "secret")
    os.mkfifo(source / "pipe.eml")
    items = read(source)
    assert {item.where: item.reason for item in items if isinstance(item, SetAside)} == {
        "link.eml": "a symbolic link",
        "folder": "a symbolic link",
        "pipe.eml": "a pipe",
    }
    assert [raw(item) for item in items if isinstance(item, Message)] == [MAIL]


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable, match="a pipe"):
        open_plain(tmp_path / "pipe")


def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner swaps it between the listing and the opening."""
    put(tmp_path, "secret/passwords.eml", MAIL)
    put(tmp_path, "source/folder/a.eml", MAIL)
    source = DirectorySource(tmp_path / "source", Reading())
    real = os.open

    def swapped(path: str, flags: int, *, dir_fd: int) -> int:
        (tmp_path / "source/folder").rename(tmp_path / "gone")
        (tmp_path / "source/folder").symlink_to(tmp_path / "secret")
        return real(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swapped)
    [told] = list(source.items())
    source.close()
    assert told == SetAside("folder", "Not a directory")


def test_what_vanishes_is_set_aside(tmp_path: Path) -> None:
    """A mail reader renames a message while its Maildir is read."""
    put(tmp_path, "cur/1.a:2,", MAIL)
    put(tmp_path, "cur/2.a:2,", MAIL)
    source = DirectorySource(tmp_path, Reading())
    items = source.items()
    first = next(items)
    assert isinstance(first, Message)
    other = next(path for path in (tmp_path / "cur").iterdir() if path.name not in first.where)
    other.unlink()
    rest = list(items)
    source.close()
    assert rest in ([], [SetAside(f"cur/{other.name}", "it vanished while the source was read")])


def test_hostile_names_are_names(tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xff\x1b[31m.eml")
    put(tmp_path, name, MAIL)
    [message] = messages(tmp_path)
    assert message.where == "a??[31m.eml"


def test_the_position_counts_files(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path, f"{number}/{number}.eml", MAIL)
    source = DirectorySource(tmp_path, Reading())
    assert (source.position(), source.total) == (0, 3)
    list(source.items())
    assert source.position() == 3
    source.close()


def test_folders_deep_in_one_another_end_somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "_DEEPEST", 3)
    put(tmp_path, "1/2/3/4/a.eml", MAIL)
    put(tmp_path, "1/2/3/b.eml", MAIL)
    items = read(tmp_path)
    assert [item.where for item in items] == ["1/2/3/b.eml", "1/2/3/4"]
    assert isinstance(items[1], SetAside)


def test_a_folder_that_may_not_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "closed/a.eml", MAIL)
    source = DirectorySource(tmp_path, Reading())

    def refused(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    assert list(source.items()) == [SetAside("closed", "Permission denied")]
    source.close()
