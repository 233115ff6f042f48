"""`python -m mailroom.maildir`, for operators."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mailroom.maildir.__main__ import EX_DATAERR, EX_TEMPFAIL

from tests.unit.maildir.one_mailbox import MAIL, PATH


def run(root: Path, *options: str, mail: bytes = MAIL, path: str = PATH) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "mailroom.maildir", f"--mail-root={root}", f"--mailbox-path={path}"]
    return subprocess.run([*command, "--delivery-id=x", *options], input=mail, capture_output=True, check=False)


def test_a_message_from_standard_input(root: Path, box: Path) -> None:
    done = run(root, "--received-at=2026-11-24T02:47:00Z", "--header=X-Note: hello")
    assert (done.returncode, done.stderr) == (0, b"")
    result = json.loads(done.stdout)
    size = len(b"X-Note: hello\r\n" + MAIL)
    assert result == {
        "file_name": result["file_name"],
        "folder": "INBOX",
        "size": size,
        "virtual_size": size,
        "already_delivered": False,
    }
    assert result["file_name"].startswith("1795488420.")
    assert (box / "new" / result["file_name"]).read_bytes() == b"X-Note: hello\r\n" + MAIL
    again = run(root, "--recovering")
    assert json.loads(again.stdout) == {**result, "already_delivered": True}


@pytest.mark.parametrize(
    ("head", "seconds"),
    [
        (
            b"Received: by x; Tue, 24 Nov 2026 02:47:00 +0000\r\nReceived: y; Mon, 1 Jan 2024 00:00:00 +0000\r\n",
            1795488420,
        ),
        (b"Received: nonsense\r\nDate: Tue, 24 Nov 2026 03:47:00 +0100\r\n", 1795488420),
        (b"Date: Tue, 24 Nov 2026 02:47:00 -0000\r\n", 1795488420),
    ],
)
def test_the_receive_time_comes_from_the_message(root: Path, head: bytes, seconds: int) -> None:
    assert json.loads(run(root, mail=head + MAIL).stdout)["file_name"].startswith(f"{seconds}.")


def test_the_receive_time_of_a_file_without_dates_is_the_files(root: Path, tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_bytes(MAIL)
    with message.open("rb") as mail:
        command = [sys.executable, "-m", "mailroom.maildir", f"--mail-root={root}", "--mailbox-path=a"]
        done = subprocess.run([*command, "--delivery-id=x"], stdin=mail, capture_output=True, check=True)
    assert json.loads(done.stdout)["file_name"].startswith(f"{int(message.stat().st_mtime)}.")


def test_failures_are_json_and_say_whether_to_try_again(root: Path) -> None:
    never = run(root, path="../outside")
    assert (never.returncode, never.stdout) == (EX_DATAERR, b"")
    assert json.loads(never.stderr)["error"] == "MailboxPathRejected"
    root.rmdir()
    later = run(root)
    assert later.returncode == EX_TEMPFAIL
    assert json.loads(later.stderr)["error"] == "StorageUnavailable"


@pytest.mark.parametrize(
    "option", ["--received-at=yesterday", "--received-at=2026-11-24T02:47:00", "--header=no colon"]
)
def test_a_wrong_command_line(root: Path, option: str) -> None:
    done = run(root, option)
    assert done.returncode == 2
    assert option.partition("=")[0].encode() in done.stderr


def probing(root: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "mailroom.maildir", "probe", f"--mail-root={root}", *options]
    return subprocess.run(command, capture_output=True, check=False)


def test_a_probe(root: Path) -> None:
    (root / "example.com").mkdir()
    done = probing(root)
    assert (done.returncode, done.stderr) == (0, b"")
    result = json.loads(done.stdout)
    assert (result["where"], list(result)) == ("a folder", ["where", "seconds"])
    root.joinpath("example.com").rmdir()
    root.rmdir()
    done = probing(root, "--limit=5")
    assert (done.returncode, done.stdout) == (EX_TEMPFAIL, b"")
    assert "is the file system mounted?" in json.loads(done.stderr)["message"]
