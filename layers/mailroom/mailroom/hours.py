"""The hour of a message, by which the indexes of the deliveries table are spread.

A period is asked for hour by hour. Each hour has sixteen shards, because one key of an index takes a thousand writes a
second at most.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

SHARDS = "0123456789abcdef"


def hour_of(received_at: datetime, message_id: str) -> str:
    """Return the key of a message's hour, such as ``2026-11-24T02#a``; the digit depends on the message id alone."""
    return f"{received_at.astimezone(UTC):%Y-%m-%dT%H}#{sha256(message_id.encode()).hexdigest()[0]}"


def with_hour(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return ValidateEvent's ``message`` with its ``hour``, which an earlier version of that step did not give.

    A message without receive time or id, as a state made by hand may have, stays as it is.
    """
    if "hour" in message or not ("id" in message and "received_at" in message):
        return dict(message)
    return {**message, "hour": hour_of(datetime.fromisoformat(message["received_at"]), message["id"])}
