"""``mailroomctl trace``: what became of a message, or of all mail to an address."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from itertools import islice
from operator import itemgetter
from typing import Annotated

import typer
from mailroom.statuses import Status

from mailroomctl.addresses import normalised
from mailroomctl.console import Console
from mailroomctl.deliveries import raw_mail
from mailroomctl.deliveries.indexes import ATTENTION, Period, needing_attention, outcomes
from mailroomctl.deliveries.table import DeliveriesTable, Record, outcome_row
from mailroomctl.errors import CommandError
from mailroomctl.queues.depth import QUEUES, depth
from mailroomctl.stack import Stack
from mailroomctl.times import iso, parse_moment

_COLUMNS = ("received_at", "message_id", "mailbox", "recipients", "outcome", "folder", "file", "attempts", "reason")
_EVER = "0000"
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


def trace(
    stack: Stack,
    console: Console,
    message_id: Annotated[
        str | None, typer.Argument(metavar="MESSAGE-ID", help="SES message id.", show_default=False)
    ] = None,
    mailbox: Annotated[
        str | None,
        typer.Option(help="All mail to this mailbox, and to this address where it was rejected.", show_default=False),
    ] = None,
    rfc_message_id: Annotated[
        str | None,
        typer.Option(
            help="Message-ID header, as senders know it. Without --mailbox it reads every record.", show_default=False
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=parse_moment,
            metavar="WHEN",
            help="Received since: an age such as 2d, or a date (UTC). With --mailbox 7 days, and with --status alone 1"
            " day unless given; of FAILED, HELD and REJECTED all are shown then.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(parser=parse_moment, metavar="WHEN", help="Received until.", show_default=False),
    ] = None,
    status: Annotated[
        Status | None, typer.Option(case_sensitive=False, help="Only with this outcome.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(help="Show at most so many.", min=1)] = 100,
) -> None:
    """Show every outcome on record: mailbox, folder, file, attempts and reason.

    Give a MESSAGE-ID, --mailbox or --rfc-message-id; for the mail of all mailboxes --status, --since or both. Exit code
    1 when nothing is on record of a MESSAGE-ID.
    """
    if message_id and (mailbox or rfc_message_id):
        raise CommandError("give either a MESSAGE-ID, or --mailbox and --rfc-message-id.")
    table = DeliveriesTable(stack)
    latest = iso(until or datetime.now(UTC) + timedelta(days=1))
    if message_id:
        found: Iterable[Record] = table.of_message(message_id)
        if not found:
            raise CommandError(_nothing_on_record(stack, message_id))
    elif mailbox:
        found = _of_mailbox(table, mailbox, rfc_message_id, since, latest)
    elif rfc_message_id:
        found = table.of_rfc_message_id(_bracketed(rfc_message_id), iso(since) if since else _EVER, latest)
    elif status or since:
        found = _of_all(table, status, Period(since, until), limit)
    else:
        raise CommandError("give a MESSAGE-ID, --mailbox, --rfc-message-id, --status or --since.")
    rows = [outcome_row(record) for record in islice(_with(found, status), limit + 1)]
    if len(rows) > limit:
        rows.pop()
        console.warn(f"there are more than {limit}: use --since, --until, --status or --limit")
    hint = f"; mailroomctl explain {mailbox} shows where its mail goes" if mailbox else ""
    console.table(_COLUMNS, rows, empty=f"nothing is on record{hint}")


def _of_mailbox(
    table: DeliveriesTable, mailbox: str, rfc_message_id: str | None, since: datetime | None, latest: str
) -> Iterator[Record]:
    """Look at the last week, unless ``since`` or a Message-ID says what is meant."""
    if not since and not rfc_message_id:
        since = datetime.now(UTC) - _WEEK
    found = table.of_mailbox(normalised(mailbox), iso(since) if since else _EVER, latest)
    if not rfc_message_id:
        return found
    wanted = _bracketed(rfc_message_id)
    return (record for record in found if record.get("rfc_message_id") == wanted)


def _of_all(table: DeliveriesTable, status: Status | None, period: Period, limit: int) -> Iterator[Record]:
    """Ask the indexes, then for the records of their rows; the newest come first."""
    period.check()
    if status not in ATTENTION:
        since = period.since or period.latest - _DAY
        return table.in_full(outcomes(table, since, period.latest))
    newest = nlargest(limit + 1, needing_attention(table, status, period), key=itemgetter("received_at"))
    return table.in_full(newest)


def _with(found: Iterable[Record], status: Status | None) -> Iterator[Record]:
    return (record for record in found if not status or record["status"] == status)


def _nothing_on_record(stack: Stack, message_id: str) -> str:
    """Say where else the message may be."""
    stored = raw_mail.stored_at(stack, stack.output("MailBucketName"), raw_mail.usual_key(stack, message_id))
    if stored is None:
        hint = " For an address use --mailbox, for a Message-ID --rfc-message-id." if "@" in message_id else ""
        return f"nothing is on record of {message_id}, and there is no raw mail of it in the bucket.{hint}"
    waiting = []
    for queue, name in QUEUES.items():
        if count := sum(depth(stack.sqs, stack.output(f"{queue}QueueUrl"))):
            waiting.append(f"{count} in the {name}")
    where = f"it may be one of {', '.join(waiting)}" if waiting else "its notification is in no queue: replay it"
    return f"nothing is on record of {message_id}; its raw mail was stored at {iso(stored)}, and {where}."


def _bracketed(rfc_message_id: str) -> str:
    """Notifications hold the header as it is, with its angle brackets, which shells and people leave out."""
    text = rfc_message_id.strip()
    return text if text.startswith("<") else f"<{text}>"
