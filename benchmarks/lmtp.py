"""Dovecot's LMTP on a Maildir of its own, as a function that delivers one message."""

import contextlib
import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

CONFIG = """\
base_dir = {base}/run
state_dir = {base}/run
log_path = {base}/log
protocols = lmtp
ssl = no
default_internal_user = {internal}
default_login_user = {internal}
first_valid_uid = 1
mail_location = maildir:{mail}/%n
mail_fsync = always
mmap_disable = yes
lmtp_save_to_detail_mailbox = no
postmaster_address = postmaster@example.com
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={mail}/%n
}}
service anvil {{
  chroot =
}}
service lmtp {{
  unix_listener {base}/lmtp {{
    mode = 0666
  }}
}}
"""


@contextlib.contextmanager
def lmtp_server(base: Path, mail: Path) -> Iterator[Callable[[bytes], None]]:
    """Run Dovecot for the length of the block, with its own files in ``base`` and the mailboxes in ``mail``.

    Messages go over one connection, commands pipelined.
    """
    dovecot = shutil.which("dovecot") or "/usr/sbin/dovecot"
    root = os.geteuid() == 0
    me = pwd.getpwuid(os.geteuid()).pw_name
    user, group = ("mail", "mail") if root else (me, grp.getgrgid(os.getegid()).gr_name)
    (base / "run").mkdir(parents=True)
    mail.mkdir(parents=True)
    shutil.chown(mail, user, group)
    config = base / "dovecot.conf"
    config.write_text(CONFIG.format(base=base, mail=mail, internal="dovecot" if root else me, user=user, group=group))
    server = subprocess.Popen([dovecot, "-F", "-c", config])
    try:
        with _connect(base, server) as connection, connection.makefile("rb") as replies:
            _expect(replies.readline(), b"220")
            connection.sendall(b"LHLO benchmark\r\n")
            while (line := replies.readline())[3:4] == b"-":
                _expect(line, b"250")

            def deliver(message: bytes) -> None:
                connection.sendall(b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n")
                for code in (b"250", b"250", b"354"):
                    _expect(replies.readline(), code)
                connection.sendall(message + b".\r\n")
                _expect(replies.readline(), b"250")

            yield deliver
    finally:
        server.terminate()
        server.wait(20)


def _connect(base: Path, server: subprocess.Popen[bytes]) -> socket.socket:
    """Connect as soon as the server listens."""
    connection = socket.socket(socket.AF_UNIX)
    for _ in range(200):
        if server.poll() is not None:
            break
        # From its folder: a socket's path may have 107 bytes only.
        with contextlib.suppress(OSError), contextlib.chdir(base):
            connection.connect("lmtp")
            return connection
        time.sleep(0.05)
    raise RuntimeError(f"Dovecot does not answer: {(base / 'log').read_text() if (base / 'log').exists() else ''}")


def _expect(reply: bytes, code: bytes) -> None:
    """Stop at the first reply that is another one."""
    if not reply.startswith(code):
        raise RuntimeError(f"Dovecot answered {reply!r}")
