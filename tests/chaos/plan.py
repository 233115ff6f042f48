"""What a test does, all of it drawn from the seed before it begins."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Self

from tests.chaos.breaker import ALARMS
from tests.chaos.outages import DYNAMODB, S3, THROTTLED

DOMAIN, UNKNOWN_DOMAIN = "example.com", "elsewhere.example"
STOPPED = "pipe stopped"
#: Kinds of fault of the storage, and all that last for some messages; each begins once in so many messages.
STORAGE = {"full": 16, "read-only": 20}
LASTING = {**STORAGE, STOPPED: 25, DYNAMODB: 30, S3: 35, THROTTLED: 35}
#: How likely a worker is killed after a message was handed over.
KILL = 0.45
#: Once in so many messages there is a virus, or each kind of recipient whose mail is held.
VIRUS, HELD = 16, 12
#: An alias to a mailbox that is not there, and what a repair makes of it and of the domain that the directory has not.
DANGLING, GONE = f"dangling@{DOMAIN}", f"gone@{DOMAIN}"
LOST, OTHER = f"lost@{UNKNOWN_DOMAIN}", f"other@{UNKNOWN_DOMAIN}"
REPAIR = (("mailbox", "add", GONE), ("mailbox", "add", LOST), ("catch-all", "set", UNKNOWN_DOMAIN, LOST))
REPAIRED = {DANGLING: GONE, LOST: LOST, OTHER: LOST}
#: The directory's key that is at fault.
AT_FAULT = {DANGLING: DANGLING, LOST: f"@{UNKNOWN_DOMAIN}", OTHER: f"@{UNKNOWN_DOMAIN}"}


@dataclass(frozen=True)
class Mail:
    """One message: its bytes, and for each notification of it the envelope recipients that it names."""

    number: int
    content: bytes
    notifications: list[list[str]]
    virus: bool = False

    @property
    def recipients(self) -> list[str]:
        """All envelope recipients."""
        return list(dict.fromkeys(name for names in self.notifications for name in names))


@dataclass(frozen=True)
class Fault:
    """A lasting fault: for how many messages, and the alarm that rings."""

    kind: str
    mails: int
    alarm: str | None = None


@dataclass(frozen=True)
class Step:
    """A message, the lasting faults that begin before it, and how many workers die after it."""

    mail: Mail
    begins: list[Fault]
    kills: int
    pause: float


@dataclass
class Expected:
    """What must become of a message: for each mailbox the recipients that lead there, and all without a copy."""

    copies: dict[str, set[str]] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    replayed: set[str] = field(default_factory=set)


@dataclass
class Plan:
    """A directory and the steps of a test.

    ``entries`` are the directory's items. ``mailboxes``, ``forwards`` and ``REPAIRED`` are the same as a model that is
    simple enough to be right.
    """

    seed: int
    steps: list[Step] = field(default_factory=list)
    mailboxes: list[str] = field(default_factory=list)
    forwards: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def drawn(cls, seed: int, mails: int) -> Self:
        """Draw a plan."""
        random = Random(seed)
        plan = cls(seed)
        count = min(40, 8 + mails // 10)
        plan.mailboxes = [f"user{number}@{DOMAIN}" for number in range(count)]
        for number in range(count // 3):
            plan.forwards[f"alias{number}@{DOMAIN}"] = [random.choice(plan.mailboxes)]
        for number in range(max(1, count // 8)):
            plan.forwards[f"group{number}@{DOMAIN}"] = sorted(random.sample(plan.mailboxes, random.randint(2, 5)))
        begins = _begins(random, mails)
        viruses = _chosen(random, range(mails), VIRUS)
        others = [number for number in range(mails) if number not in viruses]
        held = {name: _chosen(random, others, HELD) for name in REPAIRED}
        for number in range(mails):
            beside = [name for name in held if number in held[name]]
            mail = plan._mail(random, number, beside, virus=number in viruses)
            kills = 1 + (random.random() < 0.2) if random.random() < KILL else 0
            plan.steps.append(Step(mail, begins[number], kills, random.choice([0.0, 0.05, 0.2, 0.5])))
        return plan

    @property
    def mails(self) -> list[Mail]:
        """All messages."""
        return [step.mail for step in self.steps]

    def entries(self) -> list[dict[str, Any]]:
        """The directory's items."""
        forwards = [
            {"address": name, "type": "alias" if len(targets) == 1 else "group", "targets": targets}
            for name, targets in {**self.forwards, DANGLING: [GONE]}.items()
        ]
        domain = {"address": f"@{DOMAIN}", "type": "domain", "separators": "+"}
        return [domain, *({"address": name, "type": "mailbox", "enabled": True} for name in self.mailboxes), *forwards]

    def expected(self, mail: Mail, *, repaired: bool = False) -> Expected:
        """What must become of a message, before or after the repair."""
        expected = Expected()
        for recipient in mail.recipients:
            mailboxes = self._leads_to(recipient)
            if recipient in REPAIRED and not repaired:
                expected.held.add(recipient)
            elif not mailboxes:
                expected.rejected.add(recipient)
            for mailbox in mailboxes if repaired or recipient not in REPAIRED else []:
                expected.copies.setdefault(mailbox, set()).add(recipient)
        if repaired:
            # One that is a mailbox by now has an outcome of its own.
            expected.replayed = {name for name in mail.recipients if name in REPAIRED} - expected.copies.keys()
        return expected

    def held(self) -> dict[str, int]:
        """How many messages each entry must hold before the repair."""
        entries = [{AT_FAULT[name] for name in mail.recipients if name in AT_FAULT} for mail in self.mails]
        return {entry: sum(entry in named for named in entries) for entry in set().union(*entries)}

    def _leads_to(self, recipient: str) -> list[str]:
        """The mailboxes that a recipient leads to, in the end; none means that it must be rejected."""
        if recipient in REPAIRED:
            return [REPAIRED[recipient]]
        local_part, _, domain = recipient.partition("@")
        plain = f"{local_part.partition('+')[0]}@{domain}"
        return self.forwards.get(plain, [plain] if plain in self.mailboxes else [])

    def _mail(self, random: Random, number: int, beside: list[str], *, virus: bool) -> Mail:
        names = [self._recipient(random) for _ in range(random.choice([1, 1, 2, 3, 5]))]
        recipients = list(dict.fromkeys([*names, *beside]))
        # What SES has found is told by the SMTP server only, which tells each notification the same.
        times = [recipients] * random.randint(1, 2)
        notifications = times if virus else _notifications(random, recipients)
        return Mail(number, _content(random, self.seed, number), notifications, virus)

    def _recipient(self, random: Random) -> str:
        kind = random.random()
        if kind < 0.10:
            return f"nobody{random.randint(0, 5)}@{DOMAIN}"
        if kind < 0.35:
            return random.choice(sorted(self.forwards))
        name = random.choice(self.mailboxes)
        return name.replace("@", "+tag@") if kind < 0.5 else name


