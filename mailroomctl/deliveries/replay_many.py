"""Thousands of messages again: a few executions at once, counted by group, whatever becomes of single ones."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from mailroomctl.console import Progress
from mailroomctl.deliveries import execution
from mailroomctl.deliveries.held import Choice
from mailroomctl.deliveries.indexes import by_message
from mailroomctl.deliveries.replay import UNDELIVERED, deliver_again, notification_for
from mailroomctl.deliveries.side_by_side import side_by_side
from mailroomctl.deliveries.table import BOUNCE, DeliveriesTable, Record
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

EXECUTIONS_AT_ONCE = 5
"""So that new mail finds room beside them, also where an account may run ten functions at once."""

ENOUGH_FAILURES = 20
"""Executions that fail one after the other: whatever is wrong, it is not these messages."""

_MOST_NAMED = 100

REPLAYED, STILL_UNDELIVERED, FAILED = "replayed", "still_undelivered", "failed"


@dataclass(slots=True)
class Result:
    """What became of the messages: counted by group, and the first failures by name."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    failed: int = 0
    last: str = ""
    """Why the last one failed."""
    stopped: bool = False
    """Whether the last ones were not begun, because so many had failed."""
    _in_a_row: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, groups: set[str], became: str) -> None:
        """Count a message that was replayed."""
        with self._lock:
            self._in_a_row = 0
            self._count(groups, became)

    def note_failure(self, groups: set[str], message_id: str, why: str, *, of_execution: bool) -> None:
        """Count a message that is as it was. ``of_execution`` when the next ones may well fail likewise."""
        with self._lock:
            self._count(groups, FAILED)
            self.failed += 1
            self.last = why
            if len(self.failures) < _MOST_NAMED:
                self.failures.append((message_id, why))
            self._in_a_row += of_execution
            self.stopped |= self._in_a_row >= ENOUGH_FAILURES

    def _count(self, groups: set[str], became: str) -> None:
        for group in groups:
            self.counts.setdefault(group, Counter())[became] += 1


def replay_many(
    stack: Stack,
    choice: Choice,
    key: Callable[[Record], str],
    result: Result,
    progress: Progress,
) -> None:
    """Replay every message that has a chosen record, for the recipients of these records; nobody gets a bounce.

    ``result`` is filled meanwhile, and right whenever it ends. A message that somebody else has replayed since it was
    listed is left out.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    table = DeliveriesTable(stack)
    # Made here, because a session makes its clients one at a time.
    _ = stack.s3, stack.stepfunctions, stack.outputs
    chosen = choice.test()

    def replay_one(message: list[Record]) -> None:
        message_id = message[0]["message_id"]
        groups = {key(row) for row in message}
        try:
            records = [one for one in table.of_message(message_id) if one["mailbox"] != BOUNCE]
            wanted = [one for one in records if chosen(one)]
            if wanted:
                _replay(stack, table, message_id, records, wanted, groups, result)
        except CommandError as error:
            result.note_failure(groups, message_id, str(error), of_execution=False)
        except (ClientError, BotoCoreError) as error:
            result.note_failure(groups, message_id, str(error), of_execution=True)
        progress.advance()

    messages: Iterator[list[Record]] = takewhile(lambda _: not result.stopped, by_message(choice.rows(table)))
    for _ in side_by_side(replay_one, messages, EXECUTIONS_AT_ONCE):
        pass


def _replay(
    stack: Stack,
    table: DeliveriesTable,
    message_id: str,
    records: list[Record],
    wanted: list[Record],
    groups: set[str],
    result: Result,
) -> None:
    recipients = sorted({recipient for record in wanted for recipient in record.get("recipients", ())})
    if not recipients:
        raise CommandError(f"the records of {message_id} have no recipients.")
    notification = notification_for(stack, message_id, records, recipients, bounce=False)
    run = deliver_again(stack, table, wanted, notification)
    if not run.settled:
        result.note_failure(groups, message_id, f"{run.end}: {run.text}", of_execution=run.end == execution.FAILED)
        return
    undelivered = any(one.get("status") in UNDELIVERED for one in run.outcomes)
    result.note(groups, STILL_UNDELIVERED if undelivered else REPLAYED)
