"""Where a mailbox lies below the mail root: from the directory, or from the stack's template.

One rule for what is configured and for what the writer walks: what is wrong is found before anything is created.
"""

import re
from typing import TYPE_CHECKING

from mailroom.errors import ConfigurationError, MailboxPathRejected

if TYPE_CHECKING:  # the writer has no use for addresses, and its cold start none for their tables
    from mailroom.addresses import Address

DEFAULT_TEMPLATE = "{domain}/{local_part}/Maildir"
# Bytes, NAME_MAX of Linux and of EFS; a file system with a lower limit answers ENAMETOOLONG: the same rejection.
MAX_COMPONENT = 255
# Bytes. Dovecot opens whole paths, with PATH_MAX (4,096) for root, folder and file name too; and the path travels in
# the workflow's state and in records.
MAX_PATH = 1024

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._+=-")
_SAFE = re.compile(r"[a-z0-9_+=-][a-z0-9._+=-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def mailbox_path(address: "Address", path: str | None, template: str) -> str:
    """Return the path of a mailbox: its own, else the template filled with its address.

    Raises ``MailboxPathRejected`` for a path that is malformed or would leave the mail root, ``ConfigurationError`` for
    a template with an unknown placeholder. Knows nothing of what exists on disk: the writer refuses symbolic links.
    """
    return check_path(fill_template(template, address) if path is None else path)


def fill_template(template: str, address: "Address") -> str:
    """Put the address into the template, encoded so that each value stays one component."""
    values = {"domain": address.domain, "local_part": address.local_part}

    def fill(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ConfigurationError(f"the mailbox path template has the unknown placeholder {match[0]}")
        return encode_component(values[match[1]])

    return _PLACEHOLDER.sub(fill, template)


def encode_component(value: str) -> str:
    """Percent-encode everything outside ``[a-z0-9._+=-]``, and a leading dot.

    ``/`` is legal in a local part, capitals would meet each other on a file system that folds case, and a component
    with a leading dot is a Maildir++ folder. Different values stay different: ``%`` is encoded too.
    """
    if _SAFE.fullmatch(value):
        return value
    encoded = "".join(chr(byte) if chr(byte) in _PLAIN else f"%{byte:02X}" for byte in value.encode())
    return "%2E" + encoded[1:] if encoded.startswith(".") else encoded


def check_path(path: str) -> str:
    """Return ``path`` without needless slashes, or raise ``MailboxPathRejected`` with the reason."""
    if path.startswith("/"):
        raise MailboxPathRejected("the mailbox path must be relative to the mail root")
    if _CONTROL.search(path):
        raise MailboxPathRejected("the mailbox path holds a control character")
    components = [component for component in path.split("/") if component]
    if not components:
        raise MailboxPathRejected("the mailbox path is empty")
    for component in components:
        if component in (".", ".."):
            raise MailboxPathRejected(f"the mailbox path holds the component {component}")
        if _octets(component) > MAX_COMPONENT:
            raise MailboxPathRejected(f"the mailbox path holds a component of more than {MAX_COMPONENT} bytes")
    clean = "/".join(components)
    if _octets(clean) > MAX_PATH:
        raise MailboxPathRejected(f"the mailbox path is longer than {MAX_PATH} bytes")
    return clean


def mailbox_components(path: str) -> list[str]:
    """Split a path, as ``check_path`` returns it, into the names that the writer walks one by one.

    Raises:
        MailboxPathRejected: It is not such a path.
    """
    if check_path(path) != path:
        raise MailboxPathRejected("the mailbox path holds an empty component")
    return path.split("/")


def _octets(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise MailboxPathRejected("the mailbox path is not Unicode text") from None
