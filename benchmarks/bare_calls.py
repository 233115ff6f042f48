"""The baseline on a disk: the system calls that a durable Maildir delivery cannot do without, and nothing else."""

import os
from pathlib import Path


def make_maildir(folder: Path) -> None:
    """Make what ``write`` needs."""
    for part in ("tmp", "new"):
        (folder / part).mkdir(parents=True)


def write(folder: Path, name: str, content: bytes) -> None:
    """Open, write, fsync, close, rename, fsync of the directory."""
    temporary, final = f"{folder}/tmp/{name}", f"{folder}/new/{name}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(descriptor, content)
    os.fsync(descriptor)
    os.close(descriptor)
    os.rename(temporary, final)  # noqa: PTH104 - the bare call is the baseline
    directory = os.open(f"{folder}/new", os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)
