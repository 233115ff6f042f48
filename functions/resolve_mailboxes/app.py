"""ResolveMailboxes: from envelope recipients to mailboxes and folders, or to the reason why there is none."""

from collections import Counter
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from mailroom import settings
from mailroom.months import with_month
from mailroom.observability import logger, metrics, observed
from mailroom.resolve.directory import Directory
from mailroom.resolve.mailboxes import Rules, as_on_record, resolve_mailboxes
from mailroom.resolve.resolution import Request

config = settings.load(settings.ResolveMailboxesSettings)
# One quick second try: longer outages are the workflow's business. 5 s is the function's timeout.
client = boto3.client(
    "dynamodb",
    config=Config(
        connect_timeout=config.directory_connect_seconds,
        read_timeout=config.directory_read_seconds,
        retries={"total_max_attempts": config.sdk_attempts, "mode": "standard"},
    ),
)
directory = Directory(
    config.directory_table,
    client,
    cache_seconds=config.cache_seconds,
    cache_negative_seconds=config.cache_negative_seconds,
    cache_entries=config.cache_entries,
    attempts=config.directory_attempts,
    wait_seconds=config.directory_wait_milliseconds / 1000,
)
rules = Rules(config.mailbox_path_template, config.fan_out_limit, config.verdict_policy)


@logger.inject_lambda_context(correlation_id_path="message.id", clear_state=True)
@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Give the event with ``deliveries``, one per mailbox, and ``undelivered``, one per recipient without any.

    Raises ``FanOutLimitExceeded`` (permanent) and ``DirectoryUnavailable`` (temporary).
    """
    directory.take_usage()
    resolution = resolve_mailboxes(Request.from_state(event), directory, rules)
    # Problems on the way of recipients that still arrive: who they are is the directory's business, not the log's.
    problems = sorted({problem.code for problem in resolution.problems})
    undelivered = Counter(one.status for one in resolution.undelivered)
    rejected, held = undelivered["REJECTED"], undelivered["HELD"]
    counts = {"deliveries": len(resolution.deliveries), "rejected": rejected, "held": held}
    logger.info("Resolved", extra={**counts, "problems": len(resolution.problems), "problem_codes": problems})
    logger.debug("Mailboxes", extra={"mailboxes": {one.mailbox: one.path for one in resolution.deliveries}})
    usage = directory.take_usage()
    metrics.add("KeysRemembered", usage.remembered)
    metrics.add("KeysRead", usage.read)
    if usage.calls.used:
        metrics.add("DirectoryTime", usage.calls.milliseconds, "Milliseconds")
    if quarantined := sum(one.action == "quarantine" for one in resolution.deliveries):
        metrics.add("Copies", quarantined, Outcome="QUARANTINED")
    if rejected:
        metrics.add("Recipients", rejected, Outcome="REJECTED")
    if held:
        metrics.add("Recipients", held, Outcome="HELD")
    envelope = as_on_record(event.get("recipients") or ())
    message = with_month(event.get("message") or {})
    return {**event, "message": message, "recipients": envelope, **resolution.to_state()}
