"""One message from outside into the mailbox, with the time of each step.

SES sends it as any other sender's, so that it takes the whole way: MX record, receipt rule, bucket, topic, queue, pipe,
workflow, file. On the embedded AWS the local SMTP server takes it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailroom.statuses import FINAL, SAFE, Status

from mailroomctl.addresses import normalised
from mailroomctl.deliveries.indexes import outcomes
from mailroomctl.deliveries.raw_mail import stored_at, usual_key
from mailroomctl.deliveries.table import BOUNCE, DeliveriesTable, Record, outcome_row
from mailroomctl.doctor.findings import Finding, failure, passed, warning
from mailroomctl.doctor.patient import Patient
from mailroomctl.errors import CommandError

#: Seconds between two looks.
POLL = 1.0
_SKEW = timedelta(minutes=2)  # between this machine's clock and SES's
_SUBJECT = "Mailroom's doctor sends a test message"
_TEXT = "Sent by mailroomctl doctor --send-test. It may be deleted.\n"


@dataclass(frozen=True)
class Trial:
    """What to send: addresses, the seconds to wait for it, and the port of the local SMTP server."""

    recipient: str
    sender: str
    wait: float
    smtp_port: int


@dataclass(frozen=True)
class _Sent:
    id: str
    """Of the sent message, by which SES knows it; on the embedded AWS that of the received one."""
    asked: datetime
    taken: datetime


def sender_for(patient: Patient, recipient: str) -> str:
    """The address that a test message comes from, where none is given: a domain that receives is verified."""
    return patient.parameter("BounceSender") or f"postmaster@{recipient.rpartition('@')[2]}"


def follow(patient: Patient, message: Trial, tell: Callable[[str], None]) -> Iterator[Finding]:
    """Send a message and wait until it is in its mailboxes; ``tell`` gets what is waited for."""
    asked = datetime.now(UTC)
    try:
        sent = _Sent(_send(patient, message), asked, datetime.now(UTC))
    except _RefusedError as refused:
        yield failure(
            f"the message was not sent: {refused}",
            "this says nothing of the mail of others; see the checks above",
            *_helps(patient, message),
        )
        return
    yield passed(f"{_at(sent, sent.taken)} {'the SMTP server' if patient.embedded else 'SES'} has taken it: {sent.id}")
    records = _wait(patient, message, sent, tell)
    if records:
        yield from _received(patient, sent, records[0])
    for record in records:
        yield _outcome(sent, record)
    if not records:
        yield failure(
            f"nothing is on record of it after {message.wait:g} s",
            "it is on its way to SES, was refused there, or waits before the workflow; the checks above say where",
            "mailroomctl status",
            f"mailroomctl trace --mailbox {message.recipient} --since 10m",
        )


def _helps(patient: Patient, message: Trial) -> tuple[str, ...]:
    """Commands that lead further where a message was refused."""
    if patient.embedded:
        return (
            f"mailroomctl explain {message.recipient}",
            f"mailroomctl doctor --send-test {message.recipient} --smtp-port PORT",
        )
    return (
        f"aws sesv2 get-email-identity --email-identity {message.sender.rpartition('@')[2]}",
        "mailroomctl doctor --send-test ADDRESS --from VERIFIED-ADDRESS",
    )


class _RefusedError(Exception):
    """It was not sent; the text says why."""


def _send(patient: Patient, message: Trial) -> str:
    if patient.embedded:
        return _to_smtp_server(message)
    from botocore.exceptions import ClientError

    try:
        answer = patient.ask(
            "ses:SendEmail",
            patient.client("sesv2").send_email,
            FromEmailAddress=message.sender,
            Destination={"ToAddresses": [message.recipient]},
            Content={"Simple": {"Subject": {"Data": _SUBJECT}, "Body": {"Text": {"Data": _TEXT}}}},
        )
    except ClientError as error:
        raise _RefusedError(error.response["Error"].get("Message") or error.response["Error"]["Code"]) from None
    return str(answer["MessageId"])


def _to_smtp_server(message: Trial) -> str:
    from pathlib import Path

    from mailroomctl.local.send import send
    from mailroomctl.local.settings import Settings

    settings = Settings(state=Path.cwd(), smtp_port=message.smtp_port)
    content = (
        f"From: {message.sender}\r\nTo: {message.recipient}\r\nSubject: {_SUBJECT}\r\n"
        f"Message-ID: <{time.time_ns()}.doctor@mailroom.invalid>\r\n\r\n{_TEXT}"
    )
    try:
        sent = send(settings, message.sender, [message.recipient], content.encode())
    except CommandError as error:
        raise _RefusedError(str(error)) from None
    if sent.message_id is None:
        raise _RefusedError(", ".join(sent.refused.values()))
    return sent.message_id


def _wait(patient: Patient, message: Trial, sent: _Sent, tell: Callable[[str], None]) -> list[Record]:
    """The records of the message as soon as each has an outcome, else those after the wait."""
    table = DeliveriesTable(patient.stack)
    deadline = time.monotonic() + message.wait
    tell("waiting for the message")
    before: list[Record] = []
    while True:
        records = [one for one in _records(patient, table, message, sent) if one["mailbox"] != BOUNCE]
        ended = bool(records) and all(one["status"] in FINAL for one in records)
        # A group may lead to mailboxes whose turn is still to come: the end is what is so twice in a row.
        if (ended and records == before) or time.monotonic() > deadline:
            return records
        before = records
        time.sleep(POLL)


def _records(patient: Patient, table: DeliveriesTable, message: Trial, sent: _Sent) -> list[Record]:
    if patient.embedded:
        return table.of_message(sent.id)
    # SES gives what it sends an envelope sender and a Message-ID that begin with its id.
    rows = outcomes(table, sent.asked - _SKEW, datetime.now(UTC) + _SKEW)
    wanted = normalised(message.recipient)
    likely = (one for one in rows if _is_sender(one, sent) or one["mailbox"] == wanted)
    for record in table.in_full(likely):
        if _is_sender(record, sent) or str(record.get("rfc_message_id", "")).startswith(f"<{sent.id}@"):
            return table.of_message(record["message_id"])
    return []


def _is_sender(row: Record, sent: _Sent) -> bool:
    return str(row.get("source", "")).startswith(f"{sent.id}@")


def _received(patient: Patient, sent: _Sent, record: Record) -> Iterator[Finding]:
    received = datetime.fromisoformat(record["received_at"])
    yield passed(f"{_at(sent, received)} SES has received it: {record['message_id']}")
    key = usual_key(patient.stack, record["message_id"])
    if stored := stored_at(patient.stack, patient.bucket, key):
        yield passed(f"{_at(sent, stored, digits=0)} it is stored: s3://{patient.bucket}/{key}")
    if claimed := record.get("first_claimed_at"):
        moment = datetime.fromtimestamp(int(claimed), UTC)
        yield passed(f"{_at(sent, moment, digits=0)} the workflow has it")


def _outcome(sent: _Sent, record: Record) -> Finding:
    row = outcome_row(record)
    trace = f"mailroomctl trace {record['message_id']}"
    if row["outcome"] == Status.DELIVERED:
        return passed(f"{_at(sent, datetime.fromisoformat(row['delivered_at']))} it is in the mailbox: {row['file']}")
    seen = f"{row['mailbox']}: {row['outcome']}{f' ({reason})' if (reason := row['reason']) else ''}"
    if row["outcome"] in SAFE:
        return warning(seen, "it arrived, and not in the mailbox", trace)
    return failure(seen, "it did not arrive", trace, f"mailroomctl explain {row['mailbox']}")


def _at(sent: _Sent, moment: datetime, digits: int = 1) -> str:
    """The seconds since it was sent; some times are whole seconds, and clocks differ."""
    return f"{max(0.0, (moment - sent.asked).total_seconds()):.{digits}f} s:"
