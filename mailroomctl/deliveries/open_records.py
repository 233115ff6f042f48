"""What is on record of many messages that wait, with few calls."""

from collections.abc import Iterable

from mailroomctl.deliveries.indexes import EVER, NoIndexError, whole_index
from mailroomctl.deliveries.side_by_side import side_by_side
from mailroomctl.deliveries.table import DeliveriesTable, Record

_READS_AT_ONCE = 8


def open_records(table: DeliveriesTable, message_ids: Iterable[str]) -> dict[str, list[Record]]:
    """Return the records of messages by id: those that need attention, and where there are none, all.

    What needs attention is read from the index, where one answer holds it; of each other message the table is asked.
    """
    wanted = set(filter(None, message_ids))
    if not wanted:
        return {}
    try:
        rows = whole_index(table, "needs_attention", "", EVER) or []
    except NoIndexError:
        rows = []
    found: dict[str, list[Record]] = {}
    for record in table.in_full(row for row in rows if row["message_id"] in wanted):
        found.setdefault(record["message_id"], []).append(record)
    others = sorted(wanted - found.keys())
    for message_id, records in zip(others, side_by_side(table.of_message, others, _READS_AT_ONCE), strict=True):
        found[message_id] = records
    return found
