"""Read the stored raw mail of a bucket and the records of a time, page by page, into the notes of an audit.

One call for a thousand objects, and one for a page of records: the table is scanned in parts, or, where a short time
needs fewer calls, the index ``by_time`` is asked day by day and its records are fetched by the hundred.
"""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Any, NamedTuple

from mailroom.audit.notes import Notes, RecordNote, StoredObject
from mailroom.months import SHARDS, keys_of
from mailroom.notification import SETUP_MESSAGE_ID
from mailroom.statuses import Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

BOUNCE = "(bounce)"
"""In place of a mailbox: the item that says that a bounce was sent."""

PAGES_AT_ONCE = 8
SEGMENTS = 8
#: Records of messages whose object was stored in the period: SES tries for four hours to store and to tell.
SLACK = timedelta(days=1)
_MOST_KEYS = 100  # of a BatchGetItem
_PAGE_OCTETS = 1 << 20  # of a Scan
_FIELDS = {
    "#message_id": "message_id",
    "#mailbox": "mailbox",
    "#status": "status",
    "#received_at": "received_at",
    "#recipients": "recipients",
    "#envelope": "envelope",
    "#lease_until": "lease_until",
    "#key": "key",
    "#entry": "entry",
    "#error": "error",
    "#path": "path",
    "#file_name": "file_name",
    "#size": "size",
    "#delivered_at": "delivered_at",
    "#restored_at": "restored_at",
}


@dataclass(frozen=True, slots=True)
class Period:
    """The time that is audited, both ends included; without ``since`` from the first message."""

    since: datetime | None
    until: datetime

    def has(self, stored_at: float) -> bool:
        """Whether an object belongs to it."""
        moment = datetime.fromtimestamp(stored_at, UTC)
        return (self.since is None or self.since <= moment) and moment <= self.until

    @property
    def earliest(self) -> str:
        """The first receive time, as in records."""
        return _iso(self.since) if self.since else ""

    @property
    def latest(self) -> str:
        """The last receive time, as in records."""
        return _iso(self.until)


class Page(NamedTuple):
    """What one call has given, and where the next one begins; None after the last."""

    rows: list[StoredObject | RecordNote]
    place: Any


class Stream(NamedTuple):
    """Pages that come one after the other."""

    name: str
    fetch: Callable[[Any], Page]


def read(notes: Notes, streams: Iterable[Stream], progress: Callable[[int], None] = lambda rows: None) -> None:
    """Read all streams to their ends, several side by side; those that an earlier audit has read, from where it was."""
    waiting: dict[Future[Page], Stream] = {}
    left = iter(streams)
    with ThreadPoolExecutor(PAGES_AT_ONCE) as pool:
        try:
            while True:
                for stream in itertools.islice(left, PAGES_AT_ONCE - len(waiting)):
                    place, ended = notes.place(stream.name)
                    if not ended:
                        waiting[pool.submit(stream.fetch, place)] = stream
                if not waiting:
                    # What has ended already may have filled the slice.
                    if (following := next(left, None)) is None:
                        return
                    left = itertools.chain([following], left)
                    continue
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    stream = waiting.pop(future)
                    page = future.result()
                    notes.add(stream.name, page.rows, page.place)
                    progress(len(page.rows))
                    if page.place is not None:
                        waiting[pool.submit(stream.fetch, page.place)] = stream
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def objects(s3: "S3Client", bucket: str, prefix: str) -> Stream:
    """Return the stream of all objects below a prefix; SES's setup notification is none."""

    def fetch(after: str | None) -> Page:
        answer = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=after or prefix)
        listed = answer.get("Contents", [])
        rows: list[StoredObject | RecordNote] = [
            StoredObject(name, one["Key"], one["LastModified"].timestamp())
            for one in listed
            if (name := one["Key"].rpartition("/")[2]) not in ("", SETUP_MESSAGE_ID)
        ]
        return Page(rows, listed[-1]["Key"] if answer["IsTruncated"] else None)

    return Stream(f"objects {prefix}", fetch)


def records(dynamodb: "DynamoDBClient", table: str, period: Period) -> Iterator[Stream]:
    """Return the streams of all records of a period, and of a day around it, in as few calls as it takes."""
    described = dynamodb.describe_table(TableName=table)["Table"]
    pages = described.get("TableSizeBytes", 0) / _PAGE_OCTETS + SEGMENTS
    has_index = any(one["IndexName"] == "by_time" for one in described.get("GlobalSecondaryIndexes", []))
    if period.since is None or not has_index:
        return _by_scan(dynamodb, table, period)
    since, until = period.since - SLACK, period.until + SLACK
    days = (until - since) / timedelta(days=1)
    lived = max((datetime.now(UTC) - described["CreationDateTime"]) / timedelta(days=1), 1.0)
    expected = described.get("ItemCount", 0) * min(1.0, days / lived)
    queries = (days + 1) * len(SHARDS) + expected / _MOST_KEYS
    return _by_scan(dynamodb, table, period) if pages <= queries else _by_day(dynamodb, table, since, until)


