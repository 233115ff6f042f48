"""A message's notification, rebuilt from what is on record of it."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from mailroomctl.deliveries.table import BOUNCE, Record
from mailroomctl.errors import CommandError


def notification_from_records(
    records: Sequence[Record],
    release: Iterable[str] = (),
    *,
    restore: Iterable[str] = (),
    key: str | None = None,
    bounce: bool = True,
) -> dict[str, Any]:
    """Return the SES notification of one message, rebuilt from its records.

    ``release`` are mailboxes whose quarantine is lifted, ``restore`` those whose copy is lost; ``key`` is where the raw
    mail is, when not where it was. Without ``bounce`` no sender is told of a rejection. The recipients are those of the
    records, the verdicts those that the records name: one that changed no delivery is not on record. Raises
    ``CommandError`` when a record does not say enough.
    """
    records = [record for record in records if record.get("mailbox") != BOUNCE]
    if not records:
        raise CommandError("there is no record to rebuild the notification from.")
    first = records[0]
    if missing := [name for name in ("message_id", "bucket", "key", "received_at") if not first.get(name)]:
        raise CommandError(f"the record of {first.get('message_id')} has no {', '.join(missing)}.")
    recipients = sorted({recipient for record in records for recipient in record.get("recipients", ())})
    if not recipients:
        raise CommandError(f"the records of {first['message_id']} have no recipients.")
    receipt: dict[str, Any] = {
        "timestamp": first["received_at"],
        "recipients": recipients,
        "action": {"type": "S3", "bucketName": first["bucket"], "objectKey": key or first["key"]},
    }
    for record in records:
        for name, value in _findings(record):
            if name == "dmarc-policy":
                receipt["dmarcPolicy"] = value
            else:
                receipt[f"{name}Verdict"] = {"status": value}
    mail: dict[str, Any] = {
        "timestamp": first["received_at"],
        "source": first.get("source") or "",
        "messageId": first["message_id"],
        "destination": recipients,
    }
    if first.get("rfc_message_id"):
        mail["commonHeaders"] = {"messageId": first["rfc_message_id"]}
    notification = {"notificationType": "Received", "mail": mail, "receipt": receipt}
    ours: dict[str, Any] = {}
    if released := sorted(release):
        ours["release"] = released
    if restored := sorted(restore):
        ours["restore"] = restored
    if not bounce:
        ours["no_bounce"] = True
    return notification | ({"mailroom": ours} if ours else {})


def _findings(record: Record) -> list[tuple[str, str]]:
    """Return what SES's checks found, as far as a policy acted on it."""
    if "findings" in record:
        terms = [term.partition("=") for term in record["findings"]]
        return [(name, value) for name, _, value in terms]
    return _findings_in_words(record)


def _findings_in_words(record: Record) -> list[tuple[str, str]]:
    """Read a record of a version that kept no list, for as long as the table may hold one (``RecordRetentionDays``).

    The sentences are "virus=FAIL, dmarc=FAIL (p=reject); policy=quarantine", in the verdict or, of a copy that a policy
    refused, in the reason.
    """
    sentences = f"{record.get('verdict') or ''} {record.get('reason') or ''}"
    found: list[tuple[str, str]] = []
    for check, status, published in re.findall(
        r"\b(spam|virus|spf|dkim|dmarc)=([A-Z_]+)(?: \(p=([a-z]+)\))?", sentences
    ):
        found.append((check, status))
        if published:
            found.append(("dmarc-policy", published))
    return found
