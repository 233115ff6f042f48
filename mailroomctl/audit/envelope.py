"""Whom a message was for, when its notification is lost: what SES's own header lines say, and whether that is all.

SES writes one recipient into its Received line, ``for bob@example.com``, however many there were. Where the sender's
header fields name nobody else in a domain of ours, that one is taken for all; who was in Bcc only is in no line. Else
it is not certain, and a person decides.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from email.utils import getaddresses

from mailroom.domain_names import normalise_domain
from mailroom.errors import InvalidAddress
from mailroom.resolve.entries import domain_key

from mailroomctl.addresses import normalised
from mailroomctl.deliveries.raw_mail import beginning
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.stack import Stack

_FOR = re.compile(r"\bby\s+inbound-smtp\.\S+\s+with\s+SMTP\s+id\s+(?P<id>\S+)\s+for\s+(?P<recipients>[^;]+);")
_NAMING = ("To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc")


@dataclass(frozen=True, slots=True)
class Envelope:
    """``recipients`` as SES names them; ``others`` whom the sender's lines name beside them, in domains of ours."""

    recipients: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    sender: str = ""
    rfc_message_id: str = ""

    @property
    def certain(self) -> bool:
        """Whether nothing speaks for more recipients."""
        return bool(self.recipients) and not self.others

    def question(self, message_id: str) -> str:
        """Say what a person has to decide, and how."""
        if not self.recipients:
            return f"SES's own lines name no recipient: mailroomctl replay {message_id} --recipient ADDRESS"
        named = ", ".join(self.others)
        options = " ".join(f"--recipient {one}" for one in (*self.recipients, *self.others))
        return (
            f"SES names {', '.join(self.recipients)} only, the sender's lines {named} too; "
            f"for those who are to have it: mailroomctl replay {message_id} {options}"
        )


def envelope(stack: Stack, bucket: str, key: str, message_id: str) -> Envelope:
    """Read what the raw mail says."""
    headers = message_from_bytes(beginning(stack, bucket, key), policy=policy.compat32)
    recipients = _told_by_ses(headers, message_id)
    if not recipients:
        return Envelope()
    # SES's own Return-Path is the first of its name, as its Received is.
    sender = str(headers["Return-Path"] or "").strip().removeprefix("<").removesuffix(">")
    others = sorted(_named(headers) - set(recipients))
    ours = _domains_of_ours(DirectoryTable(stack), recipients, others)
    known = tuple(one for one in others if _domain(one) in ours)
    return Envelope(recipients, known, sender, " ".join(str(headers["Message-ID"] or "").split()))


def _told_by_ses(headers: Message, message_id: str) -> tuple[str, ...]:
    """Only the first Received line is SES's, and only that with the message's own id: all others are the sender's."""
    found = _FOR.search(" ".join(str(headers["Received"] or "").split()))
    if not found or found["id"] != message_id:
        return ()
    named = (one.strip().removeprefix("<").removesuffix(">") for one in found["recipients"].split(","))
    return tuple(dict.fromkeys(normalised(one) for one in named if one))


def _named(headers: Message) -> set[str]:
    values = [str(value) for name in _NAMING for value in headers.get_all(name, [])]
    return {normalised(address) for _, address in getaddresses(values) if "@" in address}


def _domains_of_ours(directory: DirectoryTable, recipients: Sequence[str], others: Sequence[str]) -> set[str]:
    ours = {_domain(one) for one in recipients}
    asked = {_domain(one) for one in others} - ours
    return ours | {one for one in asked if directory.get(domain_key(one))}


def _domain(address: str) -> str:
    try:
        return normalise_domain(address.rpartition("@")[2])
    except InvalidAddress:
        return address.rpartition("@")[2]
