"""Large companies: Dovecot's list of 100,000 users, and the plan for 5,000 of WorkMail's."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.result import Result
from mailroomctl.console import Progress
from mailroomctl.directory.table import Item
from mailroomctl.dovecot.passwords import Password
from mailroomctl.dovecot.users import Account, make_users, passwd_file
from mailroomctl.workmail.exports import exports
from mailroomctl.workmail.plan import make_plan
from mailroomctl.workmail.reading import read

MAILBOXES = 100_000
PEOPLE = 5_000


def run(_folder: Path) -> list[Result]:
    """Two results, in seconds of one processor."""
    return [
        _measure("dovecot_users", f"{MAILBOXES:,} mailboxes, each with a hash, a tenth with umlauts", _users, 20),
        _measure("workmail_plan", f"{PEOPLE:,} users with an alias each, WorkMail's answers in memory", _plan, 10),
    ]


def _measure(name: str, what: str, work: Callable[[], int], goal: float) -> Result:
    begin = time.process_time()
    lines = work()
    return Result(name, what, time.process_time() - begin, goal, at_least=False, unit=" s", measured={"lines": lines})


def _users() -> int:
    items: list[Item] = [
        {
            "address": f"m\u00fcller{number}@xn--bcher-kva.example"
            if number % 10 == 0
            else f"user{number}@example.com",
            "type": "mailbox",
            "enabled": True,
        }
        for number in range(MAILBOXES)
    ]
    passwords = [Password(item["address"], "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA") for item in items]
    made = make_users(items, passwords, template="{domain}/{local_part}/Maildir", mail_root="/mnt/mail")
    return passwd_file(made, Account()).count("\n")


def _plan() -> int:
    organisation = read(_WorkMail(), "m-1", Progress())
    made = make_plan(organisation)
    return len(made.items) + len(exports(organisation, made.mailboxes))


class _WorkMail:
    """Answers at once."""

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        """Nothing to say to what has no answer below."""
        return lambda **_: {}

    def list_users(self, NextToken: str = "0", **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """A page of a hundred."""
        begin = int(NextToken)
        users = [
            {"Id": f"u-{number}", "Name": f"user{number}", "Email": f"user{number}@example.com", "State": "ENABLED"}
            for number in range(begin, begin + 100)
        ]
        return {"Users": users, **({"NextToken": str(begin + 100)} if begin + 100 < PEOPLE else {})}

    def list_aliases(self, EntityId: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """One for each."""
        return {"Aliases": [f"alias-{EntityId}@example.com"]}
