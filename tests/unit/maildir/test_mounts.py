"""Only where the mail root and all below it is NFS, a new name needs no fsync of its directory."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from mailroom.maildir import directories, mounts, recovery
from mailroom.maildir.mounts import names_are_durable_at_once

from tests.unit.maildir.one_mailbox import Deliver

ROOT = "21 1 252:0 / / rw,relatime - ext4 /dev/vda rw"
NFS = "99 21 0:45 / /mnt/mail rw,relatime shared:7 - nfs4 127.0.0.1:/ rw,vers=4.1"


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    names_are_durable_at_once.cache_clear()
    yield
    names_are_durable_at_once.cache_clear()


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
def test_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str, more: list[str], durable: bool) -> None:
    table = tmp_path / "mountinfo"
    table.write_text("".join(f"{line}\n" for line in [ROOT, *more]))
    monkeypatch.setattr(mounts, "_MOUNTS", table)
    monkeypatch.setattr(os.path, "realpath", lambda path: path.rstrip("/") or "/")
    assert names_are_durable_at_once(root) == durable


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
