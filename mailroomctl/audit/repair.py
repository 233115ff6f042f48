"""Replay what an audit has found missing: each message once, for the recipients that are without an outcome."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, takewhile
from operator import attrgetter
from typing import Any

from mailroom.audit.findings import Kind, without_outcome
from mailroom.audit.notes import Finding, Notes, RecordNote
from mailroom.statuses import Status

from mailroomctl.audit.envelope import envelope
from mailroomctl.audit.look import read_waiting
from mailroomctl.console import Console, Progress
from mailroomctl.deliveries import execution
from mailroomctl.deliveries.replay import deliver_again, notification_for
from mailroomctl.deliveries.replay_many import ENOUGH_FAILURES, EXECUTIONS_AT_ONCE
from mailroomctl.deliveries.side_by_side import side_by_side
from mailroomctl.deliveries.table import BOUNCE, DeliveriesTable, Record
from mailroomctl.errors import CommandError
from mailroomctl.queues.in_flight import MessagesInFlight
from mailroomctl.queues.run_again import run_again
from mailroomctl.stack import Stack

REPLAYED = (Kind.LOST, Kind.UNANSWERED, Kind.OPEN, Kind.FAILED, Kind.HELD)
"""What a replay may mend; the queues' messages are run again."""

_WITHOUT_A_COPY = frozenset({Status.CLAIMED, Status.FAILED, Status.HELD})
_GO_ON = {
    Status.RELEASED: "mailroomctl quarantine release goes on with it",
    Status.RESTORING: "mailroomctl restore goes on with it",
}
_MOST_NAMED = 100


@dataclass(slots=True)
class Repair:
    """What became of the findings, by kind, and why the first ones are as they were."""

    repaired: int = 0
    left: int = 0
    reasons: list[tuple[str, str]] = field(default_factory=list)
    stopped: bool = False
    """Whether the last ones were not begun, because so many executions had failed."""
    _in_a_row: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, message_id: str, why: str = "", *, of_execution: bool = False) -> None:
        """Count a message; ``why`` it is as it was, empty when it is repaired."""
        with self._lock:
            if not why:
                self.repaired += 1
                self._in_a_row = 0
                return
            self.left += 1
            if len(self.reasons) < _MOST_NAMED:
                self.reasons.append((message_id, why))
            self._in_a_row += of_execution
            self.stopped |= self._in_a_row >= ENOUGH_FAILURES


def repair_queues(stack: Stack, console: Console, result: Repair) -> None:
    """Run again what waits in the dead-letter queue and the parked queue: nothing knows its recipients better."""
    for queue in ("DeadLetter", "Parked"):
        with MessagesInFlight(stack.sqs, stack.output(f"{queue}QueueUrl")) as in_flight:
            waiting = read_waiting(stack, console, in_flight, queue)
            with console.progress("replaying", len(waiting)) as progress:
                for one in takewhile(lambda _: not result.stopped, waiting):
                    in_flight.renew()
                    done = run_again(stack, in_flight, one)
                    result.note(one.message_id or one.message.id, done.result if done.left else "", of_execution=True)
                    progress.advance()


def repair_messages(stack: Stack, notes: Notes, result: Repair, progress: Progress) -> None:
    """Replay every message with such a finding; nobody gets a bounce, and copies that were made stay as they are."""
    from botocore.exceptions import BotoCoreError, ClientError

    table = DeliveriesTable(stack)
    _ = stack.s3, stack.stepfunctions, stack.outputs  # made here, because a session makes its clients one at a time

    def repair_one(findings: Sequence[Finding]) -> None:
        message_id = findings[0].message_id
        try:
            _repair(stack, table, findings, result)
        except CommandError as error:
            result.note(message_id, str(error))
        except (ClientError, BotoCoreError) as error:
            result.note(message_id, str(error), of_execution=True)
        progress.advance()

    messages = takewhile(lambda _: not result.stopped, _by_message(notes))
    for _done in side_by_side(repair_one, messages, EXECUTIONS_AT_ONCE):
        pass


def _by_message(notes: Notes) -> Iterator[list[Finding]]:
    for _, together in groupby(notes.findings(REPLAYED), key=attrgetter("message_id")):
        yield list(together)


def _repair(stack: Stack, table: DeliveriesTable, findings: Sequence[Finding], result: Repair) -> None:
    message_id = findings[0].message_id
    records = _records(table, message_id)
    if not records:
        given, wanted, records = _lost(stack, findings[0]), [], []
        recipients = given[0]["recipients"]
    else:
        given, wanted = records, _wanted(records)
        recipients = sorted({*_missing(records), *(one for record in wanted for one in record.get("recipients", ()))})
    if recipients:
        notification = notification_for(stack, message_id, given, recipients, bounce=False)
        run = deliver_again(stack, table, wanted, notification)
        if not run.settled:
            result.note(message_id, f"{run.end}: {run.text}", of_execution=run.end == execution.FAILED)
            return
    result.note(message_id, _still_open(_records(table, message_id)))


def _records(table: DeliveriesTable, message_id: str) -> list[Record]:
    return [one for one in table.of_message(message_id) if one["mailbox"] != BOUNCE]


def _wanted(records: Sequence[Record]) -> list[Record]:
    """The records without a copy that no execution works on."""
    now = time.time()
    return [one for one in records if one["status"] in _WITHOUT_A_COPY and not int(one.get("lease_until") or 0) >= now]


def _missing(records: Sequence[Record]) -> tuple[str, ...]:
    notes = [
        RecordNote(
            one["message_id"],
            one["mailbox"],
            one["status"],
            one.get("received_at", ""),
            tuple(one.get("recipients", ())),
            tuple(one.get("envelope", ())),
        )
        for one in records
    ]
    return without_outcome(notes)


def _still_open(records: Sequence[Record]) -> str:
    """Say what is not as it must be yet; nothing when all is."""
    if not records:
        return "nothing is on record even now"
    if missing := _missing(records):
        return f"nothing is on record of {', '.join(missing)} even now"
    wrong = [
        f"{one['mailbox']} is {one['status']} {one.get('entry') or one.get('error') or ''}".strip()
        for one in records
        if one["status"] in _WITHOUT_A_COPY or one["status"] in _GO_ON
    ]
    wrong += [remedy for status, remedy in _GO_ON.items() if any(one["status"] == status for one in records)]
    return "; ".join(wrong)


def _lost(stack: Stack, finding: Finding) -> list[dict[str, Any]]:
    """What would be on record if the notification had come, or the question to a person."""
    bucket = stack.output("MailBucketName")
    found = envelope(stack, bucket, finding.key, finding.message_id)
    if not found.certain:
        raise CommandError(found.question(finding.message_id))
    made_up = {"message_id": finding.message_id, "bucket": bucket, "key": finding.key}
    about = {"received_at": finding.received_at, "source": found.sender, "rfc_message_id": found.rfc_message_id}
    return [{**made_up, **about, "recipients": list(found.recipients)}]
