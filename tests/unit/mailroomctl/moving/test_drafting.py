import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mailroom.errors import StorageUnavailable

from mailroomctl.moving import drafting
from mailroomctl.moving.drafting import DRAFTS
from mailroomctl.moving.folders import Folders
from mailroomctl.moving.importing import Options, import_source
from mailroomctl.moving.sources.item import Reading
from mailroomctl.moving.sources.opening import open_source
from mailroomctl.moving.summary import Summary
from tests.unit.mailroomctl.moving.one_import import MAILBOX, PATH, contents, import_from, mbox, outcomes, put

JOBS = 4
MAILS = [b"%d\n" % number for number in range(12)]


@pytest.fixture(autouse=True)
def on_nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting, "names_are_durable_at_once", lambda _: True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return put(tmp_path, "a.mbox", mbox(*MAILS))


def watch_renames(monkeypatch: pytest.MonkeyPatch, before: Callable[[], object] = lambda: None) -> list[str]:
    """Note from which directory each message is renamed into ``new``."""
    real, seen = os.rename, []

    def rename(old: str, new: str, **where: Any) -> None:
        seen.append(str(Path(f"/proc/self/fd/{where['src_dir_fd']}").readlink()))
        before()
        real(old, new, **where)

    monkeypatch.setattr(os, "rename", rename)
    return seen


def import_by_several(source: Path, root: Path) -> Summary:
    root.mkdir(exist_ok=True)
    summary = Summary("", MAILBOX, PATH)
    opened = open_source(str(source), Reading())
    try:
        options = Options(lambda: Folders({}, frozenset()), JOBS)
        import_source(opened, str(root), PATH, summary, options, lambda _: None)
    finally:
        opened.close()
    return summary


def test_writers_at_work_together_share_no_directory(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits in its rename until all are there: 12 messages by 4 writers are three rounds."""
    seen = watch_renames(monkeypatch, threading.Barrier(JOBS, timeout=10).wait)
    root = tmp_path / "mail"
    assert outcomes(import_by_several(source, root)) == {"imported": len(MAILS)}
    expected = {f"{root}/{PATH}/{DRAFTS}/{number}" for number in range(JOBS)}
    assert set(seen[:JOBS]) == expected == set(seen)
    assert sorted(path.name for path in (root / PATH).iterdir()) == ["cur", "new", "tmp"]


def test_what_a_killed_import_left_is_cleared(source: Path, tmp_path: Path) -> None:
    put(tmp_path / "mail" / PATH, f"{DRAFTS}/0/1795514400.{'0' * 32}.mailroom-import.0123", b"half a mess")
    put(tmp_path / "mail" / PATH, f"{DRAFTS}/17/x", b"")
    assert outcomes(import_from(source, tmp_path / "mail")) == {"imported": len(MAILS)}
    assert not (tmp_path / "mail" / PATH / DRAFTS).exists()
    assert len(contents(tmp_path / "mail")["."]) == len(MAILS)


def test_a_link_in_their_place_is_not_followed(source: Path, tmp_path: Path) -> None:
    precious = put(tmp_path, "elsewhere/0/precious", b"")
    (tmp_path / "mail" / PATH).mkdir(parents=True)
    (tmp_path / "mail" / PATH / DRAFTS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageUnavailable, match="opening the folder"):
        import_from(source, tmp_path / "mail")
    assert precious.exists()


def test_what_cannot_be_removed_at_the_end_is_left_to_the_next_import(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.rmdir

    def busy(*_: Any, **__: Any) -> None:
        raise OSError(39, "Directory not empty")

    monkeypatch.setattr(os, "rmdir", busy)
    assert outcomes(import_from(source, tmp_path / "mail")) == {"imported": len(MAILS)}
    assert (tmp_path / "mail" / PATH / DRAFTS / "0").is_dir()
    monkeypatch.setattr(os, "rmdir", real)
    assert outcomes(import_from(source, tmp_path / "mail")) == {"present": len(MAILS)}
    assert not (tmp_path / "mail" / PATH / DRAFTS).exists()


def test_a_folder_on_another_file_system_uses_its_own_tmp(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watch_renames(monkeypatch)
    begin = drafting.Drafting.begin

    def elsewhere(self: drafting.Drafting, inbox: Any) -> None:
        begin(self, inbox)
        self._device += 1

    monkeypatch.setattr(drafting.Drafting, "begin", elsewhere)
    assert outcomes(import_from(source, tmp_path / "mail")) == {"imported": len(MAILS)}
    assert set(seen) == {f"{tmp_path}/mail/{PATH}/tmp"}


def test_on_a_local_disk_the_folder_s_own_tmp_is_used(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafting, "names_are_durable_at_once", lambda _: False)
    seen = watch_renames(monkeypatch)
    assert outcomes(import_from(source, tmp_path / "mail")) == {"imported": len(MAILS)}
    assert set(seen) == {f"{tmp_path}/mail/{PATH}/tmp"}
