"""``mailroomctl trace``: what became of a message, or of all mail to an address, from a sender, with an outcome."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any

import typer
from mailroom.statuses import Status

from mailroomctl.console import Console
from mailroomctl.deliveries import raw_mail, subjects
from mailroomctl.deliveries.ids import full_id, short_id
from mailroomctl.deliveries.indexes import Period
from mailroomctl.deliveries.limit import Limit, say_what_is_left
from mailroomctl.deliveries.message import Copy, MessageFacts, message_in_full
from mailroomctl.deliveries.search import ROWS, Search, find
from mailroomctl.deliveries.table import DeliveriesTable, Record, outcome_row
from mailroomctl.directory.records_names import name_of
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.errors import CommandError
from mailroomctl.queues.depth import QUEUES, depth
from mailroomctl.stack import Stack
from mailroomctl.times import iso, parse_moment

_WIDE = (
    "received_at",
    "message_id",
    "source",
    "mailbox",
    "recipients",
    "outcome",
    "folder",
    "file",
    "attempts",
    "reason",
)
_MOST_IN_FULL = 20  # copies; of a group's mail a table says more


def trace(
    stack: Stack,
    console: Console,
    message_id: Annotated[
        str | None,
        typer.Argument(metavar="MESSAGE-ID", help="SES message id, or its beginning.", show_default=False),
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
            help="Received since: an age such as 2d, or a date (UTC). With --mailbox 7 days, and of all mail 1 day"
            " unless given; of FAILED, HELD and REJECTED all are shown then.",
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
    sender: Annotated[
        str | None,
        typer.Option("--from", help="Only of this envelope sender, or of this domain.", show_default=False),
    ] = None,
    limit: Limit = ROWS,
    show_subjects: Annotated[
        bool,
        typer.Option("--subjects", help=f"Read the subjects of the first {subjects.MOST} messages from the raw mail."),
    ] = False,
    wide: Annotated[bool, typer.Option("--wide", help="Show every column, however wide.")] = False,
) -> None:
    """Show what became of mail: a line for each message, or one message in full.

    Give a MESSAGE-ID, --mailbox or --rfc-message-id; for the mail of all mailboxes --status, --from, --since or
    several. Exit code 1 when nothing is on record of a MESSAGE-ID.
    """
    if message_id and (mailbox or rfc_message_id or sender or since or until):
        raise CommandError("give either a MESSAGE-ID, or --mailbox, --rfc-message-id, --from, --since and --until.")
    table = DeliveriesTable(stack)
    if message_id:
        records = _of_message(stack, table, message_id)
        chosen = [one for one in records if not status or one["status"] == status]
        if console.as_json or wide:
            _list(
                stack, console, chosen, show_subjects=show_subjects, wide=wide, empty="nothing of it has this outcome"
            )
        else:
            _in_full(stack, console, message_in_full(stack, table, records), status, show_subjects=show_subjects)
        return
    if not (mailbox or rfc_message_id or status or sender or since):
        raise CommandError("give a MESSAGE-ID, --mailbox, --rfc-message-id, --status, --from or --since.")
    records_under = name_of(DirectoryTable(stack), mailbox) if mailbox else None
    search = Search(mailbox, records_under, rfc_message_id, status, sender, Period(since, until))
    found = find(table, search, limit)
    say_what_is_left(console, found, limit)
    hint = f"; mailroomctl explain {mailbox} shows where its mail goes" if mailbox else ""
    empty = f"nothing since {found.older}" if found.older else f"nothing is on record{hint}"
    _list(stack, console, found.records, show_subjects=show_subjects, wide=wide, empty=empty)


def _of_message(stack: Stack, table: DeliveriesTable, text: str) -> list[Record]:
    """The records of the message with this id or its beginning."""
    records = table.of_message(text)
    if records:
        return records
    message_id = full_id(stack, text)
    records = table.of_message(message_id) if message_id != text else []
    if not records:
        raise CommandError(_nothing_on_record(stack, message_id))
    return records


def _list(
    stack: Stack, console: Console, records: Sequence[Record], *, show_subjects: bool, wide: bool, empty: str
) -> None:
    """For programs and with --wide a row for each record, else one for each message."""
    named = subjects.read_subjects(stack, records) if show_subjects else {}
    if show_subjects and len({one["message_id"] for one in records}) > subjects.MOST:
        console.warn(f"the subjects of the first {subjects.MOST} messages only; use --limit and --until for others")
    if console.as_json or wide:
        with_subject = [outcome_row(one) | _subject(named, one, show_subjects) for one in records]
        columns = (*_WIDE[:3], *(("subject",) if show_subjects else ()), *_WIDE[3:])
        console.table(columns, with_subject, empty=empty, wide=wide)
        return
    rows = [_line(console, list(group)) for _, group in groupby(records, key=itemgetter("message_id"))]
    if show_subjects:
        rows = [row | {"subject": named.get(row["key"], "")} for row in rows]
    columns = ("received", "outcome", "from", "subject" if show_subjects else "to", "id")
    console.table(columns, rows, empty=empty, uncut=("received", "outcome", "id"))


def _line(console: Console, records: Sequence[Record]) -> dict[str, Any]:
    """One message of a list: how often each outcome, and for whom."""
    first = records[0]
    counts = Counter(one["status"] for one in records)
    outcome = ", ".join(f"{status} {number}" if len(records) > 1 else status for status, number in counts.items())
    more = f" +{len(records) - 1}" if len(records) > 1 else ""
    return {
        "key": first["message_id"],
        "received": str(first.get("received_at") or "")[:16].replace("T", " "),
        "outcome": outcome,
        "from": first.get("source"),
        "to": f"{first['mailbox']}{more}",
        "id": short_id(first["message_id"]) if console.narrow else first["message_id"],
    }


def _subject(named: dict[str, str], record: Record, wanted: bool) -> dict[str, str | None]:
    return {"subject": named.get(record["message_id"])} if wanted else {}


def _in_full(
    stack: Stack, console: Console, facts: MessageFacts, status: Status | None, *, show_subjects: bool
) -> None:
    stored = f"s3://{facts.bucket}/{facts.key}"
    about: dict[str, Any] = {
        "message": facts.message_id,
        "received": facts.received_at,
        "from": facts.source,
        "message-id": facts.rfc_message_id,
    }
    copies = [one for one in facts.copies if not status or one.record["status"] == status]
    if show_subjects:
        named = subjects.read_subjects(stack, [one.record for one in facts.copies[:1]])
        about["subject"] = named.get(facts.message_id)
    about["raw mail"] = stored if facts.stored_at else f"{stored} is gone"
    if facts.bounce:
        about["bounce"] = facts.bounce["status"]
    console.record(about)
    if len(copies) > _MOST_IN_FULL:
        console.say("")
        console.table(("mailbox", "outcome", "folder", "attempts", "reason"), [one.row for one in copies], empty="")
        return
    for one in copies:
        console.say("")
        console.say(f"{one.row['outcome']}  {one.row['mailbox']}", outcome=one.row["outcome"])
        console.record(_copy(one))


def _copy(one: Copy) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for way in one.ways:
        shown.setdefault("  for", []).append(_way(one, way.recipient, way.addresses, way.rule))
    if not one.ways:
        shown["  for"] = one.row["recipients"]
    shown["  for"] = "; ".join(shown["  for"])
    if one.row["file"]:
        shown |= {"  folder": one.row["folder"], "  file": one.row["file"], "  size": one.row["size"]}
    if one.row["attempts"]:
        shown["  attempts"] = one.row["attempts"]
    shown["  times"] = "; ".join(f"{step.at} {step.what}" for step in one.steps)
    if one.row["reason"]:
        shown["  reason"] = one.row["reason"]
    return shown


def _way(one: Copy, recipient: str, addresses: Sequence[str], rule: str) -> str:
    """The recipient, with the rule where it is not the mailbox itself."""
    if len(addresses) > 1:
        return f"{recipient} → {' → '.join(addresses[1:])} ({rule.partition(': ')[2] or rule})"
    if addresses or one.record["mailbox"] == recipient:
        return recipient
    return f"{recipient} (the directory leads elsewhere now)"


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
