"""ValidateEvent: is this received mail, whose is it, and may we read it?"""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from mailroom import notification, settings, state
from mailroom.notification import Ignored
from mailroom.observability import logger, metrics, observed

config = settings.load(settings.ValidateEventSettings)


@logger.inject_lambda_context(clear_state=True)
@observed
def handler(event: Any, context: LambdaContext) -> state.Received | state.Ignored:
    """Turn an event into ``{"kind": "mail", …}`` or ``{"kind": "ignored", "reason"}``; no AWS call is made.

    Raises ``InvalidEvent`` and ``ForbiddenObject``, both permanent.
    """
    received = notification.parse(event)
    if isinstance(received, Ignored):
        logger.info("Ignored", extra={"reason": received.reason})
        metrics.add("Messages", 1, Outcome="IGNORED")
        return received.to_state()
    logger.set_correlation_id(received.message_id)
    received.check_object(config.mail_bucket, (config.mail_key_prefix, config.quarantine_prefix))
    logger.debug("Envelope", extra={"source": received.source, "recipients": list(received.recipients)})
    logger.info("Mail received", extra={"recipients": len(received.recipients), "verdicts": dict(received.verdicts)})
    metrics.add("Messages", 1, Outcome="RECEIVED")
    return received.to_state(
        now=int(time.time()),
        lease_seconds=config.lease_seconds,
        retention_days=config.record_days,
        concurrency=config.copies_at_once,
        bounces=config.bounce_sender != "",
    )
