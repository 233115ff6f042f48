"""The functions: their last errors, and whether enough of them may run."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from mailroomctl.doctor.findings import Finding, failure, passed, warning
from mailroomctl.doctor.patient import STEPS, DeniedError, Patient
from mailroomctl.setup.steps import more_concurrency

_LATELY = timedelta(hours=1)
_MOST_LINES = 1000  # of a log: the last hour of a bad day can be long


def last_errors(patient: Patient) -> Iterator[Finding]:
    """Whether the functions can run, and what failed within the hour."""
    problems: list[Finding] = []
    for name in STEPS:
        problems += _unfit(patient, name)
        failed, runs = (_sum(patient, name, metric) for metric in ("Errors", "Invocations"))
        if failed:
            problems.append(
                warning(
                    f"{failed} of {max(runs, failed)} runs of {name} failed in the last hour{_last(patient, name)}",
                    "their mail was tried again or is held; mailroomctl trace tells of each message",
                    "mailroomctl trace --status FAILED --since 1h",
                    "mailroomctl held list",
                )
            )
        if throttled := _sum(patient, name, "Throttles"):
            problems.append(
                warning(
                    f"{name} was throttled {throttled} times in the last hour",
                    "mail is late: too few functions may run at once",
                    "aws lambda get-account-settings --query AccountLimit",
                )
            )
    yield from problems or [passed("no function failed in the last hour")]


def concurrency(patient: Patient) -> Iterator[Finding]:
    """Whether as many functions may run as the settings take for granted."""
    client = patient.client("lambda")
    copies = int(patient.parameter("CopiesAtOnce", "10"))
    wanted = int(patient.parameter("WriteMailboxConcurrency", "0"))
    function = patient.resource("WriteMailbox")
    answer = patient.ask("lambda:GetFunctionConcurrency", client.get_function_concurrency, FunctionName=function)
    reserved: int | None = answer.get("ReservedConcurrentExecutions")
    limit = patient.ask("lambda:GetAccountSettings", client.get_account_settings)["AccountLimit"]
    problems: list[Finding] = []
    mend = (
        f"aws lambda put-function-concurrency --function-name {function} --reserved-concurrent-executions {wanted}"
        if wanted
        else f"aws lambda delete-function-concurrency --function-name {function}"
    )
    if reserved == 0:
        problems.append(failure("WriteMailbox may not run at all (0 are reserved)", "nothing is delivered", mend))
    elif (reserved or 0) != wanted:
        seen = f"{reserved or 'none'} of WriteMailbox are reserved, and the stack's parameter says {wanted or 'none'}"
        problems.append(warning(seen, "the next deployment does not change it back", mend))
    elif reserved and reserved < copies:
        problems.append(
            warning(
                f"WriteMailbox may run {reserved} times, and one message alone has {copies} copies at once",
                "copies are throttled and tried again: mail to groups is late",
                f"sam deploy --parameter-overrides WriteMailboxConcurrency={copies * 5}",
                f"sam deploy --parameter-overrides CopiesAtOnce={reserved}   # or this",
            )
        )
    for name in STEPS[:2]:
        function = patient.resource(name)
        answer = patient.ask("lambda:GetFunctionConcurrency", client.get_function_concurrency, FunctionName=function)
        if answer.get("ReservedConcurrentExecutions") == 0:
            mend = f"aws lambda delete-function-concurrency --function-name {function}"
            problems.append(failure(f"{name} may not run at all (0 are reserved)", "nothing is delivered", mend))
    left = int(limit["UnreservedConcurrentExecutions"])
    # Beside the copies of one message, the two steps before them.
    if left < (2 if reserved else copies + 2):
        problems.append(
            warning(
                f"{left} functions may run at once in this account, beside what is reserved; one message uses"
                f" {copies + 2}",
                "mail waits and is not lost, but is late",
                *more_concurrency(int(limit["ConcurrentExecutions"])).commands,
            )
        )
    yield from problems or [passed(f"{limit['ConcurrentExecutions']} functions may run at once in this account")]


def _unfit(patient: Patient, name: str) -> Iterator[Finding]:
    found = patient.function(name)
    state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
    look = f"aws lambda get-function-configuration --function-name {patient.resource(name)}"
    # A function that was not called for weeks wakes up with the next call.
    if state not in ("Active", "Inactive"):
        reason = found.get("StateReason", "")
        yield failure(f"{name} is {state}: {reason}", "it does not run, and mail waits", look)
    elif update == "Failed":
        reason = found.get("LastUpdateStatusReason", "")
        yield failure(f"the last update of {name} failed: {reason}", "an earlier version runs", look, "sam deploy")


def _sum(patient: Patient, name: str, metric: str) -> int:
    now = datetime.now(UTC)
    answer = patient.ask(
        "cloudwatch:GetMetricStatistics",
        patient.client("cloudwatch").get_metric_statistics,
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": patient.resource(name)}],
        StartTime=now - _LATELY,
        EndTime=now,
        Period=int(_LATELY.total_seconds()),
        Statistics=["Sum"],
    )
    return int(sum(point["Sum"] for point in answer.get("Datapoints", [])))


def _last(patient: Patient, name: str) -> str:
    """What the function's log says of its last failure."""
    try:
        lines = _failures(patient, name)
    except DeniedError as denied:
        return f"; without {denied} it cannot be said why"
    if not lines:
        return ""
    last = max(lines, key=lambda line: int(line["timestamp"]))
    try:
        said: dict[str, Any] = json.loads(last["message"])
    except ValueError:
        return ""
    reason = f": {said['reason']}" if said.get("reason") else ""
    return f"; the last was {said.get('error', 'an unknown one')}{reason}"


def _failures(patient: Patient, name: str) -> list[dict[str, Any]]:
    logs = patient.client("logs")

    def first(**request: Any) -> dict[str, Any]:
        pages = logs.get_paginator("filter_log_events").paginate(**request, PaginationConfig={"MaxItems": _MOST_LINES})
        return {"events": [one for page in pages for one in page.get("events", [])]}

    answer = patient.ask(
        "logs:FilterLogEvents",
        first,
        absent=("ResourceNotFoundException",),
        logGroupName=patient.resource(f"{name}LogGroup"),
        startTime=int((datetime.now(UTC) - _LATELY).timestamp() * 1000),
        filterPattern='{ $.message = "Failed" }',
    )
    return list(answer.get("events", []))
