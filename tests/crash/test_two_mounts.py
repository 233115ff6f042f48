"""A file system that is mounted twice, as the writer's and the mail reader's hosts do: still one message."""

from pathlib import Path

from tests.crash.namespace import run_in_namespace


def test_two_mounts_of_one_file_system(tmp_path: Path) -> None:
    run_in_namespace("-m", "tests.crash.two_mounts", str(tmp_path))
