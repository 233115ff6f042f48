"""What SES is to have found in a message: its verdicts, and how often it notifies."""

import re

from mailroomctl.verdicts import checked_verdict

NOTIFICATIONS = "notifications"


def parse_findings(text: str) -> dict[str, str]:
    """Read findings such as ``spam=FAIL notifications=2``; raises ``ValueError`` for what SES does not have."""
    findings = {}
    for one in text.split():
        name, _, value = one.partition("=")
        if name.lower() == NOTIFICATIONS and re.fullmatch("[1-9]", value):
            findings[NOTIFICATIONS] = value
            continue
        try:
            verdict, status = checked_verdict(name, value)
        except ValueError as error:
            raise ValueError(f"{one}: {error}") from None
        findings[verdict] = status
    return findings
