"""What ResolveMailboxes is asked, and what it answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from mailroom import state
from mailroom.resolve.policy import Finding, findings
from mailroom.resolve.problems import Problem
from mailroom.statuses import Status

MAX_REASON = 300  # octets: a loop or a broken entry can be wordy, and a hundred recipients can meet it

_REASONS = 3  # of one recipient


@dataclass(frozen=True, slots=True)
class Request:
    """Whom a message is for, and what SES's checks found in it.

    With ``released`` (an operator lets mail out of quarantine) only those mailboxes are delivered to, into their INBOX
    whatever the checks found, and nobody is undelivered: all others had their outcome when the message came. With
    ``restored`` they have had their copies: what the checks found is in the header again, and keeps nothing back.
    """

    recipients: tuple[object, ...]
    findings: tuple[Finding, ...] = ()
    released: frozenset[str] = frozenset()
    restored: bool = False

    @classmethod
    def from_state(cls, received: Mapping[str, Any]) -> "Request":
        """Read ValidateEvent's output; what is missing in a state made by hand counts as empty."""
        released = frozenset(received.get("released") or ())
        restored = bool(released) and received.get("restored") is True
        found = () if released and not restored else tuple(findings(received.get("message") or {}))
        return cls(tuple(received.get("recipients") or ()), found, released, restored)


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """One copy to make, for one mailbox however many recipients lead there.

    ``mailbox`` is the name under which its records stand, ``address`` the mailbox's own: they differ after a rename.
    With ``optional_folder`` the INBOX takes the copy when the mailbox has no such folder. ``verdict`` is the text of
    the ``X-Mailroom-Verdict`` header, empty when the checks decided nothing; ``findings`` are what it names.
    """

    mailbox: str
    path: str
    folder: str
    recipients: tuple[str, ...]
    action: Literal["deliver", "quarantine"]
    verdict: str
    optional_folder: bool
    findings: tuple[Finding, ...] = ()
    address: str = ""

    def to_state(self) -> state.Delivery:
        """Give an item of DeliverToMailboxes."""
        return {
            "mailbox": self.mailbox,
            "address": self.address or self.mailbox,
            "path": self.path,
            "folder": self.folder,
            "recipients": list(self.recipients),
            "action": self.action,
            "verdict": self.verdict,
            "optional_folder": self.optional_folder,
            "findings": _terms(self.findings),
            "mailbox_number": mailbox_number(self.mailbox),
        }


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A recipient, and the problems that its mail met: at least one.

    What is our own fault goes before what the sender or a policy decides: without it there might have been a copy.
    ``findings`` are all that SES's checks found, so that policies can decide when the message is replayed.
    ``most_octets`` bounds the reason.
    """

    recipient: str
    problems: tuple[Problem, ...]
    findings: tuple[Finding, ...] = ()
    most_octets: int = MAX_REASON

    @property
    def status(self) -> Literal["REJECTED", "HELD"]:
        """``HELD`` for a fault of our own, else ``REJECTED``."""
        return "HELD" if self._first.status is Status.HELD else "REJECTED"

    @property
    def entry(self) -> str:
        """The directory's key that is at fault; empty where none is."""
        return self._first.entry

    @property
    def code(self) -> str:
        """The enhanced status code of the problem that decides."""
        return self._first.code

    @property
    def reason(self) -> str:
        """A sentence that fits a record: what is wrong, and what an operator can do about it."""
        ordered = [self._first, *(problem for problem in self.problems if problem is not self._first)]
        reason = "; ".join(problem.reason for problem in ordered[:_REASONS])
        remedy = f"; {self._first.remedy}" if self._first.remedy else ""
        room = self.most_octets - octets(remedy)
        # A remedy is of no use without most of what it is for.
        return shortened(reason, room) + remedy if room > self.most_octets // 3 else shortened(reason, self.most_octets)

    def to_state(self) -> state.Undelivered:
        """Give an item of RecordUndelivered."""
        return {**self.to_problem(), "status": self.status}

    def to_problem(self) -> state.Problem:
        """Give what a recipient has met that still arrives somewhere."""
        return {
            "recipient": self.recipient,
            "entry": self.entry,
            "code": self.code,
            "reason": self.reason,
            "findings": _terms(self.findings),
        }

    @property
    def _first(self) -> Problem:
        return next((problem for problem in self.problems if problem.status is Status.HELD), self.problems[0])


@dataclass(frozen=True, slots=True)
class Resolution:
    """Every recipient is in a delivery or undelivered; in both, and held, where a member of a group misses its copy.

    ``problems`` are what else recipients met that still arrive somewhere, for the log.
    """

    deliveries: tuple[PlannedDelivery, ...]
    undelivered: tuple[Undelivered, ...]
    problems: tuple[Undelivered, ...]

    def to_state(self) -> state.Resolution:
        """Give what ResolveMailboxes adds to the workflow's state."""
        return {
            "deliveries": [delivery.to_state() for delivery in self.deliveries],
            "undelivered": [one.to_state() for one in self.undelivered],
            "problems": [one.to_problem() for one in self.problems],
        }


def mailbox_number(mailbox: str) -> int:
    """Return a number from 1 to 1,000,000 that stands for a mailbox where only numbers can stand, as in a metric."""
    return int.from_bytes(sha256(mailbox.encode()).digest()[:8]) % 1_000_000 + 1


def octets(text: str) -> int:
    """Count what a text takes in a state or a record."""
    return len(text.encode())


def shortened(text: str, most: int) -> str:
    """Cut a text to ``most`` octets, with an ellipsis where one fits."""
    if octets(text) <= most:
        return text
    ellipsis = "…" if most >= octets("…") else ""
    return text.encode()[: most - octets(ellipsis)].decode(errors="ignore") + ellipsis


def _terms(found: Iterable[Finding]) -> list[state.Text]:
    return [{"S": term} for term in dict.fromkeys(term for finding in found for term in finding.terms)]