def _chosen(random: Random, mails: Sequence[int], every: int) -> set[int]:
    return set(random.sample(mails, max(1, len(mails) // every)))


def _begins(random: Random, mails: int) -> list[list[Fault]]:
    """For each message but the first the faults that begin before it; each kind at least once in a test, at its own."""
    begins: list[list[Fault]] = [[] for _ in range(mails)]
    places = itertools.cycle(random.sample(range(1, mails), mails - 1))
    alarms = _alarms(random)
    for kind, every in LASTING.items():
        for _ in range(max(1, mails // every)):
            alarm = next(alarms) if kind in STORAGE else None
            begins[next(places)].append(Fault(kind, random.randint(2, 4), alarm))
    return begins


def _alarms(random: Random) -> Iterator[str | None]:
    """For each fault of the storage the alarm that rings, the first one for sure."""
    names = [*ALARMS, None]
    yield random.choice(list(ALARMS))
    while True:
        yield random.choices(names, [*ALARMS.values(), 1 - sum(ALARMS.values())])[0]


def _notifications(random: Random, recipients: list[str]) -> list[list[str]]:
    """Mostly one for all; sometimes the same again; sometimes several that overlap, as overlapping rules send."""
    kind = random.random()
    if kind < 0.55:
        return [recipients]
    if kind < 0.75:
        return [recipients] * random.randint(2, 3)
    parts = [random.sample(recipients, random.randint(1, len(recipients))) for _ in range(random.randint(1, 2))]
    missing = [name for name in recipients if not any(name in part for part in parts)]
    return [*parts, *([missing] if missing else []), random.sample(recipients, random.randint(1, len(recipients)))]


def _content(random: Random, seed: int, number: int) -> bytes:
    line_end = random.choice([b"\r\n", b"\n"])
    size = random.choice([0, 100, 1_000, 10_000, 70_000, 200_000])
    lines = [b"From: sender@example.org", f"X-Chaos: {seed}-{number}".encode(), b"", random.randbytes(size)]
    return line_end.join(lines) + random.choice([b"", line_end])
