"""WriteMailbox: one recipient's copy of a message into its Maildir."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from mailroom import maildir, settings
from mailroom.delivery import Delivery, written_state
from mailroom.mail_store import MailStore, s3_client
from mailroom.observability import logger, metrics, observed
from mailroom.state import Written
from mailroom.stopwatch import Stopwatch

config = settings.load(settings.WriteMailboxSettings)
mail_store = MailStore(
    config.mail_bucket,
    client=s3_client(
        connect_timeout=config.raw_mail_connect_seconds,
        read_timeout=config.raw_mail_read_seconds,
        attempts=config.sdk_attempts,
    ),
    resumes=config.raw_mail_resumes,
    wait_seconds=config.raw_mail_wait_milliseconds / 1000,
)


@logger.inject_lambda_context(correlation_id_path="message.id", clear_state=True)
@observed
def handler(event: dict[str, Any], context: LambdaContext) -> Written | dict[str, str]:
    """Write the copy and give ``{"file_name", "size", "folder", "already_delivered"}``.

    The event ``{"probe": true}`` tries instead whether a delivery would work, and leaves nothing behind.

    Raises ``InvalidEvent``, ``ForbiddenObject``, ``MailboxPathRejected``, ``MessageMissing``, ``MessageUnreadable``
    (permanent), ``StorageUnavailable``, ``MessageUnavailable``, ``DeadlinePassed`` and ``ClockWrong`` (temporary).
    """
    if event.get("probe") is True:
        probed = maildir.probe(config.mail_root)
        logger.info("Probed", extra=probed._asdict())
        return {"probe": "ok"}
    delivery = Delivery.from_state(event, request_id=context.aws_request_id)
    logger.info("Writing", extra={"attempts": delivery.attempts, "recovering": delivery.recovering})
    whole, reading = Stopwatch(), Stopwatch()
    with whole:
        delivered = delivery.write(
            mail_store,
            config.mail_root,
            publish_seconds=config.publish_seconds,
            patience=config.storage_patience_milliseconds / 1000,
            reading=reading,
        )
    where = {"path": delivery.path, "folder": delivered.folder, "file_name": delivered.file_name}
    logger.debug("Copy", extra={"mailbox": delivery.mailbox, "recipients": list(delivery.recipients), **where})
    age = (datetime.now(UTC) - delivery.received_at).total_seconds()
    metrics.add("Copies", 1, Outcome="RECOVERED" if delivered.already_delivered else "DELIVERED")
    metrics.add("BytesDelivered", delivered.size, "Bytes")
    metrics.add("AgeAtDelivery", round(age, 3), "Seconds")
    metrics.add("StorageTime", round(whole.milliseconds - reading.milliseconds, 1), "Milliseconds")
    if reading.used:
        metrics.add("RawMailTime", reading.milliseconds, "Milliseconds")
    logger.info("Written", extra={"size": delivered.size, "already_delivered": delivered.already_delivered})
    return written_state(delivered)
