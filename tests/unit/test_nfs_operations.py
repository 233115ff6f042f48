"""The kernel's counters of what an NFS client sends, as the benchmark reads them."""

import os
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import nfs_operations

COUNTERS = """\
device rootfs mounted on / with fstype rootfs
device 10.9.0.2:/ mounted on {mail} with fstype nfs4 statvers=1.1
\topts:\trw,vers=4.1,hard
\tevents:\t1 2 3
\tper-op statistics
\t        NULL: 1 1 0 44 24 0 0 0 0
\t        OPEN: {opens} 4 0 1 1 0 0 0 0
\t    SEQUENCE: 99 99 0 1 1 0 0 0 0
\t      RENAME: 2 2 0 1 1 0 0 0 0

device 10.9.1.2:/ mounted on {mail}/below with fstype nfs4 statvers=1.1
\tper-op statistics
\t        OPEN: 1000 4 0 1 1 0 0 0 0
device tmpfs mounted on {mail}/tmpfs with fstype tmpfs
"""


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(nfs_operations, "COUNTERS", tmp_path / "mountstats")
    count(tmp_path, 4)
    return tmp_path / "mail"


def count(tmp_path: Path, opens: int) -> None:
    (tmp_path / "mountstats").write_text(COUNTERS.format(mail=tmp_path / "mail", opens=opens))


def test_a_folder_belongs_to_the_mount_that_is_nearest_above_it(mail: Path) -> None:
    assert nfs_operations.is_on_nfs(mail / "example.com")
    assert nfs_operations.is_on_nfs(mail / "below")
    assert not nfs_operations.is_on_nfs(mail / "tmpfs/example.com")
    assert not nfs_operations.is_on_nfs(mail.parent)


def test_what_a_call_sends_is_counted_by_name(mail: Path, tmp_path: Path) -> None:
    assert nfs_operations.operations_of(lambda: count(tmp_path, 7), mail) == Counter(OPEN=3)


def test_to_count_looks_nothing_up_on_the_mount(mail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[object] = []
    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, lambda path, *_arguments, **_options: looked_up.append(path))
    assert nfs_operations.operations_of(lambda: None, mail / "example.com") == Counter()
    assert looked_up == []


def test_the_renewal_of_the_lease_does_not_count(mail: Path) -> None:
    counters = nfs_operations.COUNTERS

    def renew() -> None:
        counters.write_text(counters.read_text().replace("SEQUENCE: 99", "SEQUENCE: 100"))

    assert nfs_operations.operations_of(renew, mail) == Counter()
