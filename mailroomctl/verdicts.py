"""What SES says of a received message: checks, statuses, and DMARC's policy.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

from mailroom.notification import CHECKS, DMARC_POLICIES

__all__ = ["CHECKS", "DMARC_POLICIES", "DMARC_POLICY", "STATUSES", "checked_verdict"]

STATUSES = ("PASS", "FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED")
DMARC_POLICY = "dmarc-policy"


def checked_verdict(name: str, value: str) -> tuple[str, str]:
    """Put upper and lower case right; raises ``ValueError`` that says what SES has instead."""
    check = name.lower()
    if check in CHECKS and value.upper() in STATUSES:
        return check, value.upper()
    if check == DMARC_POLICY and value.lower() in DMARC_POLICIES:
        return check, value.lower()
    verdicts = f"{'|'.join(CHECKS)}={'|'.join(STATUSES)}"
    raise ValueError(f"write {verdicts} or {DMARC_POLICY}={'|'.join(DMARC_POLICIES)}.")
