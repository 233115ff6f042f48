"""``mailroomctl local`` as a user meets it, also where it cannot work."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from mailroomctl.local import lifecycle, processes
from mailroomctl.local.send import send
from tests.e2e.ports import free_ports
from tests.e2e.world import World, until

MAILROOMCTL = str(Path(sys.executable).with_name("mailroomctl"))


def mailroomctl(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [MAILROOMCTL, "local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environment})


def alive(folder: Path) -> list[str]:
    """Processes whose command line names the folder; a worker's is in the emulator's temporary folder in there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command and path.parent.name != str(os.getpid()):
            found.append(command)
    return found


def test_status_says_what_runs_where(world: World) -> None:
    done = mailroomctl("status", "--state", str(world.settings.state), "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert [part["part"] for part in told["parts"]] == ["aws", "smtp_server", "pipe", "console"]
    assert all(part["pid"] for part in told["parts"])
    assert [queue["queue"] for queue in told["queues"]] == ["Inbound", "DeadLetter", "Parked"]


def test_send_prints_what_became_of_each_copy(world: World, tmp_path: Path) -> None:
    address = world.mailbox()
    mail = tmp_path / "mail.eml"
    mail.write_bytes(b"Subject: sent\r\n\r\n")
    state = ["--state", str(world.settings.state)]
    done = mailroomctl("send", *state, "--to", address, "--from", "", "--json", str(mail))
    assert done.returncode == 0, done.stderr
    [row] = json.loads(done.stdout)
    assert row["outcome"] == "DELIVERED"
    assert (world.mail_root / row["file"]).read_bytes().endswith(b"Subject: sent\r\n\r\n")
    done = mailroomctl("send", *state, "--to", address, "--to", "x@nowhere.example", str(mail))
    assert done.returncode == 1
    assert "REFUSED" in done.stdout
    assert "550" in done.stdout


def test_send_says_what_is_wrong_with_its_arguments(world: World) -> None:
    state = ["--state", str(world.settings.state)]
    for arguments, wanted in (
        (["--to", "a@example.com", "no-such-file.eml"], "cannot read no-such-file.eml"),
        (["--to", "a@example.com", "--verdict", "spam=MAYBE", "-"], "--verdict spam=MAYBE: write spam|"),
    ):
        done = mailroomctl("send", *state, *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert wanted in done.stderr


def test_up_when_it_is_up(world: World) -> None:
    done = mailroomctl("up", "--state", str(world.settings.state))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "up already" in done.stderr
    assert all(processes.running(world.settings, name) for name in lifecycle.PARTS)


def test_up_starts_a_part_again_that_has_ended(world: World) -> None:
    processes.stop(world.settings, lifecycle.SMTP_SERVER)
    done = mailroomctl("up", "--state", str(world.settings.state))
    assert done.returncode == 0, done.stderr
    assert f"127.0.0.1:{world.settings.smtp_port} (any mail client" in done.stdout
    assert all(processes.running(world.settings, name) for name in lifecycle.PARTS)
    recipient = world.mailbox("again")
    send(world.settings, "sender@example.org", [recipient], b"Subject: again\r\n\r\n")
    until(lambda: world.copies(recipient))


def test_up_with_a_port_in_use(tmp_path: Path) -> None:
    [free] = free_ports(1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for options in (["--aws-port", port, "--smtp-port", str(free)], ["--smtp-port", port, "--aws-port", str(free)]):
            done = mailroomctl("up", "--state", str(tmp_path), "--no-console", *options)
            assert (done.returncode, done.stderr.count("\n")) == (1, 1)
            assert f"127.0.0.1:{port}" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_failed_deployment_leaves_nothing_running(tmp_path: Path) -> None:
    aws_port, smtp_port, console_port = map(str, free_ports(3))
    options = [
        "--state",
        str(tmp_path),
        "--aws-port",
        aws_port,
        "--smtp-port",
        smtp_port,
        "--console-port",
        console_port,
    ]
    done = mailroomctl("up", *options, "--parameter", "MaxReceiveCount=not-a-number")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "sam deploy failed" in done.stderr
    assert alive(tmp_path) == []
    done = mailroomctl("status", "--state", str(tmp_path))
    assert done.returncode == 3


def test_no_state_folder(tmp_path: Path) -> None:
    state = str(tmp_path / "none")
    done = mailroomctl("status", "--state", state)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "nothing runs" in done.stderr
    done = mailroomctl("down", "--state", state)
    assert (done.returncode, done.stdout) == (0, f"nothing was running with state folder {state}\n")


def test_it_listens_on_loopback_only(world: World) -> None:
    pids = [processes.running(world.settings, name) for name in lifecycle.PARTS]
    ours = {str(link.readlink()) for pid in pids for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in ours:
                listening.append(fields[1].partition(":")[0])
    assert sorted(listening) == ["00000000000000000000000001000000", "0100007F", "0100007F", "0100007F"]


def test_no_worker_sees_real_credentials(world: World) -> None:
    aws = processes.running(world.settings, "aws")
    environment = Path(f"/proc/{aws}/environ").read_bytes().split(b"\0")
    assert b"AWS_ACCESS_KEY_ID=test" in environment
    assert not any(item.startswith((b"AWS_PROFILE=", b"AWS_SESSION_TOKEN=")) for item in environment)
