"""What SES is to have found in a message: its verdicts, and how often it notifies."""

import re

from mailroomctl.verdicts import checked_verdict

NOTIFICATIONS = "notifications"


def checked_findings(found: dict[str, str]) -> dict[str, str]:
    """Put upper and lower case right; raises ``ValueError`` for a name or a value that SES does not have."""
    checked = {}
    for name, value in found.items():
        if name.lower() == NOTIFICATIONS and re.fullmatch("[1-9]", value):
            checked[NOTIFICATIONS] = value
        else:
            verdict, status = checked_verdict(name, value)
            checked[verdict] = status
    return checked
