"""Logs the events of a workflow's executions into its log group, as Step Functions does at the level ALL.

ministack 1.5 keeps the events of an execution to itself, has none for the choices and passes within a Map, and does not
say which event belongs to which item. So the log group stays empty, and nobody could see the way that a message took.

Delete this module when ministack logs executions: ``test_an_execution_is_logged`` then passes without it.
"""

import contextvars
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

type Execution = dict[str, Any]

#: The id of the event before the next one, in this thread's part of an execution.
_before: contextvars.ContextVar[int] = contextvars.ContextVar("before", default=0)
_COUNTER = "mailroom_events"


def install() -> None:
    """Wrap ministack's way of noting an event, and of running a state."""
    from ministack.services import stepfunctions as engine  # type: ignore[import-untyped]

    add_event, run_items = engine._add_event, engine._run_sub_machine

    def noting(execution: Execution, kind: str, details: dict[str, Any] | None = None) -> Any:
        event = add_event(execution, kind, details)
        if len(execution["events"]) == 2:  # the first one is there from the beginning
            log(execution, "ExecutionStarted", details_of(execution["events"][0]))
        log(execution, kind, details_of(details))
        return event

    def running(states: Any, start: str, given: Any, execution: Execution, context: dict[str, Any]) -> Any:
        index = context.get("Map", {}).get("Item", {}).get("Index", 0)
        name = context.get("State", {}).get("Name", "")
        log(execution, "MapIterationStarted", {"name": name, "index": index})
        result = run_items(states, start, given, execution, context)
        log(execution, "MapIterationSucceeded", {"name": name, "index": index})
        return result

    engine._add_event = noting
    engine._run_sub_machine = running
    for kind, step in (("Task", "_execute_task"), ("Choice", "_execute_choice"), ("Pass", "_execute_pass")):
        setattr(engine, step, logging_items(kind, getattr(engine, step)))


def logging_items(kind: str, step: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which logs entry and exit of a state within a Map; ministack notes those outside."""

    def wrapped(state: dict[str, Any], given: Any, *more: Any) -> Any:
        context = more[-1] if more else None
        if not context or "Map" not in context:
            return step(state, given, *more)
        execution = execution_of(context)
        name = context["State"]["Name"]
        log(execution, f"{kind}StateEntered", {"name": name, "input": json.dumps(given)})
        output, onward = step(state, given, *more)
        log(execution, f"{kind}StateExited", {"name": name, "output": json.dumps(output)})
        return output, onward

    return wrapped


def log(execution: Execution, kind: str, details: dict[str, Any]) -> None:
    """Put one event into the log group of the execution's workflow, if it has one."""
    from ministack.services import cloudwatch_logs, stepfunctions

    workflow = stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}
    settings = small_names(workflow.get("loggingConfiguration") or {})
    group = log_group_of(settings)
    if not group:
        return
    number = next(execution.setdefault(_COUNTER, itertools.count(1)))
    if not settings.get("includeExecutionData"):
        details = {name: value for name, value in details.items() if name not in ("input", "output")}
    event = {
        "id": str(number),
        "type": kind,
        "details": details,
        "previous_event_id": str(_before.get() if number > 1 else 0),
        "event_timestamp": str(int(time.time() * 1000)),
        "execution_arn": execution["executionArn"],
    }
    _before.set(number)
    stream = f"states/{workflow.get('name')}"
    cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    put = {"timestamp": int(event["event_timestamp"]), "message": json.dumps(event)}
    cloudwatch_logs._put_log_events({"logGroupName": group, "logStreamName": stream, "logEvents": [put]})


def execution_of(context: dict[str, Any]) -> Execution:
    """Return the execution that a state runs in."""
    from ministack.services import stepfunctions

    found: Execution = stepfunctions._executions[context["Execution"]["Id"]]
    return found


def small_names(given: Any) -> Any:
    """CloudFormation writes names with a capital, the API with a small letter; ministack keeps both as they are."""
    if isinstance(given, dict):
        return {name[:1].lower() + name[1:]: small_names(value) for name, value in given.items()}
    return [small_names(one) for one in given] if isinstance(given, list) else given


def log_group_of(settings: dict[str, Any]) -> str:
    """Return the log group of a workflow's settings; empty when it logs nothing."""
    for one in settings.get("destinations") or []:
        arn = (one.get("cloudWatchLogsLogGroup") or {}).get("logGroupArn") or ""
        if ":log-group:" in arn:
            return str(arn.partition(":log-group:")[2]).removesuffix(":*")
    return ""


def details_of(given: dict[str, Any] | None) -> dict[str, Any]:
    """An event's details stand under a name of their own, beside its id, type and time."""
    for name, value in (given or {}).items():
        if name.endswith("EventDetails"):
            return dict(value)
    return {}
