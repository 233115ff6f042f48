"""What cannot run for want of NFS is left out in words."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> str:
    names = ("MAIL_ROOT", "SECOND_MAIL_ROOT")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_tests_without_the_machine_and_a_second_mount_are_left_out_with_a_line_and_without_any_mount_they_fail() -> (
    None
):
    told = run("pytest", "tests/nfs", "--color=no")
    assert (
        "left out: test_a_full_disk_and_a_quota_are_told_apart[full] (needs the switches of tools/nfs-machine)" in told
    )
    assert "left out: test_recoveries_on_two_mounts_make_one_copy (needs SECOND_MAIL_ROOT" in told
    assert "these tests need a mounted folder: run make nfs" in told
    assert "ERROR tests/nfs/test_arrives.py::test_a_large_message_has_every_byte" in told
    assert "ERROR tests/nfs/test_kill.py::test_killed_anywhere" in told
    assert "passed" not in told
    assert "ERROR tests/nfs/test_storage_fails.py" not in told


def test_the_benchmark_on_a_local_disk_leaves_nfs_out_with_a_line(tmp_path: Path) -> None:
    told = run("benchmarks", "nfs", "--json", "--directory", str(tmp_path))
    assert told == f"nfs is left out: {tmp_path} is not on an NFS mount\n"
