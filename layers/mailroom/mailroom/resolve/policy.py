"""What becomes of a message that SES's checks found something in.

A policy is a mapping from a finding to an action. A mailbox's own policy goes before its domain's, that before the
stack's. When a message has several findings, the strictest of their actions wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailroom.folder_names import INBOX, folder_name

ACTIONS = ("inbox", "junk", "quarantine", "reject")
"""From the mildest to the strictest."""

DEFAULT_POLICY: Mapping[str, str] = {
    "spam_fail": "junk",
    "spam_gray": "inbox",
    "virus_fail": "quarantine",
    # Forwarding and mailing lists break DMARC every day: a message in Junk can be found, a rejected one is gone.
    "dmarc_quarantine": "junk",
    "dmarc_reject": "junk",
    "disabled": "inbox",
    "processing_failed": "inbox",
    "junk_folder": "Junk",
}

_CHECKS = ("virus", "spam", "dmarc")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a check found, and the policy that decides about it.

    ``dmarc_policy`` is what the sender's domain asks for where DMARC fails, else empty.
    """

    check: str
    status: str
    policy: str
    dmarc_policy: str = ""

    @property
    def text(self) -> str:
        """The finding in a verdict."""
        published = f" (p={self.dmarc_policy})" if self.dmarc_policy else ""
        return f"{self.check}={self.status}{published}"

    @property
    def terms(self) -> tuple[str, ...]:
        """The finding in a record, in the terms of mailroomctl's ``--verdict``."""
        published = (f"dmarc-policy={self.dmarc_policy}",) if self.dmarc_policy else ()
        return (f"{self.check}={self.status}", *published)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The action for one mailbox, and why."""

    action: str = "inbox"
    folder: str = INBOX
    verdict: str = ""
    """The text of the ``X-Mailroom-Verdict`` header; empty when nothing was found."""
    findings: tuple[Finding, ...] = ()
    """What the verdict names."""


def wrong_policy(name: str, value: str) -> str | None:
    """Say what is wrong with one setting of a policy, or return ``None``."""
    if name not in DEFAULT_POLICY:
        return f"{name} is no policy; there are {', '.join(DEFAULT_POLICY)}"
    if name == "junk_folder":
        return None if folder_name(value) else f"{value!r} cannot name a folder"
    return None if value in ACTIONS else f"{name} can be {', '.join(ACTIONS)}, not {value}"


def findings(message: Mapping[str, Any]) -> list[Finding]:
    """List what the verdicts of a message (as ValidateEvent hands it on) give policies to decide about.

    A verdict that is missing is no finding: SES leaves verdicts out, and so do events that are given manually.
    """
    verdicts = message.get("verdicts") or {}
    found: list[Finding] = []
    for check in _CHECKS:
        status = str(verdicts.get(check) or "")
        if status in ("DISABLED", "PROCESSING_FAILED"):
            found.append(Finding(check, status, status.lower()))
        elif (check, status) in (("virus", "FAIL"), ("spam", "FAIL"), ("spam", "GRAY")):
            found.append(Finding(check, status, f"{check}_{status.lower()}"))
        elif (check, status) == ("dmarc", "FAIL") and message.get("dmarc_policy") in ("quarantine", "reject"):
            published = message["dmarc_policy"]
            found.append(Finding(check, status, f"dmarc_{published}", published))
    return found


def judge(found: Sequence[Finding], *policies: Mapping[str, str]) -> Judgement:
    """Decide for one mailbox; ``policies`` go from the mailbox's own to the stack's.

    A setting that is wrong counts as not set, so that a typing error in an entry cannot lose mail.
    """
    decided = [(finding, setting(finding.policy, *policies)) for finding in found]
    action = max((action for _, action in decided), key=ACTIONS.index, default="inbox")
    if action == "inbox":
        return Judgement()
    causes = tuple(finding for finding, action in decided if action != "inbox")
    verdict = f"{', '.join(finding.text for finding in causes)}; policy={action}"
    folder = setting("junk_folder", *policies) if action == "junk" else INBOX
    return Judgement(action, folder, verdict, causes)


def setting(name: str, *policies: Mapping[str, str]) -> str:
    """Return the first valid setting of ``name``, else the built-in one."""
    for policy in policies:
        if name in policy and not wrong_policy(name, policy[name]):
            return policy[name]
    return DEFAULT_POLICY[name]
