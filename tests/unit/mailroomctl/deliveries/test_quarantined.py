"""The newest of the quarantine, where the index does not know every object."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from mailroomctl.deliveries import quarantined
from mailroomctl.deliveries.indexes import Period
from mailroomctl.deliveries.quarantined import newest_quarantined
from mailroomctl.deliveries.table import DeliveriesTable, Record
from mailroomctl.stack import Stack


def record(day: int) -> Record:
    time = f"2026-11-{day:02}T00:00:00.000Z"
    return {"message_id": f"m{day}", "mailbox": "bob@example.com", "status": "QUARANTINED", "received_at": time}


class Table:
    def in_full(self, rows: Any) -> list[Record]:
        return list(rows)


def test_every_row_is_on_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message of the first was put there by version 0.1, which wrote no index."""
    known = [record(day) for day in (5, 4, 3, 2)]
    moments = {f"m{day}": datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 6)}
    monkeypatch.setattr(quarantined, "_whole_index", lambda table: known)
    monkeypatch.setattr(quarantined, "_stored", lambda stack: quarantined._Stored(moments))
    monkeypatch.setattr(quarantined, "is_held_back", lambda one: True)
    monkeypatch.setattr(quarantined, "_unknown", lambda table, ids: [record(int(one[1:])) for one in ids])
    pages, until = [], datetime(2026, 11, 24, tzinfo=UTC)
    for _ in range(5):
        found = newest_quarantined(cast(Stack, None), cast(DeliveriesTable, Table()), Period(None, until), 2)
        pages.append([one["message_id"] for one in found.records])
        if not found.older:
            break
        until = datetime.fromisoformat(found.older)
    assert pages == [["m5", "m4"], ["m3", "m2"], ["m1"]]
