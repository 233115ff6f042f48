"""Message ids as people write them: the beginning is enough, as long as it is that of one message only."""

from mailroom.settings import QUARANTINE_PREFIX

from mailroomctl.deliveries import raw_mail
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

SHOWN = 8
"""Characters of an id in lists; ids of SES are 40 random ones."""

SHORTEST = 4
_NAMED = 5
_LOOKED_AT = 100


def short_id(message_id: str) -> str:
    """Return the beginning of an id that lists show."""
    return message_id[:SHOWN]


def full_id(stack: Stack, text: str, *, quarantine: bool = False) -> str:
    """Return the one message id that begins with ``text``; where there is none, ``text`` as it is.

    Looks for raw mail, with one call: the bucket is sorted by ids, the table is not. So it knows no message whose raw
    mail has expired. Raises ``CommandError`` when there are several.
    """
    if len(text) < SHORTEST:
        return text
    prefix = QUARANTINE_PREFIX if quarantine else raw_mail.usual_key(stack, "")
    answer = stack.s3.list_objects_v2(
        Bucket=stack.output("MailBucketName"), Prefix=f"{prefix}{text}", MaxKeys=_LOOKED_AT
    )
    found = [one["Key"].removeprefix(prefix) for one in answer.get("Contents", ())]
    # The key that is the text itself is the first of those that begin with it.
    if not found or text == found[0]:
        return text
    if len(found) > 1:
        shown = ", ".join(found[:_NAMED])
        more = ", …" if len(found) > _NAMED else ""
        number = f"{_LOOKED_AT} ids or more" if answer.get("IsTruncated") else f"{len(found)} ids"
        raise CommandError(f"{text} is the beginning of {number}: {shown}{more}. Write more of it.")
    return found[0]
