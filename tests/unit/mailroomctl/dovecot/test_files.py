"""Files are replaced whole, keep their permissions, and are left alone when nothing changes."""

import os
from pathlib import Path

import pytest

from mailroomctl.dovecot.files import replace_file
from mailroomctl.errors import CommandError


def test_a_new_file_has_the_mode_that_is_asked_for(tmp_path: Path) -> None:
    assert replace_file(tmp_path / "users", "ü\n", mode=0o640, group=os.getegid())
    assert (tmp_path / "users").read_bytes() == "ü\n".encode()
    assert (tmp_path / "users").stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_there_keeps_its_mode_and_changes_only_with_its_content(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text("old")
    file.chmod(0o604)
    os.utime(file, (1, 1))
    assert not replace_file(file, "old", mode=0o640)
    assert file.stat().st_mtime == 1
    assert replace_file(file, "new", mode=0o640)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o604)


def test_two_changes_within_a_second_have_different_times(tmp_path: Path) -> None:
    """Dovecot would take the second for the first, when both have one size."""
    file = tmp_path / "users"
    times = []
    for content in ("one", "two", "six"):
        replace_file(file, content, mode=0o640)
        times.append(int(file.stat().st_mtime))
    assert times == sorted(set(times))
    os.utime(file, (1, 1))
    replace_file(file, "ten", mode=0o640)
    assert file.stat().st_mtime > times[0] - 1, "the time of an old file has nothing to do with it"


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "users"
    file.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CommandError, match=r"users: No space left on device\."):
        replace_file(file, "new", mode=0o640)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file or directory"):
        replace_file(tmp_path / "none/users", "new", mode=0o640)
