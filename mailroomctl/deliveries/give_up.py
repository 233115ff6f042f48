"""What an operator ends: held mail that nobody wants, and what can never be delivered because its raw mail is gone."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from mailroom.statuses import Status

from mailroomctl.deliveries.cause import plain_cause
from mailroomctl.deliveries.raw_mail import stored_at
from mailroomctl.deliveries.table import BOUNCE, DeliveriesTable, Record
from mailroomctl.stack import Stack
from mailroomctl.times import iso

_UNFINISHED = frozenset({Status.CLAIMED, Status.FAILED, Status.RELEASED, Status.RESTORING})


def not_ended(stack: Stack, records: Sequence[Record]) -> Iterator[tuple[Record, str]]:
    """Return the records of one message that have come to no end, each with why it has to stay; mostly for nothing.

    What is not held has to stay while its raw mail or its copy in quarantine is there, because it can be delivered.
    """
    there: dict[tuple[str, str], bool] = {}
    for record in records:
        if record["mailbox"] == BOUNCE or record["status"] not in _UNFINISHED | {Status.HELD}:
            continue
        yield record, "" if record["status"] == Status.HELD else _why_it_stays(stack, record, there)


def give_up(table: DeliveriesTable, record: Record) -> bool:
    """End a record; say whether it still was as it was read. A claim that an execution takes meanwhile stays."""
    if record["status"] == Status.HELD:
        return table.change_status(record, Status.DISCARDED)
    before = " ".join(filter(None, (record.get("error"), plain_cause(record.get("reason") or ""))))
    when = iso(datetime.now(UTC))
    reason = f"given up at {when}, its raw mail was gone; {record['status']} before {before}".rstrip()
    return table.change_status(record, Status.DISCARDED, reason=reason, error="")


def _why_it_stays(stack: Stack, record: Record, there: dict[tuple[str, str], bool]) -> str:
    if int(record.get("lease_until") or 0) >= time.time():
        return "an execution works on it"
    bucket = str(record.get("bucket") or "")
    for name in ("key", "quarantine_key"):
        place = (bucket, str(record.get(name) or ""))
        if not all(place):
            continue
        if place not in there:
            there[place] = stored_at(stack, *place) is not None
        if there[place]:
            return f"s3://{bucket}/{place[1]} is there: {_way_on(record)}"
    return ""


def _way_on(record: Record) -> str:
    ways = {Status.RELEASED: "mailroomctl quarantine release", Status.RESTORING: "mailroomctl restore"}
    return f"{ways.get(record['status'], f'mailroomctl replay {record["message_id"]}')} delivers it"
