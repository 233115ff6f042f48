"""The probe works where deliveries work, fails where they fail, says why in words, and leaves nothing behind."""

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mailroom.errors import StorageUnavailable
from mailroom.maildir import places, probe
from mailroom.maildir.probe import PREFIX

from tests.unit.maildir.one_mailbox import Deliver, entries, tree

STEPS = ["open", "write", "utime", "fsync", "rename", "stat"]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Let a function of `os` fail for what the probe writes, in folders of one name or in all; returns where it did."""

    def broken(function: str, number: int, folder: str | None = None) -> list[str]:
        real = getattr(os, function)
        failed: list[str] = []

        def failing(target: Any, *arguments: Any, **options: Any) -> Any:
            descriptor = options.get("dir_fd", options.get("src_dir_fd", target))
            where = (
                str(target)
                if isinstance(descriptor, str | Path)
                else str(Path(f"/proc/self/fd/{descriptor}").readlink())
            )
            at = Path(where) if descriptor is not target else Path(where).parent
            if PREFIX in f"{target}{where}" and folder in (None, at.name):
                failed.append(at.name)
                raise OSError(number, os.strerror(number))
            return real(target, *arguments, **options)

        monkeypatch.setattr(os, function, failing)
        return failed

    return broken


def make_mailbox(path: Path) -> Path:
    for name in ("tmp", "new", "cur"):
        (path / name).mkdir(parents=True)
    return path


class TestWhere:
    """In a mailbox, else in a folder, and in the mail root only when there is nothing else."""

    def test_in_a_mailbox(self, deliver: Deliver, root: Path, broken: Any) -> None:
        deliver()
        before = tree(root), (root / "example.com/bob/Maildir/new").stat().st_mtime_ns
        elsewhere = [broken("open", errno.EACCES, name) for name in ("mail", "example.com", "bob", "Maildir", "new")]
        assert probe(root).where == "a mailbox"
        assert (tree(root), (root / "example.com/bob/Maildir/new").stat().st_mtime_ns) == before
        assert not any(elsewhere)

    def test_in_a_folder_of_a_mail_root_that_belongs_to_root(self, root: Path, broken: Any) -> None:
        (root / "example.com").mkdir()
        broken("open", errno.EACCES, "mail")
        assert probe(root).where == "a folder"
        assert tree(root) == ["example.com/"]

    def test_in_an_empty_mail_root(self, root: Path) -> None:
        probed = probe(root)
        assert probed.where == "the mail root"
        assert 0 < probed.seconds < 60
        assert tree(root) == []

    def test_a_mail_root_behind_a_symlink(self, root: Path) -> None:
        root.with_name("link").symlink_to(root)
        assert probe(root.with_name("link")).where == "the mail root"

    def test_no_symlink_below_the_mail_root_is_followed(self, root: Path) -> None:
        make_mailbox(root.with_name("outside") / "bob")
        (root / "link").symlink_to(root.with_name("outside"))
        box = root / "bob"
        box.mkdir()
        for name in ("tmp", "new"):
            (box / name).symlink_to(root.with_name("outside") / "bob" / name)
        assert probe(root).where == "a folder"

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EDQUOT, errno.EIO])
    def test_what_is_wrong_in_one_mailbox_is_no_outage(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        make_mailbox(root / "a")
        make_mailbox(root / "b/Maildir")
        first: list[str] = []
        real = os.open

        def fails_once(path: Any, *arguments: Any, **options: Any) -> int:
            if str(path).startswith(PREFIX) and not first:
                first.append(path)
                raise OSError(number, os.strerror(number))
            return real(path, *arguments, **options)

        monkeypatch.setattr(os, "open", fails_once)
        assert probe(root).where == "a mailbox"
        assert first


class TestWhatIsWrong:
    """In words, with the errno, and without a path."""

    @pytest.mark.parametrize("function", STEPS)
    @pytest.mark.parametrize(
        ("number", "words"),
        [
            (errno.ENOSPC, "the file system is full"),
            (errno.EDQUOT, "a quota is used up"),
            (errno.EROFS, "the file system is read-only"),
            (errno.EPERM, "not the owner"),
            (errno.EACCES, "may not do this"),
            (errno.EIO, "the storage fails"),
        ],
    )
    def test_each_step(self, root: Path, broken: Any, function: str, number: int, words: str) -> None:
        make_mailbox(root / "example.com/bob/Maildir")
        before = tree(root)
        assert broken(function, number) == []
        with pytest.raises(StorageUnavailable, match=words) as caught:
            probe(root)
        assert errno.errorcode[number] in str(caught.value)
        assert "bob" not in str(caught.value)
        assert tree(root) == before

    def test_it_names_the_step_and_the_users(self, root: Path, broken: Any) -> None:
        broken("rename", errno.EPERM)
        with pytest.raises(StorageUnavailable, match=rf"renaming a file.* belongs to user {os.getuid()}, Mailroom is"):
            probe(root)

    def test_times_that_are_not_kept(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "utime", lambda *_: None)
        with pytest.raises(StorageUnavailable, match="does not keep a file's time"):
            probe(root)
        assert tree(root) == []

    def test_a_root_that_is_missing_or_no_folder(self, root: Path) -> None:
        for bad in (root / "missing", Path("/dev/null")):
            with pytest.raises(StorageUnavailable, match=r"mounted\?.*(ENOENT|ENOTDIR)"):
                probe(bad)

    def test_an_empty_root_that_cannot_be_written_may_not_be_mounted(self, root: Path, broken: Any) -> None:
        broken("open", errno.EACCES)
        with pytest.raises(StorageUnavailable, match="is empty: is the file system mounted"):
            probe(root)

    def test_the_storage_is_named_before_a_permission(self, root: Path, broken: Any) -> None:
        (root / "example.com").mkdir()
        broken("open", errno.EACCES, "example.com")
        broken("open", errno.EROFS, "mail")
        with pytest.raises(StorageUnavailable, match="read-only"):
            probe(root)


class TestOutOfSight:
    """Where mailboxes may lie that cannot be found, a missing permission proves nothing."""

    @pytest.fixture
    def closed(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        """Let a folder of that name be closed to reading."""

        def closed(name: str) -> None:
            real = os.open

            def refusing(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
                opened = real(path, flags, *arguments, **options)
                if flags == places.FOLDER and Path(f"/proc/self/fd/{opened}").readlink().name == name:
                    os.close(opened)
                    raise PermissionError(errno.EACCES, "closed")
                return opened

            monkeypatch.setattr(os, "open", refusing)

        return closed

    @pytest.mark.parametrize("name", ["mail", "example.com"])
    def test_it_is_enough_that_the_storage_answers(self, root: Path, closed: Any, broken: Any, name: str) -> None:
        make_mailbox(root / "example.com/bob/Maildir")
        closed(name)
        broken("open", errno.EACCES)
        assert probe(root).where == "nowhere"

    def test_what_a_file_system_keeps_for_itself_hides_no_mailbox(self, root: Path, closed: Any, broken: Any) -> None:
        (root / "lost+found").mkdir()
        closed("lost+found")
        assert probe(root).where == "the mail root"
        broken("open", errno.EACCES)
        with pytest.raises(StorageUnavailable, match="the mail root is empty"):
            probe(root)

    @pytest.mark.parametrize(
        ("values", "words"), [({"f_flag": os.ST_RDONLY}, "read-only"), ({"f_bavail": 0}, "is full")]
    )
    def test_and_is_neither_full_nor_read_only(
        self, root: Path, closed: Any, monkeypatch: pytest.MonkeyPatch, values: dict[str, int], words: str
    ) -> None:
        closed("mail")

        class System:
            f_flag, f_blocks, f_bavail = 0, 1000, 1000

        for name, value in values.items():
            setattr(System, name, value)
        monkeypatch.setattr(os, "fstatvfs", lambda _: System)
        with pytest.raises(StorageUnavailable, match=words):
            probe(root)

    def test_an_error_of_the_storage_counts_nevertheless(self, root: Path, closed: Any, broken: Any) -> None:
        (root / "example.com").mkdir()
        (root / "example.org").mkdir()
        closed("example.com")
        broken("open", errno.EROFS)
        with pytest.raises(StorageUnavailable, match="read-only"):
            probe(root)

    @pytest.mark.parametrize("limit", ["MOST_FOLDERS", "MOST_ENTRIES", "DEEPEST"])
    def test_a_search_that_ends_early(
        self, root: Path, broken: Any, monkeypatch: pytest.MonkeyPatch, limit: str
    ) -> None:
        (root / "a/b/c").mkdir(parents=True)
        (root / "b").mkdir()
        monkeypatch.setattr(places, limit, 1)
        broken("open", errno.EACCES)
        assert probe(root).where == "nowhere"


def test_several_probes_at_once(root: Path) -> None:
    make_mailbox(root / "bob")
    before = tree(root)
    failures: list[Exception] = []

    def repeatedly() -> None:
        try:
            for _ in range(10):
                probe(root)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=repeatedly) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert tree(root) == before


def test_what_a_killed_probe_left_is_removed_later(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = root / f"{PREFIX}left"
    left.touch()
    probe(root)
    assert left.exists()  # it could be another probe's, at work
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    probe(root)
    assert entries(root) == []


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A file server that does not answer until the test is over."""
    answer, ended, real = threading.Event(), threading.Event(), os.fsync

    def hang(descriptor: int) -> None:
        answer.wait(30)
        real(descriptor)

    rename, before = os.rename, threading.enumerate()
    monkeypatch.setattr(os, "fsync", hang)
    monkeypatch.setattr(os, "rename", lambda *names, **folders: (rename(*names, **folders), ended.set()))
    yield
    answer.set()
    assert ended.wait(30)
    for thread in threading.enumerate():
        if thread not in before:
            thread.join(30)
            assert not thread.is_alive()


def test_a_mount_that_hangs(root: Path, hanging: None) -> None:
    start = time.monotonic()
    with pytest.raises(StorageUnavailable, match=r"gave no answer within 0\.05 s"):
        probe(root, limit=0.05)
    assert time.monotonic() - start < 10


def test_the_command_ends_although_the_mount_hangs(root: Path) -> None:
    script = (
        "import os, sys, time\n"
        "os.fsync = os._exit = lambda _: time.sleep(45)\n"  # the kernel may keep the child
        "from mailroom.maildir.__main__ import main\n"
        f"sys.exit(main(['probe', '--mail-root={root}', '--limit=0.1']))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 75
    assert '"StorageUnavailable"' in done.stderr
    assert "gave no answer within 0.1 s" in done.stderr
