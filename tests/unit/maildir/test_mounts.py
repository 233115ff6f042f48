"""Where all of the mail root is NFS a new name needs no fsync; where that is mounted with nocto nobody may recover."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mailroom.errors import StorageUnavailable
from mailroom.maildir import directories, mounts, recovery
from mailroom.maildir.mounts import names_are_durable_at_once, shows_what_it_remembers
from mailroom.maildir.probe import probe

from tests.unit.maildir.one_mailbox import PATH, Deliver, tree

ROOT = "21 1 252:0 / / rw,relatime - ext4 /dev/vda rw"
NFS = "99 21 0:45 / /mnt/mail rw,relatime shared:7 - nfs4 127.0.0.1:/ rw,vers=4.1"


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    for asked in (names_are_durable_at_once, shows_what_it_remembers):
        asked.cache_clear()
    yield
    for asked in (names_are_durable_at_once, shows_what_it_remembers):
        asked.cache_clear()


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the kernel's table be a root and more lines."""

    def table(*more: str) -> None:
        path = tmp_path / "mountinfo"
        path.write_text("".join(f"{line}\n" for line in [ROOT, *more]))
        monkeypatch.setattr(mounts, "_MOUNTS", path)
        monkeypatch.setattr(os.path, "realpath", lambda path: path.rstrip("/") or "/")

    return table


@pytest.mark.parametrize(
    ("root", "more", "durable"),
    [
        ("/mnt/mail", [NFS], True),
        ("/mnt/mail/below", [NFS], True),
        ("/mnt/mail/", [NFS], True),
        ("/mnt/mail", [NFS.replace("nfs4", "nfs")], True),
        ("/mnt/mails", [NFS], False),
        ("/mnt", [NFS], False),
        ("/", [NFS], False),
        ("/mnt/mail", [], False),
        ("/mnt/mail", [NFS, "100 99 252:1 / /mnt/mail/local rw - ext4 /dev/vdb rw"], False),
        ("/mnt/mail", [NFS, "100 99 0:46 / /mnt/mail/more rw - nfs4 other:/ rw"], True),
        ("/mnt/mail", [NFS, "100 99 252:1 / /mnt/mail rw - ext4 /dev/vdb rw"], False),
        ("/mnt/mail", ["100 99 252:1 / /mnt/mail rw - ext4 /dev/vdb rw", NFS], True),
        ("/mnt/mail/local/below", [NFS, "100 99 252:1 / /mnt/mail/local rw - ext4 /dev/vdb rw"], False),
        ("/mnt/a mail", [NFS.replace("/mnt/mail", r"/mnt/a\040mail")], True),
        ("/mnt/mail", ["nonsense"], False),
    ],
)
def test_mounts(table: Callable[..., None], root: str, more: list[str], durable: bool) -> None:
    table(*more)
    assert names_are_durable_at_once(root) == durable
    assert not shows_what_it_remembers(root)


@pytest.mark.parametrize(
    ("root", "more", "remembers"),
    [
        ("/mnt/mail", [f"{NFS},hard,nocto,addr=127.0.0.1"], True),
        ("/mnt/mail/below", [f"{NFS},nocto"], True),
        ("/mnt/mail", [NFS, "100 99 0:46 / /mnt/mail/more rw - nfs4 other:/ rw,nocto"], True),
        ("/mnt/mail", [f"{NFS},nocto", "100 99 252:1 / /mnt/mail rw - ext4 /dev/vdb rw"], False),
        ("/mnt/mails", [f"{NFS},nocto"], False),
        ("/mnt/mail", [f"{NFS},nocto", NFS], False),
        ("/mnt/mail", ["100 99 0:46 / /mnt/mail rw - nfs4"], False),
    ],
)
def test_a_mount_with_nocto(table: Callable[..., None], root: str, more: list[str], remembers: bool) -> None:
    table(*more)
    assert shows_what_it_remembers(root) == remembers


def test_no_recovery_where_directories_may_be_old(deliver: Deliver, root: Path, table: Callable[..., None]) -> None:
    table(f"{NFS},nocto".replace("/mnt/mail", str(root)))
    first = deliver()
    with pytest.raises(StorageUnavailable, match="mounted with nocto"):
        deliver(recovering=True, delivery_id="another", patience=1)
    assert tree(root / PATH) == ["cur/", "new/", f"new/{first.file_name}", "tmp/"]
    with pytest.raises(StorageUnavailable, match="mounted with nocto"):
        probe(root)


def test_where_the_kernel_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "_MOUNTS", tmp_path / "missing")
    assert not names_are_durable_at_once("/")


def test_this_machine_is_asked_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not names_are_durable_at_once(str(root))
    monkeypatch.setattr(mounts, "_MOUNTS", None)
    assert not names_are_durable_at_once(str(root))


@pytest.mark.parametrize("walk", ["openat2", "step by step"])
@pytest.mark.parametrize("recovering", [False, True])
def test_on_nfs_no_directory_is_synced(
    deliver: Deliver, box: Path, monkeypatch: pytest.MonkeyPatch, recovering: bool, walk: str
) -> None:
    """Nor opened for reading, but for a recovery's looks: that is a round trip each."""
    for module in (directories, recovery):
        monkeypatch.setattr(module, "names_are_durable_at_once", lambda _: True)
    if walk == "step by step":
        monkeypatch.setattr(directories, "find_openat2", lambda: None)
    synced: list[str] = []
    opened: list[str] = []
    fsync, step = os.fsync, directories._step

    def noting(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().parent.name)
        fsync(descriptor)

    def opening(parent: int, name: str, flags: int = directories.PATH_ONLY) -> int:
        opened.extend([name] * (flags != directories.PATH_ONLY))
        return step(parent, name, flags)

    monkeypatch.setattr(os, "fsync", noting)
    monkeypatch.setattr(directories, "_step", opening)
    first = deliver()
    again = deliver(recovering=recovering, delivery_id="another")
    assert {first.already_delivered, again.already_delivered} == {False}
    if recovering:
        assert deliver(recovering=True).already_delivered
    assert synced == ["tmp", "tmp"]
    assert opened == []
