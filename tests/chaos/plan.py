"""What a test does, all of it drawn from the seed before it begins."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, Self

DOMAIN = "example.com"
#: Kinds of fault that last for some messages; each begins once in so many messages.
LASTING = {"full": 16, "read-only": 20, "pipe stopped": 25}
#: How likely a worker is killed after a message was handed over.
KILL = 0.45


@dataclass(frozen=True)
class Mail:
    """One message: its bytes, and for each notification of it the envelope recipients that it names."""

    number: int
    content: bytes
    notifications: list[list[str]]

    @property
    def recipients(self) -> list[str]:
        """All envelope recipients."""
        return list(dict.fromkeys(name for names in self.notifications for name in names))


@dataclass(frozen=True)
class Step:
    """A message, the lasting faults that begin before it and for how many, and how many workers die after it."""

    mail: Mail
    begins: dict[str, int]
    kills: int
    pause: float


@dataclass
class Plan:
    """A directory and the steps of a test.

    ``entries`` are the directory's items. ``mailboxes`` and ``forwards`` are the same as a model that is simple enough
    to be right.
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
        plan.steps = [plan._step(random, number, begins[number]) for number in range(mails)]
        return plan

    @property
    def mails(self) -> list[Mail]:
        """All messages."""
        return [step.mail for step in self.steps]

    def entries(self) -> list[dict[str, Any]]:
        """The directory's items."""
        forwards = [
            {"address": name, "type": "alias" if len(targets) == 1 else "group", "targets": targets}
            for name, targets in self.forwards.items()
        ]
        domain = {"address": f"@{DOMAIN}", "type": "domain", "separators": "+"}
        return [domain, *({"address": name, "type": "mailbox", "enabled": True} for name in self.mailboxes), *forwards]

    def leads_to(self, recipient: str) -> list[str]:
        """The mailboxes that a recipient leads to; none means that it must be rejected."""
        local_part, _, domain = recipient.partition("@")
        plain = f"{local_part.partition('+')[0]}@{domain}"
        return self.forwards.get(plain, [plain] if plain in self.mailboxes else [])

    def expected(self, mail: Mail) -> tuple[dict[str, set[str]], set[str]]:
        """For each mailbox the recipients that lead there, and the rejected recipients."""
        copies: dict[str, set[str]] = {}
        rejected = set()
        for recipient in mail.recipients:
            mailboxes = self.leads_to(recipient)
            for mailbox in mailboxes:
                copies.setdefault(mailbox, set()).add(recipient)
            if not mailboxes:
                rejected.add(recipient)
        return copies, rejected

    def _step(self, random: Random, number: int, begins: dict[str, int]) -> Step:
        kills = 1 + (random.random() < 0.2) if random.random() < KILL else 0
        return Step(self._mail(random, number), begins, kills, random.choice([0.0, 0.05, 0.2, 0.5]))

    def _mail(self, random: Random, number: int) -> Mail:
        recipients = list(dict.fromkeys(self._recipient(random) for _ in range(random.choice([1, 1, 2, 3, 5]))))
        return Mail(number, _content(random, self.seed, number), _notifications(random, recipients))

    def _recipient(self, random: Random) -> str:
        kind = random.random()
        if kind < 0.10:
            return f"nobody{random.randint(0, 5)}@{DOMAIN}"
        if kind < 0.35:
            return random.choice(sorted(self.forwards))
        name = random.choice(self.mailboxes)
        return name.replace("@", "+tag@") if kind < 0.5 else name


def _begins(random: Random, mails: int) -> list[dict[str, int]]:
    """For each message the faults that begin before it, and for how many; each kind at least once in a test."""
    begins: list[dict[str, int]] = [{} for _ in range(mails)]
    for kind, every in LASTING.items():
        for number in random.sample(range(mails), max(1, mails // every)):
            begins[number][kind] = random.randint(2, 4)
    return begins


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
