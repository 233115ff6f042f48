"""The option ``--verdict``: what SES is supposed to have found."""

from typing import Annotated, Any

import typer

from mailroomctl.errors import CommandError

_CHECKS = ("spam", "virus", "spf", "dkim", "dmarc")
_STATUSES = ("PASS", "FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED")
_DMARC_POLICIES = ("none", "quarantine", "reject")

VerdictOption = Annotated[
    list[str] | None,
    typer.Option("--verdict", help="Such as spam=FAIL or dmarc-policy=reject; repeatable.", show_default=False),
]


def parse_verdicts(given: list[str] | None) -> dict[str, Any]:
    """Return the part of a message that ``mailroom.resolve.policy.findings`` reads."""
    verdicts: dict[str, str] = {}
    dmarc_policy = None
    for one in given or []:
        name, _, value = one.partition("=")
        name = name.lower()
        if name in _CHECKS and value.upper() in _STATUSES:
            verdicts[name] = value.upper()
        elif name == "dmarc-policy" and value.lower() in _DMARC_POLICIES:
            dmarc_policy = value.lower()
        else:
            raise CommandError(
                f"--verdict {one}: write {'|'.join(_CHECKS)}={'|'.join(_STATUSES)}"
                f" or dmarc-policy={'|'.join(_DMARC_POLICIES)}."
            )
    if verdicts.get("dmarc") == "FAIL" and dmarc_policy is None:
        raise CommandError(
            "--verdict dmarc=FAIL decides nothing alone: add --verdict dmarc-policy=quarantine or reject."
        )
    return {"verdicts": verdicts, "dmarc_policy": dmarc_policy}
