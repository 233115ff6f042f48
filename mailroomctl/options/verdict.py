"""The option ``--verdict``: what SES is supposed to have found."""

from typing import Annotated

import typer

from mailroomctl.errors import CommandError
from mailroomctl.verdicts import DMARC_POLICY, checked_verdict

VerdictOption = Annotated[
    list[str] | None,
    typer.Option("--verdict", help="Such as spam=FAIL or dmarc-policy=reject; repeatable.", show_default=False),
]


def parse_verdicts(given: list[str] | None) -> dict[str, str]:
    """Return SES's verdicts, and ``dmarc-policy``, by name. Raises ``CommandError`` for what decides nothing."""
    found: dict[str, str] = {}
    for one in given or []:
        name, _, value = one.partition("=")
        try:
            name, value = checked_verdict(name, value)
        except ValueError as error:
            raise CommandError(f"--verdict {one}: {error}") from None
        found[name] = value
    if found.get("dmarc") == "FAIL" and DMARC_POLICY not in found:
        raise CommandError(
            f"--verdict dmarc=FAIL decides nothing alone: add --verdict {DMARC_POLICY}=quarantine or reject."
        )
    return found
