"""A complete ``dovecot.conf`` for this layout, for Dovecot 2.3 and 2.4; docs/dovecot.md explains each line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mailroomctl.dovecot.layout import USERS_FILE
from mailroomctl.errors import CommandError

type Version = Literal["2.3", "2.4"]

CERTIFICATE = "/etc/dovecot/private/dovecot.pem"
KEY = "/etc/dovecot/private/dovecot.key"
"""What Debian's packages make: self-signed."""

VERSIONS: tuple[Version, ...] = ("2.3", "2.4")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration depends on."""

    folder: str = "Maildir"
    """The Maildir in a home; empty where the home is the Maildir."""
    junk_folders: Sequence[str] = field(default_factory=lambda: ["Junk"])
    """The stack's first, then those of domains and mailboxes."""
    users_file: str = USERS_FILE
    certificate: str = CERTIFICATE
    key: str = KEY
    quota: str = ""
    """Such as ``10G``; empty for none."""

    @property
    def maildir(self) -> str:
        """Where a user's Maildir is."""
        return f"~/{self.folder}" if self.folder else "~"


def configuration(version: Version, wanted: Wanted) -> str:
    """Return the whole file."""
    parts = _PARTS_2_4 if version == "2.4" else _PARTS_2_3
    return "\n".join(part for part in (make(wanted) for make in parts) if part)


def quoted(name: str, version: str) -> str:
    """Return a name as it stands behind ``mailbox``; raises ``CommandError`` for one that Dovecot cannot read there.

    2.4 takes ``%{`` for the beginning of a variable, and does not start with one that it does not know.
    """
    if '"' in name:
        raise CommandError(f"Dovecot's configuration cannot name the folder {name}; choose another junk_folder.")
    if all(one.isalnum() or one in "-_" for one in name) and name.isascii():
        return name
    escaped = name.replace("\\", "\\\\")
    if version == "2.4":
        escaped = escaped.replace("%{", "%%{")
    return f'"{escaped}"'


def section(version: str, folder: str, use: str = "Junk") -> str:
    """Return the part of the namespace that makes a folder, subscribes to it and says what it is for."""
    return f"  mailbox {quoted(folder, version)} {{\n    auto = subscribe\n    special_use = \\{use}\n  }}\n"


def user_section(version: str, kind: str, users_file: str = USERS_FILE) -> str:
    """Return the part that makes Dovecot read the list of users, as ``passdb`` or as ``userdb``."""
    if version == "2.4":
        return f"{kind} passwd-file {{\n  passwd_file_path = {users_file}\n}}"
    return f"{kind} {{\n  driver = passwd-file\n  args = {users_file}\n}}"


def _start_2_3(_wanted: Wanted) -> str:
    return """\
# Made by "mailroomctl dovecot config --version 2.3"; docs/dovecot.md explains each line.
protocols = imap
"""


def _start_2_4(_wanted: Wanted) -> str:
    return """\
# Made by "mailroomctl dovecot config --version 2.4"; docs/dovecot.md explains each line.
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
protocols = imap
"""


def _mail_2_3(wanted: Wanted) -> str:
    return f"""\
# The mail: Maildirs, each in the home that the list of users says.
mail_location = maildir:{wanted.maildir}
{_NFS}"""


def _mail_2_4(wanted: Wanted) -> str:
    return f"""\
# The mail: Maildirs, each in the home that the list of users says.
mail_driver = maildir
mail_path = {wanted.maildir}
mailbox_list_layout = maildir++
{_NFS}"""


_NFS = """
# What NFS, and so EFS, needs.
mmap_disable = yes
mail_fsync = always
# "no" is right while one Dovecot server serves a user, clocks agree, and NFS caches attributes for 60 s or more.
mail_nfs_storage = no
mail_nfs_index = no
# Mailroom writes beside Dovecot: "yes" would hide new mail outside INBOX.
maildir_very_dirty_syncs = no
mailbox_list_index_very_dirty_syncs = no
# How often Dovecot looks for a waiting client; on NFS new mail may show a minute later.
mailbox_idle_check_interval = 30 secs
"""


def _users_2_3(wanted: Wanted) -> str:
    return f"""\
# The users: "mailroomctl dovecot users" writes the list. Any character in a name, in small letters.
auth_username_chars =
auth_username_format = %Lu
{user_section("2.3", "passdb", wanted.users_file)}
{user_section("2.3", "userdb", wanted.users_file)}
"""


def _users_2_4(wanted: Wanted) -> str:
    return f"""\
# The users: "mailroomctl dovecot users" writes the list. Any character in a name, in small letters.
auth_username_chars =
auth_username_format = %{{user | lower}}
{user_section("2.4", "passdb", wanted.users_file)}
{user_section("2.4", "userdb", wanted.users_file)}
"""


def _tls_2_3(wanted: Wanted) -> str:
    return f"""\
# No password without TLS.
ssl = required
ssl_min_protocol = TLSv1.2
ssl_cert = <{wanted.certificate}
ssl_key = <{wanted.key}
"""


def _tls_2_4(wanted: Wanted) -> str:
    return f"""\
# No password without TLS.
ssl = required
ssl_min_protocol = TLSv1.2
ssl_server_cert_file = {wanted.certificate}
ssl_server_key_file = {wanted.key}
"""


def _folders_2_3(wanted: Wanted) -> str:
    return _folders("2.3", wanted)


def _folders_2_4(wanted: Wanted) -> str:
    return _folders("2.4", wanted)


def _folders(version: Version, wanted: Wanted) -> str:
    uses = {**{name: name for name in ("Sent", "Drafts", "Trash")}, **dict.fromkeys(wanted.junk_folders, "Junk")}
    sections = "".join(section(version, name, use) for name, use in uses.items())
    return f"""\
# The folders. What Mailroom puts aside as junk must be in a folder that clients show.
namespace inbox {{
  inbox = yes
  separator = /
{sections}}}
"""


def _quota_2_3(wanted: Wanted) -> str:
    if not wanted.quota:
        return ""
    return f"""\
# Counted and shown; a full mailbox takes no more from its user. Mailroom delivers all the same.
mail_plugins = quota
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage={wanted.quota}
}}
"""


def _quota_2_4(wanted: Wanted) -> str:
    if not wanted.quota:
        return ""
    return f"""\
# Counted and shown; a full mailbox takes no more from its user. Mailroom delivers all the same.
mail_plugins {{
  quota = yes
}}
protocol imap {{
  mail_plugins {{
    imap_quota = yes
  }}
}}
quota "User quota" {{
  driver = count
  storage_size = {wanted.quota}
}}
"""


_PARTS_2_3 = (_start_2_3, _mail_2_3, _users_2_3, _tls_2_3, _folders_2_3, _quota_2_3)
_PARTS_2_4 = (_start_2_4, _mail_2_4, _users_2_4, _tls_2_4, _folders_2_4, _quota_2_4)
