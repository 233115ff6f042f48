"""The directory table: many keys in few calls, and a memory of the answers.

Reads are eventually consistent (half the price, and a change is not in the cache yet anyway): a change takes effect
within the cache's time to live. Before mail is turned away, what that rests on is read again, consistently.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from cachetools import TLRUCache

from mailroom.errors import DirectoryUnavailable
from mailroom.resolve.entries import ANY_DOMAIN, Domain, Entry, parse_entry
from mailroom.stopwatch import Stopwatch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_SIZE = 100  # keys, the most that BatchGetItem takes
SCANNED_PAGES = 20
"""Pages of at most 1 MB that are searched for any domain; a page takes some 20 ms."""


@dataclass(slots=True)
class Usage:
    """What the look-ups of one message took."""

    remembered: int = 0
    """Keys that the cache knew."""
    read: int = 0
    """Keys that were asked of the table."""
    calls: Stopwatch = field(default_factory=Stopwatch)


class Directory:
    """Looks entries up by key.

    ``cache_seconds`` is for entries, ``cache_negative_seconds`` for keys that are not in the table: shorter, so that a
    new mailbox receives soon, and never longer than the former. ``cache_entries`` bounds the memory; the entry that was
    not used for longest goes first. ``attempts`` is how many calls a batch gets while DynamoDB leaves keys unprocessed,
    ``wait_seconds`` the longest wait between two of them: about a second in all.
    Not safe for threads; a Lambda worker has one.
    """

    def __init__(
        self,
        table_name: str,
        client: "DynamoDBClient",
        *,
        cache_seconds: float = 60,
        cache_negative_seconds: float = 15,
        cache_entries: int = 10_000,
        attempts: int = 5,
        wait_seconds: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep what is needed; nothing is read yet."""
        self._table_name = table_name
        self._client = client
        self.calls = 0
        """BatchGetItem calls so far."""
        self._usage = Usage()
        self._clock = clock
        self._negative_seconds = min(cache_negative_seconds, cache_seconds)
        self._any_domain: Domain | None = None
        self._any_domain_until = -math.inf
        self._attempts = attempts
        self._wait_seconds = wait_seconds

        def expires_at(_key: str, entry: Entry | None, now: float) -> float:
            return now + (self._negative_seconds if entry is None else cache_seconds)

        self._remember = cache_entries > 0
        self._cache: TLRUCache[str, Entry | None] = TLRUCache(max(cache_entries, 1), ttu=expires_at, timer=clock)

    def remembered(self, keys: Iterable[str]) -> dict[str, Entry | None]:
        """Return what the cache knows of ``keys``; ``None`` is a key known to be absent."""
        found: dict[str, Entry | None] = {}
        for key in keys:
            if key == ANY_DOMAIN and self._clock() < self._any_domain_until:
                found[key] = self._any_domain
                continue
            try:
                found[key] = self._cache[key]
            except KeyError:
                continue
        self._usage.remembered += len(found)
        return found

    def take_usage(self) -> Usage:
        """Return what was used since the last time."""
        taken, self._usage = self._usage, Usage()
        return taken

    def read(self, keys: Iterable[str], *, consistent: bool = False) -> dict[str, Entry | None]:
        """Read ``keys`` from the table, whatever the cache says, with one call for each hundred.

        With ``consistent`` the answer has every change that was made before the call; the cache learns it too.
        Raises ``DirectoryUnavailable`` when DynamoDB does not answer in full.
        """
        asked = dict.fromkeys(keys)
        self._usage.read += len(asked)
        wanted = [key for key in asked if key != ANY_DOMAIN]
        entries: dict[str, Entry | None] = {}
        for start in range(0, len(wanted), BATCH_SIZE):
            batch = wanted[start : start + BATCH_SIZE]
            items = self._read_batch(batch, consistent)
            for key in batch:
                entries[key] = parse_entry(items[key]) if key in items else None
        if self._remember:
            self._cache.update(entries)
        if any(entry for key, entry in entries.items() if key.startswith("@")):
            self._any_domain, self._any_domain_until = Domain(ANY_DOMAIN), math.inf
        if ANY_DOMAIN in asked:
            entries[ANY_DOMAIN] = self._find_any_domain()
        return entries

    def _find_any_domain(self) -> Domain | None:
        """Ask whether the directory says which domains there are (``ANY_DOMAIN``).

        Asked only for mail to a domain that has no entry, by a worker that has not met an entry of any domain yet; a
        yes is remembered for good, and anything else like the absence of an entry.
        """
        if self._clock() >= self._any_domain_until:
            self._any_domain, for_good = self._scan_for_domains()
            self._any_domain_until = math.inf if for_good else self._clock() + self._negative_seconds
        return self._any_domain

    def _scan_for_domains(self) -> tuple[Domain | None, bool]:
        """Search the table for a domain's entry; the second value says whether there is one.

        A table in which none is found within ``SCANNED_PAGES`` counts as one that says which domains there are: then
        mail is held that might have been rejected, and none is lost.
        """
        start: dict[str, Any] = {}
        for page in range(SCANNED_PAGES):
            answer = self._call(
                self._client.scan,
                TableName=self._table_name,
                ConsistentRead=True,
                ProjectionExpression="address",
                FilterExpression="begins_with(address, :at)",
                ExpressionAttributeValues={":at": {"S": "@"}},
                **start,
            )
            if answer["Items"]:
                return Domain(ANY_DOMAIN), True
            if "LastEvaluatedKey" not in answer:
                empty = page == 0 and answer["ScannedCount"] == 0
                return (Domain(ANY_DOMAIN) if empty else None), False
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return Domain(ANY_DOMAIN), False

    def _read_batch(self, keys: list[str], consistent: bool) -> dict[str, dict[str, Any]]:
        items: dict[str, dict[str, Any]] = {}
        pending = self._read_once(keys, items, consistent)
        if not pending:
            return items
        # Imported only here: it brings asyncio along, and unprocessed keys are rare.
        from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

        def try_again() -> list[str]:
            nonlocal pending
            pending = self._read_once(pending, items, consistent)
            return pending

        time.sleep(min(0.05, self._wait_seconds))
        Retrying(
            retry=retry_if_result(bool),
            stop=stop_after_attempt(self._attempts - 1),
            wait=wait_random_exponential(multiplier=0.1, max=self._wait_seconds),
            retry_error_callback=lambda _state: pending,
        )(try_again)
        if pending:
            raise DirectoryUnavailable(
                f"DynamoDB left {len(pending)} of {len(keys)} keys unread in {self._attempts} calls"
            )
        return items

    def _read_once(self, keys: list[str], items: dict[str, dict[str, Any]], consistent: bool) -> list[str]:
        """Add what one call finds to ``items``; return the keys that DynamoDB left unprocessed."""
        self.calls += 1
        query = {"Keys": [{"address": {"S": key}} for key in keys], "ConsistentRead": consistent}
        answer = self._call(self._client.batch_get_item, RequestItems={self._table_name: query})
        for item in answer.get("Responses", {}).get(self._table_name, []):
            plain = {name: _plain(value) for name, value in item.items()}
            items[plain["address"]] = plain
        unprocessed = answer.get("UnprocessedKeys", {})
        left = unprocessed[self._table_name]["Keys"] if self._table_name in unprocessed else []
        return [str(_plain(key["address"])) for key in left]

    def _call(self, operation: Callable[..., Any], **request: Any) -> Any:
        try:
            with self._usage.calls:
                return operation(**request)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown error")
            raise DirectoryUnavailable(f"reading the directory table failed: {code}") from error
        except BotoCoreError as error:
            raise DirectoryUnavailable(f"reading the directory table failed: {type(error).__name__}") from error


def _plain(value: Mapping[str, Any]) -> Any:
    """Turn DynamoDB's JSON into plain values; boto3's own deserialiser would bring its resource layer along."""
    [(kind, content)] = value.items()
    match kind:
        case "L":
            return [_plain(one) for one in content]
        case "M":
            return {name: _plain(one) for name, one in content.items()}
        case "N":
            return int(content) if content.isdecimal() else float(content)
        case "NULL":
            return None
        case "SS":
            return set(content)
        case _:
            return content
