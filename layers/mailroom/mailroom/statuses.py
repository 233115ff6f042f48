"""What a record of the deliveries table, and an outcome of the workflow, says became of a message."""

from enum import StrEnum


class Status(StrEnum):
    """The status of a record or of an outcome; ``statemachine/deliver_mail.asl.json`` writes all but two."""

    CLAIMED = "CLAIMED"
    """An execution is delivering the copy, or was interrupted."""
    DELIVERED = "DELIVERED"
    """The copy is on the disk."""
    QUARANTINED = "QUARANTINED"
    """A policy holds the mail back, under the quarantine prefix of the mail bucket."""
    RELEASED = "RELEASED"
    """An operator has lifted the quarantine, which mailroomctl writes; no execution has claimed the delivery yet."""
    RESTORING = "RESTORING"
    """An operator delivers a lost copy again, which mailroomctl writes; no execution has claimed the delivery yet."""
    REJECTED = "REJECTED"
    """There will be no copy: the sender or a policy has decided so."""
    HELD = "HELD"
    """There is no copy because of a fault of our own; an operator corrects it and replays, or discards."""
    DISCARDED = "DISCARDED"
    """An operator has given up what was held, or what had no raw mail any more."""
    REPLAYED = "REPLAYED"
    """Was rejected, held or failed; a replay has delivered it, or decided about it anew."""
    FAILED = "FAILED"
    """Not safe yet; SQS redelivers the message, unless a later execution has dealt with it."""
    DUPLICATE = "DUPLICATE"
    """Of an outcome only: an earlier execution has delivered or quarantined it."""
    BOUNCED = "BOUNCED"
    """The sender got a bounce."""
    BOUNCE_FAILED = "BOUNCE_FAILED"
    """The bounce could not be sent, and is not tried again."""


SAFE = frozenset({Status.DELIVERED, Status.QUARANTINED})
"""Mailroom keeps the mail: nothing can be lost any more."""

FINAL = SAFE | {Status.REJECTED, Status.HELD, Status.DISCARDED, Status.REPLAYED}
"""Nothing more happens by itself."""
