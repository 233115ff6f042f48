"""What ResolveMailboxes is asked, and what it answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mailroom import state
from mailroom.resolve.policy import Finding, findings
from mailroom.resolve.problems import Problem

MAX_REASON = 300  # characters: a loop or a broken entry can be wordy, and a hundred recipients can meet it

_REASONS = 3  # of one rejection


@dataclass(frozen=True, slots=True)
class Request:
    """Whom a message is for, and what SES's checks found in it.

    With ``released`` (an operator lets mail out of quarantine) only those mailboxes are delivered to, into their INBOX
    whatever the checks found, and nobody is rejected: all others had their outcome when the message came.
    """

    recipients: tuple[object, ...]
    findings: tuple[Finding, ...] = ()
    released: frozenset[str] = frozenset()

    @classmethod
    def from_state(cls, received: Mapping[str, Any]) -> "Request":
        """Read ValidateEvent's output; what is missing in a state made by hand counts as empty."""
        released = frozenset(received.get("released") or ())
        found = () if released else tuple(findings(received.get("message") or {}))
        return cls(tuple(received.get("recipients") or ()), found, released)


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """One copy to make, for one mailbox however many recipients lead there.

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

    def to_state(self) -> state.Delivery:
        """Give an item of DeliverToMailboxes."""
        return {
            "mailbox": self.mailbox,
            "path": self.path,
            "folder": self.folder,
            "recipients": list(self.recipients),
            "action": self.action,
            "verdict": self.verdict,
            "optional_folder": self.optional_folder,
            "findings": _terms(self.findings),
        }


@dataclass(frozen=True, slots=True)
class Rejection:
    """A recipient, and the problems that its mail met: at least one."""

    recipient: str
    problems: tuple[Problem, ...]

    @property
    def code(self) -> str:
        """The enhanced status code of the first problem."""
        return self.problems[0].code

    @property
    def reason(self) -> str:
        """A sentence that fits a record."""
        reason = "; ".join(problem.reason for problem in self.problems[:_REASONS])
        return reason if len(reason) <= MAX_REASON else f"{reason[: MAX_REASON - 1]}…"

    def to_state(self) -> state.Rejection:
        """Give an item of RecordRejections."""
        found = [finding for problem in self.problems for finding in problem.findings]
        return {
            "recipient": self.recipient,
            "code": self.code,
            "reason": self.reason,
            "findings": _terms(found),
        }


@dataclass(frozen=True, slots=True)
class Resolution:
    """Every recipient is in a delivery or rejected.

    ``problems`` are what recipients met that still arrive somewhere, for the log.
    """

    deliveries: tuple[PlannedDelivery, ...]
    rejected: tuple[Rejection, ...]
    problems: tuple[Rejection, ...]

    def to_state(self) -> state.Resolution:
        """Give what ResolveMailboxes adds to the workflow's state."""
        return {
            "deliveries": [delivery.to_state() for delivery in self.deliveries],
            "rejected": [rejection.to_state() for rejection in self.rejected],
            "problems": [problem.to_state() for problem in self.problems],
        }


def _terms(found: Iterable[Finding]) -> list[state.Text]:
    return [{"S": term} for term in dict.fromkeys(term for finding in found for term in finding.terms)]
