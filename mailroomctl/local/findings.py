"""What SES is to have found in a mail: its verdicts, and how often it notifies."""

import re

VERDICTS = ("spam", "virus", "spf", "dkim", "dmarc")
STATUSES = ("PASS", "FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED")
DMARC_POLICIES = ("none", "quarantine", "reject")


def checked_findings(found: dict[str, str]) -> dict[str, str]:
    """What SES is to have found, upper and lower case put right.

    Raises:
        ValueError: a name or value that SES does not have.
    """
    checked = {}
    for given_name, given in found.items():
        name = given_name.lower()
        allowed = STATUSES if name in VERDICTS else DMARC_POLICIES if name == "dmarc-policy" else ()
        value = given.lower() if name == "dmarc-policy" else given.upper()
        if not (value in allowed or (name == "notifications" and re.fullmatch("[1-9]", value))):
            names = ", ".join([*VERDICTS, "dmarc-policy"])
            raise ValueError(f"not a verdict of SES: {name}={given} ({', '.join(allowed) or names})")
        checked[name] = value
    return checked
