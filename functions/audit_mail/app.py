"""AuditMail: is any mail of the last days lost? It reads, counts and repairs nothing."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from mailroom import settings
from mailroom.audit.findings import compare
from mailroom.audit.notes import Notes
from mailroom.audit.reading import Period, objects, read, record_notes, records
from mailroom.observability import logger, metrics, observed

#: MailStillWaitsAlarm looks at quarters of an hour, from six to seven and the quarter after.
SAID_SECONDS, SAID_EVERY_SECONDS = 75 * 60, 5 * 60

config = settings.load(settings.AuditMailSettings)
s3_client = boto3.client("s3")
dynamodb_client = boto3.client("dynamodb")


@logger.inject_lambda_context(clear_state=True)
@observed
def handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Give the number of findings by kind, and count them; an audit that does not come to its end counts as one.

    That it has begun is said at once, for as long as the alarm looks: where nobody says so, no audit has begun.

    Raises only what nobody has foreseen; that an audit was too long for the function is said in good time.
    """
    metrics.repeat("AuditFindings", 0, SAID_SECONDS, SAID_EVERY_SECONDS)
    file = Path(config.audit_file)
    file.unlink(missing_ok=True)
    ends = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - config.audit_reserve_seconds
    try:
        found = _audit(file, ends)
    except BaseException:
        metrics.add("AuditFindings", 1)
        raise
    finally:
        file.unlink(missing_ok=True)
    logger.info("Audited", extra={"findings": dict(found)})
    metrics.add("AuditFindings", found.total())
    return {"findings": dict(found)}


def _audit(file: Path, ends: float) -> Counter[str]:
    """Look at whole days (UTC), up to the last midnight: nothing of them is on its way any more."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    period = Period(midnight - timedelta(days=config.audit_days), midnight)

    def in_time(rows: int) -> None:
        if time.monotonic() > ends:
            raise TimeoutError(f"after {rows} rows")

    def as_it_is(message_id: str) -> Any:
        in_time(0)
        return record_notes(dynamodb_client, config.deliveries_table, message_id)

    with Notes(file) as notes:
        streams = chain(
            [objects(s3_client, config.mail_bucket, config.mail_key_prefix)],
            records(dynamodb_client, config.deliveries_table, period),
        )
        read(notes, streams, in_time)
        return Counter(str(one.kind) for one in compare(notes, period, now, as_it_is))
