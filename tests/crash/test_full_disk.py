"""A file system that is really full, or read-only: a tiny tmpfs, in a mount namespace of its own."""

import subprocess
import sys
from pathlib import Path

from tests.crash.namespace import run_in_namespace

SCRIPT = """
import os, subprocess, sys
from pathlib import Path
from mailroom import maildir
from mailroom.errors import StorageUnavailable

root = Path(sys.argv[1])

def mount(*options):
    subprocess.run(["mount", *options, "tmpfs", root], check=True)

def deliver(delivery_id, size, **options):
    return maildir.deliver(root, mailbox_path="bob", folder="INBOX", delivery_id=delivery_id, received_at=1.0,
        headers=[], content=[b"x" * size], attempt="a", **{"recovering": False, **options})

def refused(error, *arguments, **options):
    try:
        deliver(*arguments, **options)
    except StorageUnavailable as refusal:
        assert error in str(refusal), refusal
    else:
        raise AssertionError(f"expected {error}")

def no_probe(words):
    try:
        maildir.probe(root)
    except StorageUnavailable as refusal:
        assert words in str(refusal), refusal
    else:
        raise AssertionError(f"expected {words}")

def files():
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

mount("-t", "tmpfs", "-o", "size=64k,mode=700")
kept = "bob/new/" + deliver("small", 1000).file_name
refused("the file system is full (ENOSPC", "large", 100_000)
assert files() == [kept], files()
deliver("small too", 1000)
refused("ENOSPC", "large", 100_000, recovering=True)
assert len(files()) == 2, files()
no_probe("the file system is full")
assert len(files()) == 2, files()

subprocess.run(["mount", "-o", "remount,ro", root], check=True)
refused("the file system is read-only (EROFS", "small", 10)
refused("EROFS", "small", 10, recovering=True)
no_probe("the file system is read-only")
subprocess.run(["umount", root], check=True)

mount("-t", "tmpfs", "-o", "size=1m,nr_inodes=4,mode=700")
refused("ENOSPC", "no inode for the folders", 10)
subprocess.run(["mount", "-o", "remount,nr_inodes=100", root], check=True)
deliver("no inode for the folders", 10)
assert len(files()) == 1, files()
assert maildir.probe(root).where == "a mailbox"
assert len(files()) == 1, files()
print("done")
"""


def test_a_full_and_a_read_only_file_system(tmp_path: Path) -> None:
    run_in_namespace("-c", SCRIPT, str(tmp_path))


def test_a_file_size_limit(tmp_path: Path) -> None:
    """Where nothing can be mounted, a limit on the size of files fails a write in the middle too."""
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "from mailroom import maildir\n"
        "try:\n"
        "    maildir.deliver(sys.argv[1], mailbox_path='bob', folder='INBOX', delivery_id='x', received_at=1,\n"
        "        headers=[], content=[b'x' * 100_000], attempt='a', recovering=False)\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("StorageUnavailable writing the message: EFBIG")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