def delivered(
    dynamodb: "DynamoDBClient", table: str, since: datetime, until: datetime, mailboxes: Iterable[str]
) -> Iterator[Stream]:
    """Return the streams of the copies that were written in a time, in all mailboxes or in some.

    A copy may be written long after its message was received, so no index knows; what a restore has left unfinished is
    among them whenever that was.
    """
    condition = "#delivered_at BETWEEN :since AND :until OR #status = :restoring"
    values = {":since": {"S": _iso(since)}, ":until": {"S": _iso(until)}, ":restoring": {"S": Status.RESTORING}}
    request: dict[str, Any] = {"TableName": table, "FilterExpression": condition, **_projection()}
    request["ExpressionAttributeValues"] = values

    def scan(start: Any, segment: int) -> Page:
        more: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        part: dict[str, Any] = {"Segment": segment, "TotalSegments": SEGMENTS, "ConsistentRead": True}
        answer = dynamodb.scan(**request, **part, **more)
        return Page(list(_notes(answer["Items"])), answer.get("LastEvaluatedKey"))

    def query(start: Any, mailbox: str) -> Page:
        more: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        which: dict[str, Any] = {"IndexName": "by_mailbox", "KeyConditionExpression": "#mailbox = :mailbox"}
        asked: dict[str, Any] = {**request, "ExpressionAttributeValues": {**values, ":mailbox": {"S": mailbox}}}
        answer = dynamodb.query(**asked, **which, **more)
        return Page(list(_notes(answer["Items"])), answer.get("LastEvaluatedKey"))

    if mailboxes := tuple(mailboxes):
        for mailbox in mailboxes:
            yield Stream(f"copies of {mailbox}", partial(query, mailbox=mailbox))
        return
    for segment in range(SEGMENTS):
        yield Stream(f"copies {segment} of {SEGMENTS}", partial(scan, segment=segment))


def record_notes(dynamodb: "DynamoDBClient", table: str, message_id: str) -> list[RecordNote]:
    """Return the records of one message as they are now."""
    request: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "#message_id = :message_id",
        "ExpressionAttributeValues": {":message_id": {"S": message_id}},
        **_projection(),
        "ConsistentRead": True,
    }
    pages = dynamodb.get_paginator("query").paginate(**request)
    return [note for page in pages for note in _notes(page["Items"])]


def _by_scan(dynamodb: "DynamoDBClient", table: str, period: Period) -> Iterator[Stream]:
    request: dict[str, Any] = {"TableName": table, "TotalSegments": SEGMENTS, **_projection()}
    request["FilterExpression"] = "#mailbox <> :bounce AND #received_at BETWEEN :since AND :until"
    request["ExpressionAttributeValues"] = {
        ":bounce": {"S": BOUNCE},
        ":since": {"S": _iso(period.since - SLACK) if period.since else "0"},
        ":until": {"S": _iso(period.until + SLACK)},
    }

    def fetch(start: Any, segment: int) -> Page:
        more = {"ExclusiveStartKey": start} if start else {}
        answer = dynamodb.scan(**request, Segment=segment, **more)
        return Page(list(_notes(answer["Items"])), answer.get("LastEvaluatedKey"))

    for segment in range(SEGMENTS):
        yield Stream(f"records {segment} of {SEGMENTS}", partial(fetch, segment=segment))


def _by_day(dynamodb: "DynamoDBClient", table: str, since: datetime, until: datetime) -> Iterator[Stream]:
    """A month is one key; its days are read side by side."""
    request: dict[str, Any] = {
        "TableName": table,
        "IndexName": "by_time",
        "KeyConditionExpression": "#month = :month AND received_at BETWEEN :since AND :until",
        "ExpressionAttributeNames": {"#month": "month"},
    }

    def fetch(start: Any, month: str, first: datetime, last: datetime) -> Page:
        more = {"ExclusiveStartKey": start} if start else {}
        values = {":month": {"S": month}, ":since": {"S": _iso(first)}, ":until": {"S": _iso(last)}}
        answer = dynamodb.query(**request, ExpressionAttributeValues=values, **more)
        keys = [
            {name: item[name] for name in ("message_id", "mailbox")}
            for item in answer["Items"]
            if item["mailbox"]["S"] != BOUNCE
        ]
        rows: list[StoredObject | RecordNote] = []
        for some in batched(keys, _MOST_KEYS, strict=False):
            rows += _notes(_get(dynamodb, table, list(some)))
        return Page(rows, answer.get("LastEvaluatedKey"))

    day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= until:
        following = day + timedelta(days=1)
        first, last = max(day, since), min(following - timedelta(milliseconds=1), until)
        for month in keys_of(day):
            yield Stream(f"records of {month} {day:%d}", partial(fetch, month=month, first=first, last=last))
        day = following


def _get(dynamodb: "DynamoDBClient", table: str, keys: list[Any]) -> Iterator[Any]:
    """BatchGetItem answers less than it was asked for when it is throttled."""
    left: Any = {table: {"Keys": keys, **_projection()}}
    pause = 0.05
    while left:
        answer = dynamodb.batch_get_item(RequestItems=left)
        yield from answer["Responses"].get(table, [])
        if left := answer.get("UnprocessedKeys"):
            time.sleep(pause)
            pause = min(pause * 2, 5)


def _projection() -> dict[str, Any]:
    return {"ProjectionExpression": ", ".join(_FIELDS), "ExpressionAttributeNames": dict(_FIELDS)}


def _notes(items: Iterable[Any]) -> Iterator[RecordNote]:
    for item in items:
        if "status" not in item or "received_at" not in item or item["mailbox"]["S"] == BOUNCE:
            continue  # a notice, or a bounce: neither is an outcome of a recipient
        text = {name: value["S"] for name, value in item.items() if "S" in value}
        yield RecordNote(
            message_id=text["message_id"],
            mailbox=text["mailbox"],
            status=text["status"],
            received_at=text["received_at"],
            recipients=tuple(sorted(item.get("recipients", {}).get("SS", []))),
            envelope=tuple(sorted(item.get("envelope", {}).get("SS", []))),
            lease_until=_number(item, "lease_until"),
            key=text.get("key"),
            entry=text.get("entry"),
            error=text.get("error"),
            path=text.get("path"),
            file_name=text.get("file_name"),
            size=_number(item, "size"),
            delivered_at=text.get("delivered_at"),
            restored_at=text.get("restored_at"),
        )


def _number(item: Any, name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
