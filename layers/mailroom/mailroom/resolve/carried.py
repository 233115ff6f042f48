"""What the workflow can carry: a state that is too large fails the execution, and every redelivery of it.

Strangers write most of a message's recipients. However many of them lead nowhere, each gets its outcome on record, and
none of them may keep the others from theirs: reasons become shorter first.
"""

import json
from collections.abc import Iterable
from dataclasses import replace

from mailroom.errors import FanOutLimitExceeded
from mailroom.resolve.resolution import MAX_REASON, Resolution

MAX_STATE = 240_000
"""Octets of recipients, deliveries and undelivered recipients: the state may hold 256 KiB, with the message besides."""

REASONS = (MAX_REASON, 150, 60, 0)
"""Octets that each reason may have, tried in this order."""

OUTCOME = 220
"""Octets that the workflow makes of an undelivered recipient, an outcome and its part of a bounce, besides its address,
which both have."""


def fit(resolution: Resolution, recipients: Iterable[str]) -> Resolution:
    """Return ``resolution`` with reasons that are short enough for the workflow to carry it.

    Raises ``FanOutLimitExceeded`` when it would be too large without any reason.
    """
    besides = _octets(list(recipients))
    # Outcomes and bounces take the place of the undelivered recipients; deliveries only become shorter.
    after = sum(2 * _octets(one.recipient) + OUTCOME for one in resolution.undelivered)
    size = besides + _octets(replace(resolution, undelivered=()).to_state()) + after
    if size <= MAX_STATE:
        for most in REASONS:
            undelivered = tuple(replace(one, most_octets=most) for one in resolution.undelivered)
            fitting = replace(resolution, undelivered=undelivered)
            size = besides + _octets(fitting.to_state())
            if size <= MAX_STATE:
                return fitting
    raise FanOutLimitExceeded(
        f"{len(resolution.deliveries)} deliveries and {len(resolution.undelivered)} recipients without one "
        f"make {size} octets of state, more than {MAX_STATE}"
    )


def _octets(value: object) -> int:
    """Count octets as JSON has them that escapes everything but ASCII."""
    return len(json.dumps(value))
