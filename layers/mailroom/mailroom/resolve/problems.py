"""Why mail cannot go on: typed for programs, with an enhanced status code (RFC 3463) and a sentence for people."""

from dataclasses import dataclass
from enum import StrEnum

from mailroom.resolve.policy import Finding

SHOWN = 12
"""Addresses of a loop that its sentence names."""


class Kind(StrEnum):
    """What is wrong."""

    NOT_AN_ADDRESS = "not an address"
    UNKNOWN = "unknown"
    DISABLED = "disabled"
    BROKEN_ENTRY = "broken entry"
    BROKEN_DOMAIN_ALIAS = "broken domain alias"
    DOMAIN_LOOP = "domain loop"
    LOOP = "loop"
    NO_TARGETS = "no targets"
    NO_MAILBOX = "no mailbox"
    UNUSABLE_MAILBOX = "unusable mailbox"
    REFUSED = "refused"


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
    findings: tuple[Finding, ...] = ()
    """What a policy refused."""

    @property
    def code(self) -> str:
        """The enhanced status code (RFC 3463)."""
        return _WORDS[self.kind][0]

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
        return _WORDS[self.kind][1].format(member=self._shown(), detail=self.detail)

    def _shown(self) -> str:
        if self.kind is not Kind.LOOP:
            return "".join(self.members)
        shown = self.members if len(self.members) <= SHOWN else (*self.members[: SHOWN - 1], "…")
        return " → ".join((*shown, self.members[0]))


_WORDS = {
    Kind.NOT_AN_ADDRESS: ("5.1.3", "not an address: {detail}"),
    Kind.UNKNOWN: ("5.1.1", "there is no such address, and its domain has no catch-all"),
    Kind.DISABLED: ("5.2.1", "the mailbox {member} is disabled"),
    Kind.BROKEN_ENTRY: ("5.3.5", "the directory's entry {member} is broken: {detail}"),
    Kind.BROKEN_DOMAIN_ALIAS: ("5.3.5", "the domain {member} is an alias of what is no domain"),
    Kind.DOMAIN_LOOP: ("5.4.6", "the domain {member} is an alias of an alias without end"),
    Kind.LOOP: ("5.4.6", "aliases go round in a loop: {member}"),
    Kind.NO_TARGETS: ("5.1.1", "{member} leads to no address"),
    Kind.NO_MAILBOX: ("5.1.1", "it leads to no mailbox"),
    Kind.UNUSABLE_MAILBOX: ("5.3.5", "the mailbox {member} cannot be delivered to: {detail}"),
    Kind.REFUSED: ("5.7.1", "refused by the policy of {member}: {detail}"),
}
"""The enhanced status code and the sentence of each kind."""
