"""Subjects, read from the raw mail while somebody looks: they are on record nowhere."""

from collections.abc import Sequence
from email import message_from_bytes, policy

from mailroomctl.deliveries.headers import printable
from mailroomctl.deliveries.raw_mail import beginning
from mailroomctl.deliveries.side_by_side import side_by_side
from mailroomctl.deliveries.table import Record
from mailroomctl.stack import Stack

MOST = 25
"""Messages whose subjects are read for one list."""

_ENOUGH = 16 * 1024  # octets; the headers of most mail
_AT_ONCE = 8


def read_subjects(stack: Stack, records: Sequence[Record]) -> dict[str, str]:
    """Return the subjects of the first ``MOST`` messages by id, printable; of what is gone there is none."""
    messages = {one["message_id"]: one for one in records if one.get("bucket") and one.get("key")}
    chosen = list(messages.values())[:MOST]
    _ = stack.s3  # made here, because a session makes its clients one at a time
    subjects = side_by_side(lambda one: _subject(stack, one), chosen, _AT_ONCE)
    return {one["message_id"]: subject for one, subject in zip(chosen, subjects, strict=True) if subject is not None}


def _subject(stack: Stack, record: Record) -> str | None:
    from botocore.exceptions import ClientError

    try:
        content = beginning(stack, record["bucket"], record["key"], _ENOUGH)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    return printable(message_from_bytes(content, policy=policy.compat32).get("Subject")) if content else None
