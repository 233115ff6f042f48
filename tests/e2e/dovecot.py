"""A real Dovecot on a mail root: Debian's, with a configuration, folders and ports of its own."""

import grp
import imaplib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailroomctl.dovecot.config import Wanted, configuration
from mailroomctl.dovecot.spellings import escaped
from mailroomctl.dovecot.users import LOCKED
from tests.e2e.ports import free_ports

#: Where Debian puts it; sbin is not on everybody's PATH.
DOVECOT = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")
PASSWORD = "secret"

#: Beside what Mailroom prints: any name of the tests, with one password and without TLS, on a port of its own.
_BESIDE = """\
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/error.log
info_log_path = {base}/info.log
debug_log_path = {base}/info.log
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
first_valid_uid = 1
mail_home = {mail_root}/%d/%n
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


class Dovecot:
    """The running server; ``login`` opens a mailbox as its user would."""

    def __init__(self, base: Path, mail_root: Path, port: int, user: str, group: str) -> None:
        self._base = base
        self._mail_root = mail_root
        self._port = port
        self._user = user
        self._group = group

    @contextmanager
    def login(self, name: str) -> Iterator[imaplib.IMAP4]:
        """An IMAP session under a name, which is an address as ``mailbox list`` prints it, or one with a home."""
        self.take_over()
        with self.session(name) as session:
            yield session

    @contextmanager
    def session(self, name: str) -> Iterator[imaplib.IMAP4]:
        """The same, with the mail's owner as it is."""
        with imaplib.IMAP4("127.0.0.1", self._port, timeout=20) as session:
            # LOGIN takes ASCII only; a client with other names authenticates.
            session.authenticate("PLAIN", lambda _challenge: f"\0{name}\0{PASSWORD}".encode())
            yield session

    def set_home(self, name: str, path: str) -> None:
        """Say where the home of a name is, below the mail root; without that it is ``<domain>/<local part>``."""
        with (self._base / "homes").open("a", encoding="utf-8") as homes:
            homes.write(f"{escaped(name)}:{LOCKED}:{self._user}:{self._group}::{self._mail_root}/{path}::\n")

    def errors(self) -> str:
        """What Dovecot has complained about so far: its errors and warnings, but for the machine's clock being set."""
        log = self._base / "error.log"
        lines = log.read_text(errors="replace").splitlines(keepends=True) if log.exists() else []
        return "".join(line for line in lines if "Warning: Time moved forwards" not in line)

    def take_over(self) -> None:
        """Give the mail to Dovecot's user, as an EFS access point does: Dovecot never works as root."""
        if os.geteuid() == 0:
            user, group = pwd.getpwnam(self._user).pw_uid, grp.getgrnam(self._group).gr_gid
            for folder, _, files in os.walk(self._mail_root):
                for path in (folder, *(f"{folder}/{name}" for name in files)):
                    os.chown(path, user, group, follow_symlinks=False)


@contextmanager
def serving(base: Path, mail_root: Path) -> Iterator[Dovecot]:
    """Run Dovecot on ``mail_root`` with everything of its own in ``base``, until the block ends."""
    assert DOVECOT is not None
    root = os.geteuid() == 0
    me = pwd.getpwuid(os.geteuid()).pw_name
    my_group = grp.getgrgid(os.getegid()).gr_name
    user, group = ("mail", "mail") if root else (me, my_group)
    [port] = free_ports(1)
    for name in ("run", "state"):
        (base / name).mkdir(parents=True, mode=0o755)
    for name in ("homes", "none"):
        (base / name).touch(mode=0o644)
    config = base / "dovecot.conf"
    config.write_text(
        configuration("2.3", Wanted(users_file=f"{base}/homes", certificate=f"{base}/none", key=f"{base}/none"))
        + _BESIDE.format(
            base=base,
            mail_root=mail_root,
            port=port,
            password=PASSWORD,
            user=user,
            group=group,
            internal="dovecot" if root else me,
            internal_group="dovecot" if root else my_group,
            login="dovenull" if root else me,
        )
    )
    server = subprocess.Popen([DOVECOT, "-F", "-c", str(config)], start_new_session=True)
    try:
        _wait_for(server, port, base)
        yield Dovecot(base, mail_root, port, user, group)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def _wait_for(server: subprocess.Popen[bytes], port: int, base: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert server.poll() is None, f"Dovecot ended at once: {(base / 'error.log').read_text()}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("Dovecot does not answer")
