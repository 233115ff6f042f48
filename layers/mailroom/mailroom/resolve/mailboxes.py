"""One step of the workflow: from the recipients of a message to its deliveries and to those without one."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import NamedTuple

from mailroom.addresses import parse
from mailroom.errors import FanOutLimitExceeded, InvalidAddress, MailboxPathRejected
from mailroom.folder_names import INBOX
from mailroom.mailbox_paths import DEFAULT_TEMPLATE, mailbox_path
from mailroom.resolve.carried import fit
from mailroom.resolve.entries import ANY_DOMAIN, Domain, Entry, Mailbox, domain_key
from mailroom.resolve.expansion import LookUps, Reach, expand, fetch, walk
from mailroom.resolve.look_up import LookUp
from mailroom.resolve.policy import Finding, Judgement, judge
from mailroom.resolve.problems import KEEPS_A_COPY_BACK, Kind, Problem
from mailroom.resolve.resolution import PlannedDelivery, Request, Resolution, Undelivered, octets, shortened
from mailroom.resolve.tag_folders import folder_of_tags

MAX_SHOWN = 20  # problems reported for one message
MAX_SHOWN_OCTETS = 320  # of what is no address; no address has more


@dataclass(frozen=True, slots=True)
class Rules:
    """What the stack decides for all mailboxes."""

    path_template: str = DEFAULT_TEMPLATE
    fan_out_limit: int = 500
    policy: Mapping[str, str] = field(default_factory=dict)
    """The stack's verdict policy, see ``mailroom.resolve.policy``; what it does not set is built in."""


def resolve_mailboxes(request: Request, directory: LookUps, rules: Rules) -> Resolution:
    """Find the mailboxes of a message: one delivery for a mailbox however many recipients lead there.

    A no is never taken from a cache: what it rests on is read again, consistently, before a recipient goes without
    a copy. Raises ``FanOutLimitExceeded`` and ``DirectoryUnavailable``; nothing that a recipient is written like.
    """
    addresses, invalid = _addresses(request.recipients)
    known: dict[str, Entry | None] = {}
    found = expand(addresses, directory, rules.fan_out_limit, known)
    answer = _answer(addresses, found, request, directory, rules, known)
    if answer.undelivered:
        refused = [one.recipient for one in answer.undelivered]
        now = _Now(directory)
        known_now = now.read_again(refused, answer.reaches, found, known)
        found |= expand(refused, now, rules.fan_out_limit, known_now)
        answer = _answer(addresses, found, request, now, rules, known | known_now)
    if len(answer.deliveries) > rules.fan_out_limit:
        raise FanOutLimitExceeded(f"the message leads to more than {rules.fan_out_limit} mailboxes")
    undelivered = () if request.released else (*invalid, *answer.undelivered)
    problems = (*(invalid if request.released else ()), *answer.problems)
    return fit(Resolution(answer.deliveries, undelivered, problems[:MAX_SHOWN]), addresses)


def as_on_record(recipients: Iterable[object]) -> list[str]:
    """Return recipients as outcomes name them, each once; none is empty."""
    addresses, invalid = _addresses(recipients)
    return [*addresses, *(one.recipient for one in invalid)]


def _addresses(recipients: Iterable[object]) -> tuple[list[str], list[Undelivered]]:
    """Normalise recipients; those that are no addresses are undelivered as they are written."""
    addresses: dict[str, None] = {}
    invalid: dict[str, Undelivered] = {}
    for given in recipients:
        try:
            addresses[parse(given).text] = None
        except InvalidAddress as error:
            shown = printable(given)
            invalid[shown] = Undelivered(shown, (Problem(Kind.NOT_AN_ADDRESS, detail=f"{error}"),))
    return list(addresses), list(invalid.values())


class _Answer(NamedTuple):
    """What becomes of the recipients that are addresses, as far as is known."""

    deliveries: tuple[PlannedDelivery, ...]
    undelivered: tuple[Undelivered, ...]
    problems: tuple[Undelivered, ...]
    reaches: Mapping[str, Reach]


def _answer(
    addresses: Iterable[str],
    found: Mapping[str, LookUp],
    request: Request,
    directory: LookUps,
    rules: Rules,
    known: dict[str, Entry | None],
) -> _Answer:
    reaches = {recipient: walk(recipient, found) for recipient in addresses}
    decide = _Decisions(request.findings, directory, rules, reaches.values(), known, restored=request.restored)
    released = request.released

    ways: dict[str, list[_Way]] = {}
    undelivered: list[Undelivered] = []
    problems: list[Undelivered] = []
    for recipient, reach in reaches.items():
        arrived = False
        wrong = list(reach.problems)
        for mailbox, tag in reach.mailboxes.values():
            if released and mailbox.records_name not in released:
                continue
            outcome = decide.outcome(mailbox)
            if isinstance(outcome, Problem):
                wrong.append(outcome)
                continue
            arrived = True
            # While a rename is half known, two addresses mean one mailbox: one copy.
            ways.setdefault(mailbox.records_name, []).append(_Way(outcome, recipient, None if released else tag))
        # Who gets a copy is not rejected. But a copy that our own fault keeps from another member is not forgotten.
        kept = tuple(problem for problem in wrong if not arrived or problem.kind in KEEPS_A_COPY_BACK)
        if not released and (kept or not arrived):
            undelivered.append(Undelivered(recipient, kept, request.findings))
        shown = [problem for problem in wrong if released or problem not in kept]
        problems += [Undelivered(recipient, (problem,), request.findings) for problem in shown]
    deliveries = tuple(_delivery(one) for one in ways.values())
    return _Answer(deliveries, tuple(undelivered), tuple(problems), reaches)


