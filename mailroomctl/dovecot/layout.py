"""Where Dovecot finds a mailbox: a home, and the Maildir in it."""

from dataclasses import dataclass

MAIL_ROOT = "/mnt/mail"
"""Where the documents mount the file system."""

USERS_FILE = "/etc/dovecot/mailroom-users"


@dataclass(frozen=True, slots=True)
class Home:
    """A mailbox as Dovecot sees it."""

    home: str
    """Absolute."""
    usual: bool
    """Whether the Maildir is where ``maildir_in_home`` says; else it is the home itself."""


def maildir_in_home(template: str) -> str:
    """Return the folder of a home in which the stack's template puts the Maildir; empty where it is the home itself."""
    parent, _, last = template.strip("/").rpartition("/")
    return last if parent and "{" not in last else ""


def home_of(path: str, mail_root: str, folder: str) -> Home:
    """Return the home for a mailbox's path.

    Args:
        path: The mailbox's path below the mail root.
        mail_root: Where the file system is mounted on the Dovecot server.
        folder: What ``maildir_in_home`` says.
    """
    parent, _, last = path.rpartition("/")
    root = mail_root.rstrip("/")
    if folder and last == folder and parent:
        return Home(f"{root}/{parent}", usual=True)
    return Home(f"{root}/{path}", usual=not folder)
