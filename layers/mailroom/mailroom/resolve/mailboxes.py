"""One step of the workflow: from the recipients of a message to its deliveries and rejections."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mailroom.addresses import parse
from mailroom.errors import FanOutLimitExceeded, InvalidAddress, MailboxPathRejected
from mailroom.folder_names import INBOX, folder_name
from mailroom.mailbox_paths import DEFAULT_TEMPLATE, mailbox_path
from mailroom.resolve.entries import Domain, Entry, Mailbox, domain_key
from mailroom.resolve.expansion import LookUps, Reach, expand, fetch, walk
from mailroom.resolve.policy import Finding, Judgement, judge
from mailroom.resolve.problems import Kind, Problem
from mailroom.resolve.resolution import PlannedDelivery, Rejection, Request, Resolution

MAX_STATE = 180_000
"""Octets of deliveries and rejections: the workflow's state may hold 256 KiB and carries more than these."""

MAX_SHOWN = 20  # problems reported for one message


@dataclass(frozen=True, slots=True)
class Rules:
    """What the stack decides for all mailboxes."""

    path_template: str = DEFAULT_TEMPLATE
    fan_out_limit: int = 500
    policy: Mapping[str, str] = field(default_factory=dict)
    """The stack's verdict policy, see ``mailroom.resolve.policy``; what it does not set is built in."""


def resolve_mailboxes(request: Request, directory: LookUps, rules: Rules) -> Resolution:
    """Find the mailboxes of a message: one delivery for a mailbox however many recipients lead there.

    Raises ``FanOutLimitExceeded`` and ``DirectoryUnavailable``; nothing that a recipient is written like.
    """
    rejected: list[Rejection] = []
    recipients: dict[str, None] = {}
    for given in request.recipients:
        try:
            recipients[parse(given).text] = None
        except InvalidAddress as error:
            rejected.append(Rejection(printable(given), (Problem(Kind.NOT_AN_ADDRESS, detail=f"{error}"),)))

    found = expand(recipients, directory, rules.fan_out_limit)
    reaches = {recipient: walk(recipient, found) for recipient in recipients}
    decide = _Decisions(request.findings, directory, rules, reaches.values())
    released = request.released

    ways: dict[str, list[_Way]] = {}
    problems: list[Rejection] = []
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
            ways.setdefault(mailbox.address, []).append(_Way(outcome, recipient, None if released else tag))
        if not arrived and not released:
            rejected.append(Rejection(recipient, tuple(wrong) or (Problem(Kind.NO_MAILBOX),)))
        else:
            problems += [Rejection(recipient, (problem,)) for problem in wrong]
    if released:
        rejected, problems = [], [*rejected, *problems]
    deliveries = tuple(_delivery(one) for one in ways.values())
    resolution = Resolution(deliveries, tuple(rejected), tuple(problems[:MAX_SHOWN]))
    _check_size(resolution)
    return resolution


class _Decisions:
    """The outcome for each mailbox of one message, decided once."""

    def __init__(
        self,
        found: Sequence[Finding],
        directory: LookUps,
        rules: Rules,
        reaches: Iterable[Reach],
    ) -> None:
        self._findings = found
        self._rules = rules
        self._outcomes: dict[str, PlannedDelivery | Problem] = {}
        # A domain's settings matter only when there is something to decide; the expansion mostly read them already.
        domains = {domain_key(_domain_of(one)): None for reach in reaches for one in reach.mailboxes} if found else {}
        self._domains: Mapping[str, Entry | None] = fetch(directory, domains, (), {}) if domains else {}

    def outcome(self, mailbox: Mailbox) -> PlannedDelivery | Problem:
        """Return the delivery to ``mailbox``, without its recipients, or why there is none."""
        if mailbox.address not in self._outcomes:
            self._outcomes[mailbox.address] = self._decide(mailbox)
        return self._outcomes[mailbox.address]

    def _decide(self, mailbox: Mailbox) -> PlannedDelivery | Problem:
        judgement = self._judge(mailbox)
        if judgement.action == "reject":
            return Problem(Kind.REFUSED, (mailbox.address,), judgement.verdict, findings=judgement.findings)
        try:
            path = mailbox_path(parse(mailbox.address), mailbox.path, self._rules.path_template)
        except (InvalidAddress, MailboxPathRejected) as error:
            return Problem(Kind.UNUSABLE_MAILBOX, (mailbox.address,), f"{error}")
        return PlannedDelivery(
            mailbox=mailbox.address,
            path=path,
            folder=judgement.folder,
            recipients=(),
            action="quarantine" if judgement.action == "quarantine" else "deliver",
            verdict=judgement.verdict,
            optional_folder=mailbox.subaddress_folders and judgement.action == "inbox",
            findings=judgement.findings,
        )

    def _judge(self, mailbox: Mailbox) -> Judgement:
        domain = self._domains.get(domain_key(_domain_of(mailbox.address)))
        domain_policy = domain.policy if isinstance(domain, Domain) else {}
        return judge(self._findings, mailbox.policy, domain_policy, self._rules.policy)


def printable(given: object) -> str:
    """Return what can stand in a record for something that is no address: short, printable, not empty."""
    text = given if isinstance(given, str) else repr(given)
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text[:320])
    return shown[:320] or "(empty)"


class _Way(NamedTuple):
    """One recipient's way to a mailbox."""

    outcome: PlannedDelivery
    recipient: str
    tag: str | None


def _delivery(ways: Sequence[_Way]) -> PlannedDelivery:
    """Join the ways to one mailbox; the first tag names the folder, unless a recipient wrote to the INBOX."""
    delivery = replace(ways[0].outcome, recipients=tuple(way.recipient for way in ways))
    if not delivery.optional_folder:
        return delivery
    folders = [folder_name(way.tag) if way.tag else None for way in ways]
    folder = folders[0] if all(folders) else None
    return replace(delivery, folder=folder or INBOX, optional_folder=folder is not None)


def _domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def _check_size(resolution: Resolution) -> None:
    """Refuse what the workflow could not carry: a state that is too large fails the run, and every redelivery of it.

    Rejections count three times, because the workflow makes an outcome and a bounce of each. Deliveries only become
    shorter.
    """
    result = resolution.to_state()
    size = len(json.dumps(result).encode()) + 2 * len(json.dumps(result["rejected"]).encode())
    if size > MAX_STATE:
        raise FanOutLimitExceeded(
            f"{len(result['deliveries'])} deliveries and {len(result['rejected'])} rejections of one message "
            f"make {size} octets of state, more than {MAX_STATE}"
        )
