"""One step of the workflow: from the recipients of a message to its deliveries and rejections."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mailroom.addresses import parse
from mailroom.errors import FanOutLimitExceeded, InvalidAddress, MailboxPathRejected
from mailroom.folder_names import INBOX, folder_name
from mailroom.mailbox_paths import DEFAULT_TEMPLATE, mailbox_path
from mailroom.resolve.entries import Domain, Entry, Mailbox, domain_key
from mailroom.resolve.expansion import LookUps, Reach, expand, fetch, walk
from mailroom.resolve.policy import Finding, Judgement, findings, judge
from mailroom.resolve.problems import Kind, Problem

MAX_STATE = 180_000
"""Octets of deliveries and rejections: the workflow's state may hold 256 KiB and carries more than these."""

MAX_SHOWN = 20  # problems reported for one message
MAX_REASON = 300  # characters: a loop or a broken entry can be wordy, and a hundred recipients can meet it


@dataclass(frozen=True, slots=True)
class Rules:
    """What the stack decides for all mailboxes."""

    path_template: str = DEFAULT_TEMPLATE
    fan_out_limit: int = 500
    policy: Mapping[str, str] = field(default_factory=dict)
    """The stack's verdict policy, see ``mailroom.resolve.policy``; what it does not set is built in."""


def resolve_mailboxes(state: Mapping[str, Any], directory: LookUps, rules: Rules) -> dict[str, Any]:
    """Return ``state`` with ``deliveries``, ``rejected`` and ``problems``.

    There is one delivery for a mailbox however many recipients lead there, and every recipient is in a delivery or
    rejected. ``problems`` names what went wrong on the way of recipients that still arrive somewhere, for the log.

    With ``released`` in the state (an operator lets mail out of quarantine) only those mailboxes are delivered to, into
    their INBOX whatever the verdicts, and nobody is rejected: all others had their outcome when the message came.

    Raises ``FanOutLimitExceeded`` and ``DirectoryUnavailable``; nothing that a recipient is written like.
    """
    rejected: list[dict[str, str]] = []
    recipients: dict[str, None] = {}
    for given in state.get("recipients") or []:
        try:
            recipients[parse(given).text] = None
        except InvalidAddress as error:
            rejected.append(_rejection(printable(given), Problem(Kind.NOT_AN_ADDRESS, detail=f"{error}")))

    found = expand(recipients, directory, rules.fan_out_limit)
    reaches = {recipient: walk(recipient, found) for recipient in recipients}
    message = state.get("message") or {}
    released = frozenset(state.get("released") or ())
    decide = _Decisions([] if released else findings(message), directory, rules, reaches.values())

    deliveries: dict[str, dict[str, Any]] = {}
    problems: list[dict[str, str]] = []
    for recipient, reach in reaches.items():
        arrived = False
        wrong = list(reach.problems)
        for mailbox, tag in reach.mailboxes.values():
            if released and mailbox.address not in released:
                continue
            outcome = decide.outcome(mailbox)
            if isinstance(outcome, Problem):
                wrong.append(outcome)
                continue
            arrived = True
            _add(deliveries, outcome, mailbox, None if released else tag, recipient)
        if not arrived and not released:
            rejected.append(_rejection(recipient, *wrong))
        else:
            problems += [_rejection(recipient, problem) for problem in wrong]
    if released:
        rejected, problems = [], [*rejected, *problems]
    result = {"deliveries": list(deliveries.values()), "rejected": rejected, "problems": problems[:MAX_SHOWN]}
    _check_size(result)
    return {**state, **result}


class _Decisions:
    """The outcome for each mailbox of one message, decided once."""

    def __init__(
        self,
        found: list[Finding],
        directory: LookUps,
        rules: Rules,
        reaches: Iterable[Reach],
    ) -> None:
        self._findings = found
        self._rules = rules
        self._outcomes: dict[str, dict[str, Any] | Problem] = {}
        # A domain's settings matter only when there is something to decide; the expansion mostly read them already.
        domains = {domain_key(_domain_of(one)): None for reach in reaches for one in reach.mailboxes} if found else {}
        self._domains: Mapping[str, Entry | None] = fetch(directory, domains, (), {}) if domains else {}

    def outcome(self, mailbox: Mailbox) -> dict[str, Any] | Problem:
        """Return the delivery to ``mailbox``, without its recipients, or why there is none."""
        if mailbox.address not in self._outcomes:
            self._outcomes[mailbox.address] = self._decide(mailbox)
        return self._outcomes[mailbox.address]

    def _decide(self, mailbox: Mailbox) -> dict[str, Any] | Problem:
        judgement = self._judge(mailbox)
        if judgement.action == "reject":
            return Problem(Kind.REFUSED, (mailbox.address,), judgement.verdict)
        try:
            path = mailbox_path(parse(mailbox.address), mailbox.path, self._rules.path_template)
        except (InvalidAddress, MailboxPathRejected) as error:
            return Problem(Kind.UNUSABLE_MAILBOX, (mailbox.address,), f"{error}")
        return {
            "mailbox": mailbox.address,
            "path": path,
            "folder": judgement.folder,
            "recipients": [],
            "action": "quarantine" if judgement.action == "quarantine" else "deliver",
            "verdict": judgement.verdict,
            "optional_folder": mailbox.subaddress_folders and judgement.action == "inbox",
        }

    def _judge(self, mailbox: Mailbox) -> Judgement:
        domain = self._domains.get(domain_key(_domain_of(mailbox.address)))
        domain_policy = domain.policy if isinstance(domain, Domain) else {}
        return judge(self._findings, mailbox.policy, domain_policy, self._rules.policy)


def printable(given: object) -> str:
    """Return what can stand in a record for something that is no address: short, printable, not empty."""
    text = given if isinstance(given, str) else repr(given)
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text[:320])
    return shown[:320] or "(empty)"


def _add(
    deliveries: dict[str, dict[str, Any]], outcome: dict[str, Any], mailbox: Mailbox, tag: str | None, recipient: str
) -> None:
    """Add ``recipient`` to the delivery; its tag names the folder unless another recipient wrote to the INBOX."""
    folder = folder_name(tag) if tag and outcome["optional_folder"] else None
    delivery = deliveries.get(mailbox.address)
    if delivery is None:
        delivery = deliveries[mailbox.address] = {**outcome, "recipients": []}
        if outcome["optional_folder"]:
            delivery["folder"] = folder or INBOX
            delivery["optional_folder"] = folder is not None
    elif folder is None and delivery["optional_folder"]:
        delivery["folder"] = INBOX
        delivery["optional_folder"] = False
    delivery["recipients"].append(recipient)


def _rejection(recipient: str, *problems: Problem) -> dict[str, str]:
    if not problems:
        problems = (Problem(Kind.NO_MAILBOX),)
    reason = "; ".join(problem.reason for problem in problems[:3])
    if len(reason) > MAX_REASON:
        reason = f"{reason[: MAX_REASON - 1]}…"
    return {"recipient": recipient, "code": problems[0].code, "reason": reason}


def _domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def _check_size(result: Mapping[str, Any]) -> None:
    """Refuse what the workflow could not carry: a state that is too large fails the run, and every redelivery of it.

    Rejections count three times, because the workflow makes an outcome and a bounce of each. Deliveries only become
    shorter.
    """
    size = len(json.dumps(result).encode()) + 2 * len(json.dumps(result["rejected"]).encode())
    if size > MAX_STATE:
        raise FanOutLimitExceeded(
            f"{len(result['deliveries'])} deliveries and {len(result['rejected'])} rejections of one message "
            f"make {size} octets of state, more than {MAX_STATE}"
        )