class _Now:
    """The directory as it is now: every read is consistent, and nothing is remembered but that there are domains."""

    def __init__(self, directory: LookUps) -> None:
        self._directory = directory

    def remembered(self, keys: Iterable[str]) -> Mapping[str, Entry | None]:
        return self._directory.remembered([ANY_DOMAIN]) if ANY_DOMAIN in keys else {}

    def read(self, keys: Iterable[str], *, consistent: bool = True) -> Mapping[str, Entry | None]:
        return self._directory.read(keys, consistent=consistent)

    def read_again(
        self,
        recipients: Iterable[str],
        reaches: Mapping[str, Reach],
        found: Mapping[str, LookUp],
        known: Mapping[str, Entry | None],
    ) -> dict[str, Entry | None]:
        """Read all keys that these recipients' outcomes rest on, in as few calls as they take."""
        keys: dict[str, None] = {}
        for recipient in recipients:
            reach = reaches[recipient]
            for met in reach.met:
                keys.update(dict.fromkeys(found[met].keys))
            # Their domains may have decided, if they were asked.
            domains = [domain_key(_domain_of(mailbox)) for mailbox in reach.mailboxes]
            keys.update(dict.fromkeys(key for key in domains if key in known))
        return dict(self.read(keys)) if keys else {}


class _Decisions:
    """The outcome for each mailbox of one message, decided once."""

    def __init__(
        self,
        found: Sequence[Finding],
        directory: LookUps,
        rules: Rules,
        reaches: Iterable[Reach],
        known: dict[str, Entry | None],
        *,
        restored: bool,
    ) -> None:
        self._findings = found
        self._restored = restored
        self._rules = rules
        self._outcomes: dict[str, PlannedDelivery | Problem] = {}
        self._shared = _shared_names((mailbox for reach in reaches for mailbox, _ in reach.mailboxes.values()), rules)
        # A domain's settings matter only when there is something to decide; the expansion mostly read them already.
        domains = {domain_key(_domain_of(one)): None for reach in reaches for one in reach.mailboxes} if found else {}
        if unread := [key for key in domains if key not in known]:
            known.update(fetch(directory, unread, (), known))
        self._domains = known

    def outcome(self, mailbox: Mailbox) -> PlannedDelivery | Problem:
        """Return the delivery to ``mailbox``, without its recipients, or why there is none."""
        if mailbox.address not in self._outcomes:
            self._outcomes[mailbox.address] = self._decide(mailbox)
        return self._outcomes[mailbox.address]

    def _decide(self, mailbox: Mailbox) -> PlannedDelivery | Problem:
        judgement = self._judge(mailbox)
        if judgement.action == "reject" and not self._restored:
            return Problem(Kind.REFUSED, (mailbox.address,), judgement.verdict)
        try:
            path = _path(mailbox, self._rules)
        except (InvalidAddress, MailboxPathRejected) as error:
            return Problem(Kind.UNUSABLE_MAILBOX, (mailbox.address,), f"{error}", entry=mailbox.address)
        if mailbox.records_name in self._shared:
            text = f"its records stand under {mailbox.records_name}, and so do those of another mailbox"
            return Problem(Kind.SHARED_RECORDS, (mailbox.address,), text, entry=mailbox.address)
        return PlannedDelivery(
            mailbox=mailbox.records_name,
            address=mailbox.address,
            path=path,
            folder=judgement.folder,
            recipients=(),
            action="quarantine" if judgement.action == "quarantine" and not self._restored else "deliver",
            verdict=judgement.verdict,
            optional_folder=mailbox.subaddress_folders and judgement.action == "inbox",
            findings=judgement.findings,
        )

    def _judge(self, mailbox: Mailbox) -> Judgement:
        domain = self._domains.get(domain_key(_domain_of(mailbox.address)))
        domain_policy = domain.policy if isinstance(domain, Domain) else {}
        return judge(self._findings, mailbox.policy, domain_policy, self._rules.policy)


def _path(mailbox: Mailbox, rules: Rules) -> str:
    return mailbox_path(parse(mailbox.address), mailbox.path, rules.path_template)


def _shared_names(mailboxes: Iterable[Mailbox], rules: Rules) -> set[str]:
    """The names of records that mailboxes in different places have: a copy for one would count as the other's."""
    first: dict[str, Mailbox] = {}
    shared: set[str] = set()
    for mailbox in mailboxes:
        other = first.setdefault(mailbox.records_name, mailbox)
        if other.address != mailbox.address:
            with suppress(InvalidAddress, MailboxPathRejected):
                if _path(other, rules) == _path(mailbox, rules):
                    continue
            shared.add(mailbox.records_name)
    return shared


def printable(given: object) -> str:
    """Return what can stand in a record for something that is no address: short, printable, not empty.

    Its octets count: it becomes a key of the deliveries table, which holds 1,024. Different texts stay different.
    """
    text = given if isinstance(given, str) else repr(given)
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    if octets(shown) > MAX_SHOWN_OCTETS:
        digest = sha256(shown.encode()).hexdigest()[:16]
        shown = f"{shortened(shown, MAX_SHOWN_OCTETS - len(digest) - 1)}#{digest}"
    return shown or "(empty)"


class _Way(NamedTuple):
    """One recipient's way to a mailbox."""

    outcome: PlannedDelivery
    recipient: str
    tag: str | None


def _delivery(ways: Sequence[_Way]) -> PlannedDelivery:
    """Join the ways to one mailbox."""
    delivery = replace(ways[0].outcome, recipients=tuple(way.recipient for way in ways))
    if not delivery.optional_folder:
        return delivery
    folder = folder_of_tags([way.tag for way in ways])
    return replace(delivery, folder=folder, optional_folder=folder != INBOX)


def _domain_of(address: str) -> str:
    return address.rpartition("@")[2]
