"""An audit of many messages: one call for a thousand objects and for a page of records, and no more memory for more.

AUDITED=1000000 makes it the million that is promised; the figures are in docs/performance.md.
"""

import os
import time
import tracemalloc
from bisect import bisect_right
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from mailroom.audit.findings import Kind, compare
from mailroom.audit.notes import Notes, RecordNote
from mailroom.audit.reading import SEGMENTS, Period, objects, read, records

MESSAGES = int(os.environ.get("AUDITED", "4000"))
#: Records of 700 octets in a megabyte; of fewer messages smaller pages, so that they are many.
A_PAGE = 1500 if MESSAGES > 100_000 else 100
NOW = datetime(2026, 11, 24, 2, 47, tzinfo=UTC)
MOMENT = "2026-11-24T02:47:00.000Z"


def message_id(number: int) -> str:
    """Ids come in no order of time."""
    return sha256(str(number).encode()).hexdigest()[:40]


class Bucket:
    """Lists objects by a thousand; every message has one."""

    def __init__(self, messages: int) -> None:
        self.calls = 0
        self._keys = sorted(f"mail/{message_id(number)}" for number in range(messages))

    def list_objects_v2(self, **request: str) -> dict[str, Any]:
        self.calls += 1
        start = bisect_right(self._keys, request["StartAfter"])
        some = self._keys[start : start + 1000]
        listed = [{"Key": key, "LastModified": NOW} for key in some]
        return {"Contents": listed, "IsTruncated": start + 1000 < len(self._keys)}


class Table:
    """Scans in segments; every thousandth message has no record, every other thousandth a claim."""

    def __init__(self, messages: int) -> None:
        self.calls = 0
        self._messages = messages

    def describe_table(self, **_: Any) -> Any:
        self.calls += 1
        return {"Table": {"TableSizeBytes": self._messages * 700}}

    def scan(self, **request: Any) -> dict[str, Any]:
        self.calls += 1
        numbers = range(request["Segment"], self._messages, SEGMENTS)
        start = request.get("ExclusiveStartKey", 0)
        items = [_item(number) for number in numbers[start : start + A_PAGE] if number % 1000]
        answer: dict[str, Any] = {"Items": items}
        if start + A_PAGE < len(numbers):
            answer["LastEvaluatedKey"] = start + A_PAGE
        return answer


def _item(number: int) -> dict[str, Any]:
    return {
        "message_id": {"S": message_id(number)},
        "mailbox": {"S": f"user{number % 100}@example.com"},
        "status": {"S": "CLAIMED" if number % 1000 == 1 else "DELIVERED"},
        "received_at": {"S": MOMENT},
        "recipients": {"SS": [f"user{number % 100}@example.com"]},
        "path": {"S": f"example.com/user{number % 100}/Maildir"},
        "file_name": {"S": f"1796000000.{number:032x}.mailroom,S=1000,W=1000"},
        "size": {"N": "1000"},
    }


def still(notes: Notes, message_id: str) -> list[RecordNote]:
    """The records as they were read."""
    rows = notes.database.execute("SELECT * FROM records WHERE message_id = ?", (message_id,))
    return list(map(RecordNote.of_row, rows))


def audited(path: Path, messages: int) -> tuple[dict[str, int], Bucket, Table, int]:
    """What is found, whom it has asked, and how many octets of memory it took at most, the fakes aside."""
    bucket, table = Bucket(messages), Table(messages)
    period = Period(None, NOW)
    counts: dict[str, int] = {}
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    with Notes(path) as notes:
        read(notes, [objects(bucket, "mail", "mail/")])  # type: ignore[arg-type]
        read(notes, records(table, "deliveries", period))  # type: ignore[arg-type]
        notes.find(compare(notes, period, NOW, partial(still, notes)))
        counts = {kind: count for kind, count, *_ in notes.summary()}
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return counts, bucket, table, peak - before


def test_many_messages_take_few_calls_and_no_more_memory(tmp_path: Path) -> None:
    _, _, _, few = audited(tmp_path / "few", MESSAGES // 4)
    began = time.monotonic()
    counts, bucket, table, many = audited(tmp_path / "many", MESSAGES)
    print(f"{MESSAGES} messages: {time.monotonic() - began:.1f} s, {many / 1e6:.1f} MB; a quarter: {few / 1e6:.1f} MB")
    assert counts == {Kind.LOST: MESSAGES // 1000, Kind.OPEN: MESSAGES // 1000}
    assert bucket.calls == -(-MESSAGES // 1000)
    assert table.calls <= 1 + MESSAGES / A_PAGE + SEGMENTS
    assert many < 1.5 * few + 2_000_000
