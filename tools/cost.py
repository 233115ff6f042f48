"""What Mailroom costs: ``python -m tools.cost``, from what was measured and a list of prices (``cost.json``).

For your own site, copy the file, put in what your dashboard says and your region's prices, and name it: ``python -m
tools.cost my.json``. docs/cost.md shows what comes out and says where each number is from; a test keeps it up to date.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FIGURES = Path(__file__).with_suffix(".json")
MILLION = 1_000_000
GB = 1_000_000_000
DAYS_OF_A_MONTH = 30.4
#: What Lambda and Step Functions bill: the functions' memory, and the smallest and the step of an Express workflow's.
FUNCTION_GB, WORKFLOW_GB, WORKFLOW_STEP_MS = 0.5, 0.0625, 100
#: What is left of a log after compression (CloudWatch's price page).
COMPRESSED = 0.15
LOGS = ("full", "metadata")
#: Users, and messages that each receives a month.
SITES = ((10, 1_000), (100, 1_000), (1_000, 1_000), (1_000, 10_000))

type Figures = Mapping[str, Any]


def per_million(price: Figures, measured: Figures, log: str) -> dict[str, float]:
    """Give what a million messages cost, by service, in USD."""
    size, copies = measured["message_octets"], measured["copies"]
    milliseconds = measured["validate_event_ms"] + measured["resolve_mailboxes_ms"]
    milliseconds += copies * measured["write_mailbox_ms"]
    billed = -(-measured["workflow_ms"] // WORKFLOW_STEP_MS) * WORKFLOW_STEP_MS / 1000
    log_gb = (measured["function_log_octets"] + measured["workflow_log_octets"][log]) / GB
    one = {
        "SES": price["ses_message"] + size // (256 * 1024) * price["ses_chunk_of_256_kib"],
        "S3": price["s3_put"]
        + copies * price["s3_get"]
        + _kept(size, measured["raw_mail_days"]) * price["s3_gb_month"],
        "SNS, SQS, pipe": price["sns_publish"] + 3 * price["sqs_request"] + price["pipe_request"],
        "Step Functions": price["express_execution"] + billed * WORKFLOW_GB * price["express_gb_second"],
        "Lambda": (2 + copies) * price["lambda_request"]
        + milliseconds / 1000 * FUNCTION_GB * price["lambda_gb_second"],
        "DynamoDB": copies * measured["write_units"] * price["dynamodb_write_unit"]
        + measured["read_units"] * price["dynamodb_read_unit"]
        + copies * _kept(measured["record_octets"], measured["record_days"]) * price["dynamodb_gb_month"],
        "EFS, writes": copies * size / GB * price["efs_write_gb"],
        "logs": log_gb * price["log_gb"]
        + COMPRESSED * log_gb * measured["log_days"] / DAYS_OF_A_MONTH * price["log_gb_month"],
        "traces": measured["traced_share"] * price["trace"],
    }
    return {name: MILLION * cost for name, cost in one.items()}


def _kept(octets: float, days: float) -> float:
    """GB and months that something is paid for, from its first day to its last."""
    return octets / GB * days / DAYS_OF_A_MONTH


def a_month(price: Figures, measured: Figures) -> dict[str, float]:
    """Give what a stack costs in a month without any mail, in USD."""
    return {
        "metrics": measured["series"] * price["series_month"],
        "alarms": measured["alarm_metrics"] * price["alarm_metric_month"],
        "dashboard": measured["dashboards"] * price["dashboard_month"],
        "asking the queue": measured["empty_receives_month"] * price["sqs_request"],
    }


def compared(price: Figures, measured: Figures, users: int, messages: int) -> dict[str, float]:
    """Give what a month of a site costs, in USD: its mailboxes and Dovecot's server included.

    ``messages`` are those that each user receives. The small server is the same machine with everything on its disk and
    in snapshots, without a second one, and without the work that it makes.
    """
    storage = users * measured["mailbox_gb"]
    fixed = sum(a_month(price, measured).values()) + price["server_month"] + storage * price["efs_gb_month"]
    mail = users * messages / MILLION
    return {
        **{log: fixed + mail * sum(per_million(price, measured, log).values()) for log in LOGS},
        "WorkMail": users * price["workmail_user_month"],
        "small server": price["server_month"] + storage * (price["disk_gb_month"] + price["snapshot_gb_month"]),
    }


def tables(figures: Figures) -> Iterator[str]:
    """Give the lines of docs/cost.md's tables."""
    price, measured = figures["prices"], figures["measured"]
    full, metadata = (per_million(price, measured, log) for log in LOGS)
    yield "| a million messages | USD, `ExecutionLog=full` | `metadata` |"
    yield "|---|---|---|"
    for name, cost in full.items():
        yield f"| {name} | {cost:.2f} | {metadata[name]:.2f} |"
    yield f"| **sum** | **{sum(full.values()):.2f}** | **{sum(metadata.values()):.2f}** |"
    yield f"| without SES | {sum(full.values()) - full['SES']:.2f} | {sum(metadata.values()) - metadata['SES']:.2f} |"
    yield ""
    yield "| a month, without any mail | USD |"
    yield "|---|---|"
    fixed = a_month(price, measured)
    for name, cost in fixed.items():
        yield f"| {name} | {cost:.2f} |"
    yield f"| **sum** | **{sum(fixed.values()):.2f}** |"
    yield ""
    yield "| users | messages a month | Mailroom, USD, `full` | `metadata` | WorkMail | small server |"
    yield "|---|---|---|---|---|---|"
    for users, messages in SITES:
        costs = " | ".join(f"{cost:,.0f}" for cost in compared(price, measured, users, messages).values())
        yield f"| {users:,} | {users * messages:,} | {costs} |"


def main(arguments: list[str]) -> None:
    """Print the tables for the figures in a file."""
    (path,) = arguments or [str(FIGURES)]
    print("\n".join(tables(json.loads(Path(path).read_text()))))


if __name__ == "__main__":
    main(sys.argv[1:])
