"""The raw mail of a message in the mail bucket: whether it is still there, and what SES found in it."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

_ENOUGH = 64 * 1024  # octets; SES's own headers are the first
_VERDICTS = {"spamVerdict": "X-SES-Spam-Verdict", "virusVerdict": "X-SES-Virus-Verdict"}
_CHECKED = re.compile(r"\b(spf|dkim|dmarc)=(pass|fail|softfail)\b")
_STATUS = {"pass": "PASS", "fail": "FAIL", "softfail": "GRAY"}


def stored_at(stack: Stack, bucket: str, key: str) -> datetime | None:
    """Return when the object was stored, or None when it is not there."""
    # Not HeadObject: whoever may ask that may read the mail.
    found = stack.s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return next((one["LastModified"] for one in found if one["Key"] == key), None)


def usual_key(stack: Stack, message_id: str) -> str:
    """Return where SES puts the raw mail of a message."""
    return f"{stack.parameter('MailKeyPrefix', '')}{message_id}"


def days_left(stack: Stack, received_at: str) -> float:
    """Return the days until the raw mail of a message may expire; one that was put back or copied lasts longer."""
    age = datetime.now(UTC) - datetime.fromisoformat(received_at)
    return round(max(0.0, _retention_days(stack) - age / timedelta(days=1)), 1)


def check_stored(stack: Stack, bucket: str, key: str) -> None:
    """Raise ``CommandError`` when the raw mail is gone."""
    if stored_at(stack, bucket, key) is None:
        days = _retention_days(stack)
        raise CommandError(
            f"the raw mail s3://{bucket}/{key} is gone: the bucket keeps mail for {days} days (MailRetentionDays)."
        )


def _retention_days(stack: Stack) -> int:
    return int(stack.parameter("MailRetentionDays", "90"))


def beginning(stack: Stack, bucket: str, key: str, octets: int = _ENOUGH) -> bytes:
    """Return the first octets of an object, which hold the headers; of an empty one there are none."""
    from botocore.exceptions import ClientError

    try:
        return stack.s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{octets - 1}")["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidRange":
            raise
        return b""


def verdicts(stack: Stack, bucket: str, key: str) -> dict[str, Any]:
    """Return the verdicts as a receipt has them, from the headers that SES has put in front of the mail.

    Only the first header of a name counts: all others are the sender's. DMARC's policy is in none of them.
    """
    headers = message_from_bytes(beginning(stack, bucket, key), policy=policy.compat32)
    given = {name: headers[header] for name, header in _VERDICTS.items() if headers[header]}
    found = {name: {"status": str(value).strip().upper()} for name, value in given.items()}
    results = str(headers["Authentication-Results"] or "")
    if results.strip().startswith("amazonses.com"):
        for check, result in _CHECKED.findall(re.sub(r"\([^)]*\)", "", results)):
            found.setdefault(f"{check}Verdict", {"status": _STATUS[result]})
    return found
