"""A real Dovecot of 2.3 or 2.4 with the configuration that Mailroom prints, on ports of its own."""

import imaplib
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.e2e.ports import free_ports

ROOTS = Path(__file__).parents[2] / ".local/dovecot"
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

#: Only what lets it run beside others and be watched: where it keeps things, ports, and no wait after a wrong password.
_BESIDE = """
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/error.log
info_log_path = {base}/info.log
debug_log_path = {base}/info.log
listen = 127.0.0.1
auth_failure_delay = 0
service imap-login {{
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


@dataclass(frozen=True)
class Installed:
    """A Dovecot on this machine, or in a Debian of its own below a folder."""

    version: str
    root: Path

    def run(self, *command: str) -> str:
        """Run one of its programs, with paths as it sees them; returns what it prints."""
        done = subprocess.run(
            [*self.inside, *command], capture_output=True, text=True, env=self.environment, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def inside(self) -> list[str]:
        """What goes before a command."""
        return [] if self.root == Path("/") else ["chroot", str(self.root)]

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the developer's."""
        return {"PATH": _PATH, "LC_ALL": "C.UTF-8"}


def installed(version: str) -> Installed | None:
    """The Dovecot of a version: this machine's own, or the one that ``tools/dovecot-roots`` has made."""
    program = shutil.which("dovecot", path=f"{os.environ['PATH']}:{_PATH}")
    if program and subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.startswith(
        version
    ):
        return Installed(version, Path("/"))
    root = ROOTS / version
    return Installed(version, root) if root.is_dir() else None


class Server:
    """A running Dovecot; every path it is told is one below ``base``, which it sees under ``inside``."""

    def __init__(self, dovecot: Installed, base: Path) -> None:
        self.dovecot = dovecot
        self.base = base
        self.inside = "/" + str(base.relative_to(dovecot.root))
        self.mail_root = base / "mail"
        self.plain, self.tls = free_ports(2)

    @cached_property
    def options(self) -> str:
        """What ``mailroomctl dovecot config`` is told here."""
        return f"--users-file {self.inside}/users --certificate {self.inside}/cert.pem --key {self.inside}/key.pem"

    def certificate(self) -> None:
        """Make a self-signed one."""
        made = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ]
        files = ["-keyout", f"{self.base}/key.pem", "-out", f"{self.base}/cert.pem"]
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        subprocess.run([*made, *files, *names], check=True, capture_output=True)

    @contextmanager
    def serving(self, configuration: str) -> Iterator["Server"]:
        """Run with the printed configuration."""
        (self.base / "printed.conf").write_text(configuration, encoding="utf-8")
        beside = _BESIDE.format(base=self.inside, plain=self.plain, tls=self.tls)
        (self.base / "dovecot.conf").write_text(configuration + beside, encoding="utf-8")
        command = [*self.dovecot.inside, "dovecot", "-F", "-c", f"{self.inside}/dovecot.conf"]
        process = subprocess.Popen(command, env=self.dovecot.environment, start_new_session=True)
        try:
            deadline = time.monotonic() + 20
            while not self._answers():
                assert process.poll() is None, self.log("error.log")
                assert time.monotonic() < deadline, "Dovecot does not answer"
                time.sleep(0.05)
            yield self
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.tls)) == 0

    @contextmanager
    def login(self, name: str, password: str) -> Iterator[imaplib.IMAP4]:
        """An IMAP session over TLS, with the certificate checked."""
        context = ssl.create_default_context(cafile=str(self.base / "cert.pem"))
        with imaplib.IMAP4_SSL("localhost", self.tls, ssl_context=context, timeout=20) as session:
            # LOGIN takes ASCII only; a client with other names authenticates.
            session.authenticate("PLAIN", lambda _challenge: f"\0{name}\0{password}".encode())
            yield session

    def log(self, name: str) -> str:
        """What Dovecot has written into one of its logs."""
        file = self.base / name
        return file.read_text(errors="replace") if file.exists() else ""

    def errors(self) -> list[str]:
        """What it has complained about, but for the machine's clock being set."""
        return [line for line in self.log("error.log").splitlines() if "Time moved forwards" not in line]


def folders(session: imaplib.IMAP4, command: str = "list") -> dict[str, set[str]]:
    """The folders that a session lists, or subscribes to, with their attributes."""
    found: dict[str, set[str]] = {}
    _, lines = getattr(session, command)()
    for line in lines:
        matched: Any = re.fullmatch(rb'\((.*?)\) "/" "?(.*?)"?', line)
        found[matched[2].decode()] = set(matched[1].decode().split())
    return found
