"""The newest records that match, with a few calls, however many records there are; and how far back that looked.

What matches rarely may lie further back than a few calls read. So whoever asks gets what was found, and the time from
which the next question goes on.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from mailroom.months import keys_of, months_back

from mailroomctl.deliveries.indexes import Period, condition, index_is_there, whole_index
from mailroomctl.deliveries.table import DeliveriesTable, Record, plain
from mailroomctl.times import iso

_FEW = 400  # rows of a month; the whole index of a table with no more may well be one page
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_MOMENT = timedelta(milliseconds=1)


@dataclass(slots=True)
class Slice:
    """Rows, the newest first. ``older`` is the receive time with which the question goes on; empty when these are all.

    ``partial`` when at the time of the last row more was received than is shown; ``unseen`` when nobody has looked
    whether there is anything before.
    """

    rows: list[Record]
    older: str = ""
    partial: bool = False
    unseen: bool = False


@dataclass(slots=True)
class Look:
    """A look back until there are ``rows`` rows that hold, or ``calls`` calls are used up."""

    rows: int
    calls: int
    holds: Callable[[Record], bool] = lambda row: True
    found: list[Record] = field(default_factory=list)
    read: int = 0
    known_after: str = ""
    """All that was received later was read; empty when everything was."""

    def of_index(self, table: DeliveriesTable, index: str, status: str, period: Period, *, whole: bool) -> None:
        """Look into an index by time, month after month; ``whole`` when every row that is read may be wanted."""
        since, until = period.since or _FIRST, period.latest
        if since > until:
            return
        months = list(months_back(until, since))
        # Without a filter a page need be no larger than what is shown, and one that tells that its moment is over.
        limit = {"Limit": self.rows + 1} if whole and not status else {}
        for number, month in enumerate(months):
            left = len(months) - number
            if (
                number
                and self.read < _FEW
                and left > self.calls >= 1
                and self._as_a_whole(table, index, status, period)
            ):
                return
            if number and self.calls < 1:
                return
            requests = [{**condition(table, index, key, since, until, status), **limit} for key in keys_of(month)]
            if not self.of_keys(table, requests):
                return
            self.known_after = iso(month - _MOMENT) if month > since else ""
            if len(self.found) >= self.rows:
                return

    def of_keys(self, table: DeliveriesTable, requests: Iterable[dict[str, Any]]) -> bool:
        """Ask for one key or for several side by side, page by page; say whether all of them was read."""
        asked = list(requests)
        first = True
        while asked and (first or self.calls >= len(asked)):
            first, following, ends = False, [], []
            for request in asked:
                with index_is_there(request["IndexName"]):
                    answer = table.client.query(**request)
                self.calls -= 1
                self.read += answer.get("ScannedCount", len(answer["Items"]))
                self.found += filter(self.holds, map(plain, answer["Items"]))
                if key := answer.get("LastEvaluatedKey"):
                    following.append({**request, "ExclusiveStartKey": key})
                    ends.append(str(plain(key)["received_at"]))
            asked = following
            self.known_after = max(ends, default="")
            if len(self._known()) >= self.rows:
                break
        return not asked

    def _as_a_whole(self, table: DeliveriesTable, index: str, status: str, period: Period) -> bool:
        self.calls -= 1
        rows = whole_index(table, index, status, period)
        if rows is None:
            return False
        self.found, self.known_after = [row for row in rows if self.holds(row)], ""
        return True

    def _known(self) -> list[Record]:
        return [row for row in self.found if row["received_at"] > self.known_after]

    def slice(self, limit: int) -> Slice:
        """Return at most ``limit`` rows: whole messages, whose rows have one time, where one is not more than that."""
        return cut(self.found, self.known_after, limit)


def cut(found: Iterable[Record], known_after: str, limit: int) -> Slice:
    """Return at most ``limit`` of the rows that are later than ``known_after``, the newest first."""
    rows = sorted(found, key=itemgetter("mailbox"))
    rows.sort(key=itemgetter("received_at", "message_id"), reverse=True)
    known = [row for row in rows if row["received_at"] > known_after]
    if len(known) > limit:
        end = known[limit]["received_at"]
    elif not known_after:
        return Slice(known)
    else:
        end = known_after
    unseen = len(known) <= limit
    whole = [row for row in known[:limit] if row["received_at"] > end]
    if whole or not (here := [row for row in rows if row["received_at"] >= end]):
        return Slice(whole, end, unseen=unseen)
    return Slice(here[:limit], before(end), partial=True, unseen=unseen)


def before(received_at: str) -> str:
    """Return the last time that is earlier."""
    return iso(datetime.fromisoformat(received_at) - _MOMENT)


def of_index(
    table: DeliveriesTable,
    index: str,
    period: Period,
    limit: int,
    *,
    calls: int,
    status: str = "",
    holds: Callable[[Record], bool] | None = None,
) -> Slice:
    """Return the newest rows of an index by time; ``holds`` tells which, ``status`` is for ``needs_attention``."""
    look = Look(limit + 1, calls, holds or (lambda row: True))
    look.of_index(table, index, status, period, whole=holds is None)
    return look.slice(limit)


def of_mailbox(
    table: DeliveriesTable,
    names: Sequence[str],
    period: Period,
    limit: int,
    *,
    calls: int,
    holds: Callable[[Record], bool] | None = None,
) -> Slice:
    """Return the newest records of a mailbox, which may stand under several names."""
    since, until = period.since or _FIRST, period.latest
    look = Look(limit + 1, calls, holds or (lambda row: True))
    if since > until:
        return look.slice(limit)
    whole: dict[str, Any] = {"Limit": limit + 2} if holds is None else {}
    look.of_keys(table, [{**condition(table, "by_mailbox", name, since, until), **whole} for name in names])
    return look.slice(limit)
