"""What became of a mail, as the deliveries table tells."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from mailroom.addresses import parse
from mailroom.errors import InvalidAddress
from rich.table import Table

from mailroomctl.local.send import Sent
from mailroomctl.local.settings import Settings

DELIVERED, REJECTED, QUARANTINED = "DELIVERED", "REJECTED", "QUARANTINED"
#: The door did not take it; nothing is known of it yet.
REFUSED, PENDING = "REFUSED", "PENDING"
#: What the workflow ends a copy with; after these and a refusal nothing more happens by itself.
SETTLED = (DELIVERED, REJECTED, QUARANTINED)
FINAL = (*SETTLED, REFUSED)


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
    table = settings.outputs()["DeliveriesTableName"]
    deadline = time.monotonic() + seconds
    before: list[Outcome] = []
    while True:
        rows = outcomes(settings, sent, table)
        final = all(row.outcome in FINAL for row in rows)
        # A group may lead to mailboxes whose turn is still to come: final is what is so twice in a row.
        if (final and rows == before) or time.monotonic() > deadline:
            return rows
        before = rows
        time.sleep(0.2)


def outcomes(settings: Settings, sent: Sent, deliveries_table: str) -> list[Outcome]:
    """What is known of each recipient by now, in the order in which they were given."""
    rows = [Outcome(name, REFUSED, detail=answer) for name, answer in sent.refused.items()]
    items = []
    if sent.message_id is not None:
        items = settings.client("dynamodb").query(
            TableName=deliveries_table,
            KeyConditionExpression="message_id = :id",
            ExpressionAttributeValues={":id": {"S": sent.message_id}},
            ConsistentRead=True,
        )["Items"]
    given = {_normal(name): name for name in sent.recipients}
    known = {
        (_normal(name), item["mailbox"]["S"]): item
        for item in items
        for name in item.get("recipients", {}).get("SS") or [item["mailbox"]["S"]]
    }
    rows += [_outcome(given.get(recipient, recipient), item) for (recipient, _), item in known.items()]
    seen = {recipient for recipient, _ in known}
    rows += [Outcome(name, PENDING) for normal, name in given.items() if normal not in seen]
    order = [*sent.recipients, *sent.refused]
    return sorted(rows, key=lambda row: order.index(row.recipient) if row.recipient in order else len(order))


def outcome_table(rows: list[tuple[str, Outcome]]) -> Table:
    """Message, recipient, outcome and file, one line per copy."""
    table = Table("message", "recipient", "outcome")
    table.add_column("file", overflow="fold")
    for name, row in rows:
        style = None if row.outcome in (DELIVERED, QUARANTINED) else "yellow" if row.outcome in FINAL else "red"
        table.add_row(name, row.recipient, f"{row.outcome} {row.detail}".strip(), row.file, style=style)
    return table


def _outcome(recipient: str, item: dict[str, Any]) -> Outcome:
    text = {name: value.get("S", "") for name, value in item.items()}
    file = ""
    if text.get("file_name"):
        folder = text.get("folder") or "INBOX"
        subfolder = "" if folder == "INBOX" else f".{folder.replace('/', '.')}/"
        file = f"{text.get('path', '')}/{subfolder}new/{text['file_name']}"
    detail = " ".join(filter(None, [text.get("code"), text.get("error"), text.get("reason"), text.get("verdict")]))
    return Outcome(recipient, text.get("status", "?"), text.get("mailbox", ""), file, detail)


def _normal(address: str) -> str:
    try:
        return str(parse(address).text)
    except InvalidAddress:
        return address
