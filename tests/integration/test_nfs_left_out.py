"""What cannot run for want of NFS is left out in words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str, **variables: str) -> str:
    names = ("MAIL_ROOT", "SECOND_MAIL_ROOT")
    environment = {name: value for name, value in os.environ.items() if name not in names} | variables
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_what_needs_the_machine_or_a_second_mount_is_left_out_with_a_line(tmp_path: Path) -> None:
    wanted = ["tests/nfs/test_storage_fails.py", "tests/nfs/test_rivals.py"]
    told = run("pytest", *wanted, "--color=no", MAIL_ROOT=str(tmp_path))
    assert (
        "left out: test_a_full_disk_and_a_quota_are_told_apart[full] (needs the switches of tools/nfs-machine)" in told
    )
    assert "left out: test_recoveries_on_two_mounts_make_one_copy (needs SECOND_MAIL_ROOT" in told
    assert f"{tmp_path} is not on NFS: this run says nothing of how the writer works there" in told
    assert "ERROR" not in told


@pytest.mark.parametrize(
    ("variables", "refusal"),
    [
        ({}, "these tests need a mounted folder: run make nfs"),
        ({"MAIL_ROOT": "{here}/missing"}, "MAIL_ROOT={here}/missing: No such file or directory; is the file system"),
        ({"MAIL_ROOT": "{here}/file"}, "MAIL_ROOT={here}/file: Not a directory; is the file system mounted"),
        ({"MAIL_ROOT": "{here}", "SECOND_MAIL_ROOT": "/dev"}, "SECOND_MAIL_ROOT=/dev does not show the same folder"),
    ],
)
def test_a_mail_root_that_is_none_is_refused_in_a_line(tmp_path: Path, variables: dict[str, str], refusal: str) -> None:
    (tmp_path / "file").touch()
    told = run(
        "pytest", "tests/nfs", "--color=no", **{name: one.format(here=tmp_path) for name, one in variables.items()}
    )
    assert f"ERROR: {refusal.format(here=tmp_path)}" in told
    assert "no tests ran" in told


def test_the_benchmark_on_a_local_disk_leaves_nfs_out_with_a_line(tmp_path: Path) -> None:
    told = run("benchmarks", "nfs", "--json", "--directory", str(tmp_path))
    assert told == f"nfs is left out: {tmp_path} is not on an NFS mount\n"
