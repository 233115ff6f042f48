"""The option ``--policy NAME=VALUE`` of mailboxes and domains."""

from typing import Annotated

import typer

from mailroomctl.errors import CommandError

PolicyOption = Annotated[
    list[str] | None,
    typer.Option("--policy", help="Such as spam_fail=reject; repeatable. An empty value unsets.", show_default=False),
]


def parse_policy(given: list[str] | None, before: dict[str, str]) -> dict[str, str]:
    """Apply settings to a policy; whether they are right is the model's to say."""
    policy = dict(before)
    for one in given or []:
        name, equals, value = one.partition("=")
        if not equals:
            raise CommandError(f"--policy {one}: write it as NAME=VALUE, such as spam_fail=reject.")
        policy[name] = value
        if not value:
            del policy[name]
    return policy
