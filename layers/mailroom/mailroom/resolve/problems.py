"""Why mail cannot go on: typed for programs, with an enhanced status code (RFC 3463) and a sentence for people."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from mailroom.statuses import Status

SHOWN = 12
"""Addresses of a loop that its sentence names."""


class Kind(StrEnum):
    """What is wrong."""

    NOT_AN_ADDRESS = "not an address"
    UNKNOWN = "unknown"
    UNKNOWN_DOMAIN = "unknown domain"
    DISABLED = "disabled"
    BROKEN_ENTRY = "broken entry"
    BROKEN_DOMAIN_ALIAS = "broken domain alias"
    DOMAIN_LOOP = "domain loop"
    LOOP = "loop"
    NO_TARGETS = "no targets"
    UNUSABLE_MAILBOX = "unusable mailbox"
    SHARED_RECORDS = "shared records"
    REFUSED = "refused"


LEADS_NOWHERE = frozenset({Kind.NOT_AN_ADDRESS, Kind.UNKNOWN, Kind.UNKNOWN_DOMAIN})
"""The fault of the entry that leads there, where there is one."""

KEEPS_A_COPY_BACK = frozenset({Kind.BROKEN_ENTRY, Kind.UNUSABLE_MAILBOX, Kind.SHARED_RECORDS})
"""Faults of an entry behind which somebody may wait for the copy; behind the others there is nobody."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that stops mail.

    ``members`` are the addresses or domains that it is about; of a loop all in its order, or the first ones of many.
    ``detail`` says more, in words. ``met_at`` is the address further on where mail met it, ``None`` where mail
    started there.
    """

    kind: Kind
    members: tuple[str, ...] = ()
    detail: str = ""
    met_at: str | None = None
    entry: str = ""
    """The directory's key that is at fault; empty where the sender or a policy decides."""

    @property
    def status(self) -> Status:
        """What becomes of mail that meets nothing else: a fault of the directory holds it, all else rejects it."""
        return Status.HELD if self.entry else Status.REJECTED

    @property
    def code(self) -> str:
        """The enhanced status code (RFC 3463)."""
        return _WORDS[self.kind].code

    @property
    def endless(self) -> bool:
        """Whether the directory leads round in a circle."""
        return self.kind in (Kind.LOOP, Kind.DOMAIN_LOOP)

    @property
    def reason(self) -> str:
        """The whole sentence, with the way to the problem."""
        return self.text if self.met_at is None else f"it leads to {self.met_at}: {self.text}"

    @property
    def text(self) -> str:
        """The sentence without the way."""
        return _WORDS[self.kind].sentence.format(member=self._shown(), detail=self.detail)

    @property
    def remedy(self) -> str:
        """What an operator can do about the entry; empty where no entry is at fault."""
        if not self.entry:
            return ""
        if self.met_at is not None and self.kind in LEADS_NOWHERE:
            return _LEADS_NOWHERE
        return _WORDS[self.kind].remedy.format(member=self._shown())

    def _shown(self) -> str:
        if self.kind is not Kind.LOOP:
            return "".join(self.members)
        shown = self.members if len(self.members) <= SHOWN else (*self.members[: SHOWN - 1], "…")
        return " → ".join((*shown, self.members[0]))


class _Words(NamedTuple):
    code: str
    sentence: str
    remedy: str = ""


_LEADS_NOWHERE = "correct the entry, or add what it leads to"
_SET_ALIAS = "mailroomctl domain set {member} --alias-of DOMAIN"

_WORDS = {
    Kind.NOT_AN_ADDRESS: _Words("5.1.3", "not an address: {detail}"),
    Kind.UNKNOWN: _Words("5.1.1", "there is no such address, and its domain has no catch-all"),
    Kind.UNKNOWN_DOMAIN: _Words(
        "5.1.2", "the directory does not know the domain {member}", "mailroomctl domain add {member}"
    ),
    Kind.DISABLED: _Words("5.2.1", "the mailbox {member} is disabled"),
    Kind.BROKEN_ENTRY: _Words(
        "5.3.5", "the directory's entry {member} is broken: {detail}", "correct it with mailroomctl directory import"
    ),
    Kind.BROKEN_DOMAIN_ALIAS: _Words("5.3.5", "the domain {member} is an alias of what is no domain", _SET_ALIAS),
    Kind.DOMAIN_LOOP: _Words("5.4.6", "the domain {member} is an alias of an alias without end", _SET_ALIAS),
    Kind.LOOP: _Words("5.4.6", "aliases go round in a loop: {member}", "take one of them out of it"),
    Kind.NO_TARGETS: _Words("5.1.1", "{member} leads to no address", "give it a target, or remove it"),
    Kind.UNUSABLE_MAILBOX: _Words(
        "5.3.5", "the mailbox {member} cannot be delivered to: {detail}", "mailroomctl mailbox set {member} --path PATH"
    ),
    Kind.SHARED_RECORDS: _Words(
        "5.3.5", "the mailbox {member} cannot be delivered to: {detail}", "remove one of the two mailboxes"
    ),
    Kind.REFUSED: _Words("5.7.1", "refused by the policy of {member}: {detail}"),
}
"""The enhanced status code, the sentence and the remedy of each kind."""
