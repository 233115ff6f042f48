"""Names as CloudFormation, SES and DNS take them, said before anything is made."""

import re

from mailroomctl.directory.models import checked_domain
from mailroomctl.errors import CommandError

_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_RULE_SUFFIX = "-store-and-notify"
#: SES's most for the name of a rule, which begins with the stack's.
_LONGEST_RULE = 64
_LONGEST_STACK = _LONGEST_RULE - len(_RULE_SUFFIX)


def checked_stack_name(name: str) -> str:
    """Return the name, or raise ``CommandError``."""
    if not _STACK.fullmatch(name) or len(name) > _LONGEST_STACK:
        raise CommandError(
            f"{name!r} cannot be the name of a stack: letters, digits and hyphens, a letter first, at most"
            f" {_LONGEST_STACK} of them."
        )
    return name


def rule_name(stack_name: str) -> str:
    """The name of the receipt rule, as the template makes it."""
    return f"{stack_name}{_RULE_SUFFIX}"


def mail_domain(text: str) -> str:
    """Return a domain that DNS can lead to, normalised, or raise ``CommandError``. It may end with DNS's full stop."""
    name = checked_domain(text.strip().removesuffix("."))
    last = name.rpartition(".")[2]
    if last == name or last.isdecimal():
        raise CommandError(f"{text!r} is not a domain of the internet: give one such as example.com.")
    return name
