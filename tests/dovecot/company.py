"""A company that has installed what Mailroom prints: a real Dovecot, and the directory whose users it has."""

import csv
import io
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.dovecot.server import Server, installed
from tests.e2e.world import until
from tests.integration.command_line import Operator, operator
from tests.made_once import made_once

VERSIONS = ("2.3", "2.4")
ACCOUNT = 5000


@dataclass
class Company:
    """A Dovecot that is to run, its users' directory, and the mail that was delivered."""

    server: Server
    at: Operator
    delivered: dict[str, bytes] = field(default_factory=dict)

    def take_over(self) -> None:
        """Give all mail to the user as whom Dovecot opens it, as an EFS access point does."""
        for folder, _, files in os.walk(self.server.mail_root):
            for path in (folder, *(f"{folder}/{name}" for name in files)):
                os.chown(path, ACCOUNT, ACCOUNT)

    def export(self, passwords: Sequence[tuple[str, ...]]) -> None:
        """Hash the passwords and write the list of users, as the documents say."""
        text = io.StringIO()
        csv.writer(text).writerows(passwords)
        base = self.server.base
        mail_root = f"--mail-root {self.server.inside}/mail --uid {ACCOUNT} --gid {ACCOUNT}"
        line = f"dovecot users --passwords {base}/passwords --set-passwords - --output {base}/users {mail_root}"
        self.at.run(line, stdin=text.getvalue())
        (base / "users").chmod(0o644)
        # Dovecot looks for a new list once a second.
        second = int(time.time())
        until(lambda: int(time.time()) > second)


@contextmanager
def a_company(version: str) -> Iterator[Company]:
    """A certificate and an empty mail root for a Dovecot, which does not run yet, and an empty directory."""
    dovecot = installed(version)
    assert dovecot, f"no Dovecot {version}: make dovecot-versions installs both"
    (dovecot.root / "tmp").mkdir(exist_ok=True)
    base = Path(tempfile.mkdtemp(prefix="mailroom-", dir=dovecot.root / "tmp"))
    base.chmod(0o755)
    try:
        with pytest.MonkeyPatch.context() as monkeypatch, made_once(), operator(monkeypatch) as at:
            server = Server(dovecot, base)
            server.certificate()
            server.mail_root.mkdir()
            yield Company(server, at)
    finally:
        shutil.rmtree(base)
