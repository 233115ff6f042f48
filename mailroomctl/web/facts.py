"""What the pages show of the stack and of a message: the only module that knows where these facts come from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mailroom.resolve.expansion import expand
from mailroom.resolve.look_up import LookUp
from mailroom.statuses import SAFE, Status

from mailroomctl.commands import status as status_command
from mailroomctl.deliveries.raw_mail import stored_at, usual_key
from mailroomctl.deliveries.table import BOUNCE, DeliveriesTable, Record, outcome_row, plain
from mailroomctl.directory.overlay import table_with
from mailroomctl.directory.stack_rules import stack_rules
from mailroomctl.directory.table import DirectoryTable
from mailroomctl.queues.pipe import Pipe, look
from mailroomctl.stack import Stack
from mailroomctl.times import iso
from mailroomctl.web.commands import Result, run
from mailroomctl.web.context import Context

#: By outcome: a sign beside the colour, and how serious it is.
SIGNS = {
    Status.DELIVERED: ("✓", "good"),
    Status.QUARANTINED: ("‖", "wait"),
    Status.RELEASED: ("…", "wait"),
    Status.RESTORING: ("…", "wait"),
    Status.CLAIMED: ("…", "wait"),
    Status.HELD: ("‖", "bad"),
    Status.FAILED: ("✗", "bad"),
    Status.REJECTED: ("✗", "plain"),
    Status.DISCARDED: ("∅", "plain"),
    Status.REPLAYED: ("↻", "plain"),
    Status.BOUNCED: ("↩", "plain"),
    Status.BOUNCE_FAILED: ("✗", "bad"),
}

_HOURS = 24
_PAGES = 2  # of the table, for the flow on the embedded AWS


def now(stack: Stack) -> Result:
    """Return what ``mailroomctl status`` says; ``ended_well`` is its exit code."""
    return run(status_command.status, stack)


def pipe(stack: Stack) -> Pipe:
    """Return the pipe as it is."""
    return look(stack)


@dataclass(slots=True)
class Flow:
    """Outcomes by hour, the oldest first; ``source`` is where the numbers come from."""

    hours: list[datetime] = field(default_factory=list)
    counts: list[Counter[str]] = field(default_factory=list)
    source: str = ""

    @property
    def most(self) -> int:
        """The largest hour."""
        return max((one.total() for one in self.counts), default=0)


def flow(context: Context) -> Flow:
    """Return the outcomes of the last day: from the metrics, or on the embedded AWS, which has none, the records."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    found = Flow([end - timedelta(hours=back) for back in reversed(range(_HOURS))])
    found.counts = [Counter() for _ in found.hours]
    if context.embedded:
        _count_records(context.stack, found)
    else:
        _count_metrics(context.stack, found)
    return found


def _count_records(stack: Stack, found: Flow) -> None:
    found.source = "the records"
    table = DeliveriesTable(stack)
    request: dict[str, Any] = {
        "TableName": table.name,
        "ProjectionExpression": "received_at, #status, mailbox",
        "FilterExpression": "received_at >= :since",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":since": {"S": iso(found.hours[0])}},
    }
    for _ in range(_PAGES):
        answer = table.client.scan(**request)
        for record in map(plain, answer["Items"]):
            number = int((datetime.fromisoformat(record["received_at"]) - found.hours[0]) / timedelta(hours=1))
            if record["mailbox"] != BOUNCE and number < len(found.counts):
                found.counts[number][record["status"]] += 1
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    found.source = "some of the records"


_METRICS = (
    ("Copies", "DELIVERED"),
    ("Copies", "RECOVERED"),
    ("Copies", "QUARANTINED"),
    ("Recipients", "REJECTED"),
    ("Recipients", "HELD"),
)


def _count_metrics(stack: Stack, found: Flow) -> None:
    found.source = "the metrics of CloudWatch"
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "Mailroom",
                    "MetricName": name,
                    "Dimensions": [{"Name": "Stack", "Value": stack.name}, {"Name": "Outcome", "Value": outcome}],
                },
                "Period": 3600,
                "Stat": "Sum",
            },
        }
        for number, (name, outcome) in enumerate(_METRICS)
    ]
    answer = stack.cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=found.hours[0], EndTime=found.hours[-1] + timedelta(hours=1)
    )
    for one in answer["MetricDataResults"]:
        outcome = _METRICS[int(one["Id"][1:])][1].replace("RECOVERED", "DELIVERED")
        for moment, value in zip(one["Timestamps"], one["Values"], strict=True):
            number = int((moment.astimezone(UTC) - found.hours[0]) / timedelta(hours=1))
            if 0 <= number < len(found.counts):
                found.counts[number][outcome] += int(value)


def rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return what lists show of records."""
    return [outcome_row(one) | {"source": one.get("source") or "", **sign(one["status"])} for one in records]


def sign(status: str) -> dict[str, str]:
    """Return the sign and the seriousness of an outcome."""
    found = SIGNS.get(Status(status)) if status in Status else None
    return dict(zip(("sign", "kind"), found or ("?", "plain"), strict=True))


def is_safe(record: Record) -> bool:
    """Whether nothing is left to be done for a record."""
    return record["status"] in SAFE


@dataclass(slots=True)
class RawMail:
    """Where the raw mail lies, and since when; ``stored`` is None when it is gone."""

    bucket: str
    key: str
    stored: datetime | None


def raw_mail(stack: Stack, message_id: str, records: Sequence[Record]) -> RawMail:
    """Look for the raw mail of a message."""
    first: Record = next((one for one in records if one.get("key")), {})
    bucket = str(first.get("bucket") or stack.output("MailBucketName"))
    key = str(first.get("key") or usual_key(stack, message_id))
    return RawMail(bucket, key, stored_at(stack, bucket, key))


def rules_of(stack: Stack, recipients: Sequence[str]) -> dict[str, LookUp]:
    """Return the look-ups that lead from the recipients to their mailboxes, as the directory is now."""
    return expand(recipients, table_with(stack, DirectoryTable(stack)), stack_rules(stack).fan_out_limit)
