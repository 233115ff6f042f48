"""The tables and what is in the directory."""

from collections.abc import Iterator
from typing import Any

from mailroomctl.directory.check import check_directory
from mailroomctl.directory.stack_rules import stack_rules
from mailroomctl.doctor.findings import Finding, failure, passed, warning
from mailroomctl.doctor.patient import Patient

#: Tables by their names in the outputs, with the keys that the functions use.
KEYS = {"DirectoryTableName": ["address"], "DeliveriesTableName": ["message_id", "mailbox"]}
INDEXES = {
    "by_mailbox": ["mailbox", "received_at"],
    "by_time": ["month", "received_at"],
    "needs_attention": ["attention", "received_at"],
}
EXPIRES = "expires_at"
_MOST_SHOWN = 5


def tables(patient: Patient) -> Iterator[Finding]:
    """Whether both tables and the indexes are there and can be used."""
    dynamodb = patient.client("dynamodb")
    problems: list[Finding] = []
    for output, keys in KEYS.items():
        name = patient.stack.output(output)
        asked = {"absent": ("ResourceNotFoundException",), "TableName": name}
        table = patient.ask("dynamodb:DescribeTable", dynamodb.describe_table, **asked).get("Table", {})
        state = table.get("TableStatus", "gone")
        if state not in ("ACTIVE", "UPDATING"):
            restore = f"aws dynamodb restore-table-to-point-in-time --source-table-name {name} --target-table-name NEW"
            lost = "no mail is delivered"
            problems.append(failure(f"the table {name} is {state}", lost, f"{restore} --use-latest-restorable-time"))
            continue
        if _keys(table) != keys:
            seen = f"the table {name} has the keys {', '.join(_keys(table))}"
            problems.append(failure(seen, "it is not Mailroom's", "sam deploy"))
        # The embedded AWS keeps neither backups nor times to live.
        if not patient.embedded and not _backed_up(patient, name):
            problems.append(
                warning(
                    f"the table {name} has no point-in-time recovery",
                    "what is deleted by mistake cannot be brought back",
                    f"aws dynamodb update-continuous-backups --table-name {name}"
                    " --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
                )
            )
        if output == "DeliveriesTableName":
            problems += _indexes(patient, table)
            problems += () if patient.embedded else _expiry(patient, name)
    yield from problems or [passed(f"both tables and {len(INDEXES)} indexes are there")]


def directory(patient: Patient) -> Iterator[Finding]:
    """Whether the directory says of every address where its mail goes."""
    found = check_directory(patient.directory, stack_rules(patient.stack))
    for severity, make in (("error", failure), ("warning", warning)):
        some = [one for one in found if one.severity == severity]
        if not some:
            continue
        more = f"; and {len(some) - _MOST_SHOWN} more" if len(some) > _MOST_SHOWN else ""
        seen = "; ".join(f"{one.entry}: {one.text}" for one in some[:_MOST_SHOWN])
        means = "mail to these entries is held, parked or misplaced" if severity == "error" else "it may be meant"
        yield make(f"{seen}{more}", means, "mailroomctl directory check")
    if not found:
        count = len(patient.directory)
        yield (
            passed(f"{count} entries are in order")
            if count
            else warning(
                "the directory is empty",
                "all mail is held",
                "mailroomctl mailbox add YOU@example.com",
            )
        )


def _indexes(patient: Patient, table: dict[str, Any]) -> Iterator[Finding]:
    there = {one["IndexName"]: one for one in table.get("GlobalSecondaryIndexes", [])}
    for name, keys in INDEXES.items():
        if name not in there:
            means = "mailroomctl trace, held and replay do not find all mail"
            mend = f"aws cloudformation detect-stack-drift --stack-name {patient.name}"
            if name == "needs_attention" and patient.parameter("AttentionIndex") == "later":
                means = "this was the first of two deployments; held and rejected mail is not found before the second"
                mend = "sam deploy --parameter-overrides AttentionIndex=enabled"
            yield failure(f"the index {name} is not there", means, mend)
        elif (state := there[name].get("IndexStatus", "ACTIVE")) != "ACTIVE":
            table_name = patient.stack.output("DeliveriesTableName")
            look = f"aws dynamodb describe-table --table-name {table_name} --query Table.GlobalSecondaryIndexes"
            yield warning(f"the index {name} is {state}", "what is asked of it is not complete yet: wait", look)
        elif _keys(there[name]) != keys:
            seen = f"the index {name} has the keys {', '.join(_keys(there[name]))}"
            yield failure(seen, "what is asked of it is not found", "sam deploy")


def _keys(described: dict[str, Any]) -> list[str]:
    """The hash key, then the range key."""
    return [one["AttributeName"] for one in sorted(described["KeySchema"], key=lambda one: str(one["KeyType"]))]


def _expiry(patient: Patient, name: str) -> Iterator[Finding]:
    call = patient.client("dynamodb").describe_time_to_live
    answer = patient.ask("dynamodb:DescribeTimeToLive", call, TableName=name).get("TimeToLiveDescription", {})
    if answer.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING") or answer.get("AttributeName") != EXPIRES:
        yield warning(
            f"records do not expire by {EXPIRES}",
            "they are kept for ever, and cost; with another attribute some may go too early",
            f"aws dynamodb update-time-to-live --table-name {name}"
            f" --time-to-live-specification Enabled=true,AttributeName={EXPIRES}",
        )


def _backed_up(patient: Patient, name: str) -> bool:
    call = patient.client("dynamodb").describe_continuous_backups
    answer = patient.ask("dynamodb:DescribeContinuousBackups", call, TableName=name)
    recovery = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return bool(recovery.get("PointInTimeRecoveryStatus") == "ENABLED")
