"""What became of a mail, as the deliveries table tells."""

import time
from dataclasses import dataclass

from mailroom.statuses import FINAL, SAFE
from rich.table import Table

from mailroomctl.addresses import normalised
from mailroomctl.deliveries.table import DeliveriesTable, Record, outcome_row
from mailroomctl.local.send import Sent
from mailroomctl.local.settings import Settings

#: The server did not take it; nothing is known of it yet.
REFUSED, PENDING = "REFUSED", "PENDING"
_ENDED = FINAL | {REFUSED}


@dataclass(frozen=True)
class Outcome:
    """What became of one recipient's copy; ``file`` is below the mail root."""

    recipient: str
    outcome: str
    mailbox: str = ""
    file: str = ""
    detail: str = ""


def wait(settings: Settings, sent: Sent, seconds: float) -> list[Outcome]:
    """The outcomes of a mail as soon as all are final, else those after ``seconds``."""
    table = DeliveriesTable(settings.stack())
    deadline = time.monotonic() + seconds
    before: list[Outcome] = []
    while True:
        rows = outcomes(table, sent)
        final = all(row.outcome in _ENDED for row in rows)
        # A group may lead to mailboxes whose turn is still to come: final is what is so twice in a row.
        if (final and rows == before) or time.monotonic() > deadline:
            return rows
        before = rows
        time.sleep(0.2)


def outcomes(table: DeliveriesTable, sent: Sent) -> list[Outcome]:
    """What is known of each recipient by now, in the order in which they were given."""
    rows = [Outcome(name, REFUSED, detail=answer) for name, answer in sent.refused.items()]
    records = table.of_message(sent.message_id) if sent.message_id is not None else []
    given = {normalised(name): name for name in sent.recipients}
    known = {
        (normalised(name), record["mailbox"]): outcome_row(record)
        for record in records
        for name in record.get("recipients") or [record["mailbox"]]
    }
    rows += [_outcome(given.get(recipient, recipient), row) for (recipient, _), row in known.items()]
    seen = {recipient for recipient, _ in known}
    rows += [Outcome(name, PENDING) for normal, name in given.items() if normal not in seen]
    order = [*sent.recipients, *sent.refused]
    return sorted(rows, key=lambda row: order.index(row.recipient) if row.recipient in order else len(order))


def outcome_table(rows: list[tuple[str, Outcome]]) -> Table:
    """Message, recipient, outcome and file, one line per copy."""
    table = Table("message", "recipient", "outcome")
    table.add_column("file", overflow="fold")
    for name, row in rows:
        style = None if row.outcome in SAFE else "yellow" if row.outcome in _ENDED else "red"
        table.add_row(name, row.recipient, f"{row.outcome} {row.detail}".strip(), row.file, style=style)
    return table


def _outcome(recipient: str, row: Record) -> Outcome:
    return Outcome(recipient, row["outcome"], row["mailbox"], row["file"] or "", row["reason"])
