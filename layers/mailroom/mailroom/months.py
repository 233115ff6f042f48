"""The month of a message, which is the key of the time indexes of the deliveries table.

A month is one key, so that the newest mail of all is one question. Each shard more would be a question more for every
list, and a thousand writes a second more for the index: ``SHARDS`` may grow, and never shrink while there are records.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

SHARDS = ("0",)


def month_of(received_at: datetime, message_id: str) -> str:
    """Return the key of a message's month, such as ``2026-11#0``; the shard depends on the message id alone."""
    number = int(sha256(message_id.encode()).hexdigest()[:8], 16)
    return f"{received_at.astimezone(UTC):%Y-%m}#{SHARDS[number % len(SHARDS)]}"


def months_back(until: datetime, since: datetime) -> Iterator[datetime]:
    """Return the beginnings (UTC) of the months of a time, the last one first."""
    month = until.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    yield month
    while month > since:
        month = (month - timedelta(days=1)).replace(day=1)
        yield month


def keys_of(month: datetime) -> list[str]:
    """Return the keys of a month, one for each shard."""
    return [f"{month:%Y-%m}#{shard}" for shard in SHARDS]


def with_month(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return ValidateEvent's ``message`` with its ``month``, which an earlier version of that step did not give.

    A message without receive time or id, as a state made by hand may have, stays as it is.
    """
    if "month" in message or not ("id" in message and "received_at" in message):
        return dict(message)
    return {**message, "month": month_of(datetime.fromisoformat(message["received_at"]), message["id"])}
