"""The probe tells whether a delivery would work, and leaves nothing behind."""

import os
import threading
import time
from pathlib import Path

import pytest
from mailroom.errors import StorageUnavailable
from mailroom.maildir import probe
from mailroom.maildir.probe import DIRECTORY

from tests.unit.maildir.one_mailbox import tree


def test_a_working_root(root: Path) -> None:
    assert 0 < probe(root) < 60
    assert tree(root) == []


def test_several_probes_at_once(root: Path) -> None:
    failures: list[Exception] = []

    def repeatedly() -> None:
        try:
            for _ in range(25):
                probe(root)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=repeatedly) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert tree(root) == []


def test_what_a_killed_probe_left_is_removed_later(root: Path) -> None:
    (root / DIRECTORY).mkdir()
    left = root / DIRECTORY / "left.tmp"
    left.touch()
    probe(root)
    assert left.exists()  # it could be another probe's, at work
    os.utime(left, (time.time() - 3600,) * 2)
    probe(root)
    assert tree(root) == []


def test_a_root_that_is_missing_or_no_folder(root: Path) -> None:
    for bad in (root / "missing", Path("/dev/null")):
        with pytest.raises(StorageUnavailable, match=r"ENOENT|ENOTDIR"):
            probe(bad)


@pytest.mark.parametrize("function", ["mkdir", "write", "fsync", "rename", "rmdir"])
def test_an_error_is_reported_and_cleaned_up(root: Path, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, function, full)
        with pytest.raises(StorageUnavailable, match="ENOSPC"):
            probe(root)
    assert not any(path.is_file() for path in root.rglob("*"))


def test_a_symlink_in_its_place_is_not_followed(root: Path) -> None:
    outside = root.with_name("outside")
    outside.mkdir()
    (root / DIRECTORY).symlink_to(outside)
    with pytest.raises(StorageUnavailable):
        probe(root)
