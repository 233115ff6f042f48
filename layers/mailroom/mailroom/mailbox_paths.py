"""Where a mailbox lies below the mail root: from the directory, or from the stack's template.

One rule for what is configured and for what the writer walks: what is wrong is found before anything is created.

The template is filled by one of two rules. A new mailbox gets ``default_path``, which is where Dovecot's ``%d`` and
``%n`` look. Version 0.1 encoded more; an entry without a path still means what it meant there, so that no upgrade and
no roll-back moves a mailbox away from its mail. Where the two rules differ, a new entry therefore carries its path.
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
_ASCII = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._+=-")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f/%:@]|\A\.")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def mailbox_path(address: "Address", path: str | None, template: str) -> str:
    """Return the path that an entry means: its own, else the template filled by the rule of version 0.1.

    Raises ``MailboxPathRejected`` for a path that is malformed or would leave the mail root, ``ConfigurationError`` for
    a template with an unknown placeholder. Knows nothing of what exists on disk: the writer refuses symbolic links.
    """
    if path is not None:
        return check_path(path)
    return check_path(_fill(template, encode_to_ascii(address.domain), encode_to_ascii(address.local_part)))


def default_path(address: "Address", template: str) -> str:
    """Return the path of a new mailbox for which none is chosen: the template, filled as Dovecot would.

    Raises what ``mailbox_path`` raises.
    """
    local_part, _, domain = address.text.rpartition("@")
    return check_path(_fill(template, encode_component(domain), encode_component(local_part)))


def dovecot_path(address: "Address", template: str) -> str:
    """Return where Dovecot looks when its ``%d`` and ``%n`` stand in the template, for a login with the whole address.

    Dovecot cuts at the first ``@`` and encodes nothing, so this need not be a path that a mailbox can have.
    """
    local_part, _, domain = address.text.partition("@")
    return _fill(template, domain, local_part)


def encode_component(value: str) -> str:
    """Percent-encode what would leave its component, or mean something else there.

    ``/`` is legal in a local part, and a component with a leading dot is a Maildir++ folder, or ``..``. ``:`` separates
    the parts of Dovecot's ``mail_location``, ``%`` starts its variables, ``@`` ends its ``%n``. Different values stay
    different, because ``%`` is encoded.
    """
    return _UNSAFE.sub(lambda match: _percent(match[0]), value)


def encode_to_ascii(value: str) -> str:
    """Percent-encode everything outside ``[a-z0-9._+=-]``, and a leading dot: the rule of version 0.1."""
    encoded = "".join(one if one in _ASCII else _percent(one) for one in value)
    return "%2E" + encoded[1:] if encoded.startswith(".") else encoded


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _fill(template: str, domain: str, local_part: str) -> str:
    values = {"domain": domain, "local_part": local_part}

    def fill(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ConfigurationError(f"the mailbox path template has the unknown placeholder {match[0]}")
        return values[match[1]]

    return _PLACEHOLDER.sub(fill, template)


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
            raise MailboxPathRejected(f"the mailbox path holds {component!r}")
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
