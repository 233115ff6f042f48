"""Hand a mail to the SMTP door, every byte as it is, and see what became of it."""

from __future__ import annotations

import smtplib
import time
from dataclasses import dataclass, field
from typing import Any

from mailroomctl.local.settings import LocalError, Settings

#: Statuses after which nothing more happens by itself.
FINAL = ("DELIVERED", "REJECTED", "QUARANTINED")


@dataclass(frozen=True)
class Sent:
    """A mail that the door took.

    Attributes:
        message_id: SES message id; None when every recipient was refused.
        recipients: recipients that the door took.
        refused: the door's answer to each other recipient.
    """

    message_id: str | None
    recipients: list[str]
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of one recipient's copy."""

    recipient: str
    status: str
    mailbox: str = ""
    place: str = ""
    detail: str = ""


def send(
    settings: Settings, sender: str, recipients: list[str], content: bytes, found: dict[str, str] | None = None
) -> Sent:
    """Send one mail through the SMTP door.

    Args:
        settings: the embedded AWS.
        sender: envelope sender; empty for a bounce.
        recipients: envelope recipients.
        content: the mail; not one byte of it is changed, hence BDAT.
        found: what SES is to find, e.g. ``{"spam": "FAIL"}``; ``notifications`` is how often it notifies.

    Raises:
        LocalError: the door does not answer, or refused the whole mail.
    """
    try:
        with smtplib.SMTP("127.0.0.1", settings.smtp_port, local_hostname="localhost", timeout=60) as smtp:
            smtp.ehlo()
            if found:
                _ok(smtp.docmd("XSES", " ".join(f"{name}={value}" for name, value in found.items())))
            plain = all(address.isascii() for address in [sender, *recipients])
            _ok(smtp.mail(sender, ["BODY=BINARYMIME", f"SIZE={len(content)}", *([] if plain else ["SMTPUTF8"])]))
            answers = {recipient: smtp.rcpt(recipient) for recipient in recipients}
            refused = {name: _text(answer) for name, answer in answers.items() if answer[0] != 250}
            taken = [name for name in answers if name not in refused]
            if not taken:
                return Sent(None, [], refused)
            smtp.putcmd(f"BDAT {len(content)} LAST")
            smtp.send(content)
            message_id = _ok(smtp.getreply()).split()[-1]
    except (OSError, smtplib.SMTPException) as error:
        raise LocalError(f"the SMTP door on 127.0.0.1:{settings.smtp_port} does not answer: {error}") from error
    return Sent(message_id, taken, refused)


def outcomes(settings: Settings, sent: Sent, deliveries_table: str) -> list[Outcome]:
    """What is known of each recipient by now; PENDING where nothing is."""
    rows = [Outcome(name, "REFUSED", detail=answer) for name, answer in sent.refused.items()]
    if sent.message_id is None:
        return rows
    items = settings.client("dynamodb").query(
        TableName=deliveries_table,
        KeyConditionExpression="message_id = :id",
        ExpressionAttributeValues={":id": {"S": sent.message_id}},
        ConsistentRead=True,
    )["Items"]
    seen = set()
    for item in items:
        for recipient in item.get("recipients", {}).get("SS") or [item["mailbox"]["S"]]:
            seen.add(recipient.lower())
            rows.append(_outcome(recipient, item))
    return rows + [Outcome(name, "PENDING") for name in sent.recipients if name.lower() not in seen]


def wait(settings: Settings, sent: Sent, seconds: float) -> list[Outcome]:
    """The outcomes, as soon as all are final, else those after ``seconds``."""
    table = settings.outputs()["DeliveriesTableName"]
    deadline = time.monotonic() + seconds
    before: list[Outcome] = []
    while True:
        rows = outcomes(settings, sent, table)
        final = all(row.status in (*FINAL, "REFUSED") for row in rows)
        # A group may lead to mailboxes whose turn is still to come: final is what is so twice in a row.
        if (final and (rows == before or sent.message_id is None)) or time.monotonic() > deadline:
            return rows
        before = rows
        time.sleep(0.3)


def _outcome(recipient: str, item: dict[str, Any]) -> Outcome:
    text = {name: value.get("S", "") for name, value in item.items()}
    place = ""
    if text.get("file_name"):
        folder = text.get("folder", "INBOX")
        subfolder = "" if folder == "INBOX" else f".{folder.replace('/', '.')}/"
        place = f"{text.get('path', '')}/{subfolder}new/{text['file_name']}"
    detail = " ".join(filter(None, [text.get("code"), text.get("error"), text.get("reason"), text.get("verdict")]))
    return Outcome(recipient, text.get("status", "?"), text.get("mailbox", ""), place, detail)


def _ok(answer: tuple[int, bytes]) -> str:
    if answer[0] != 250:
        raise LocalError(f"the SMTP door said: {_text(answer)}")
    return answer[1].decode(errors="replace")


def _text(answer: tuple[int, bytes]) -> str:
    return f"{answer[0]} {answer[1].decode(errors='replace')}"
