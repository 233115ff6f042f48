"""The rules that every workflow of ours keeps, checked on its file and on the template that deploys it."""

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from math import inf
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint
from cfnlint.decode.cfn_yaml import loads
from mailroom import errors
from mailroom.settings import ValidateEventSettings, WriteMailboxSettings

from tests.workflow.script import SUBSTITUTIONS, WORKFLOWS, all_states, filled, source
from tools.format_asl import formatted

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
EXPRESS_SECONDS = 300
BUDGET_SECONDS = 290
DELAYS = frozenset({"IntervalSeconds", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"})

OURS = {
    name
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.MailroomError) and not kind.__subclasses__()
}
# What a service answers at once when it is asked too often. The integrations name the classes of AWS's SDK for
# Java; an error that has no class goes by that of the service.
THROTTLED = {
    "Lambda.TooManyRequestsException",
    "DynamoDB.ProvisionedThroughputExceededException",
    "DynamoDB.RequestLimitExceededException",
    "DynamoDB.ThrottlingException",
    "DynamoDB.AmazonDynamoDBException",
    "S3.S3Exception",
    "Ses.ThrottlingException",
    "Ses.LimitExceededException",
}
# "Handling errors in Step Functions workflows", the Lambda API's Invoke errors, and each service's API errors.
DOCUMENTED = {
    "States.ALL",
    *(
        f"Lambda.{name}"
        for name in (
            "ServiceException",
            "AWSLambdaException",
            "SdkClientException",
            "ClientExecutionTimeoutException",
            "EFSMountConnectivityException",
            "EFSMountTimeoutException",
            "EFSMountFailureException",
            "EFSIOException",
        )
    ),
    "States.Timeout",
    "Sandbox.Timedout",
    "DynamoDB.ConditionalCheckFailedException",
    *THROTTLED,
    "S3.NoSuchKey",
    "S3.NoSuchKeyException",
}

WORKFLOW_NAMES = sorted(path.name.removesuffix(".asl.json") for path in WORKFLOWS.glob("*.asl.json"))


def _machine(name: str) -> dict[str, Any]:
    return json.loads(source(name))


def _template() -> dict[str, Any]:
    template, matches = loads(TEMPLATE.read_text(), str(TEMPLATE)), []
    assert not matches
    return template


def _machines(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine and the ones inside its Map states."""
    yield machine
    for state in machine["States"].values():
        if state["Type"] == "Map":
            yield from _machines(state["ItemProcessor"])


def _next(state: dict[str, Any]) -> Iterator[str]:
    for holder in (state, *state.get("Choices", []), *state.get("Catch", [])):
        if "Next" in holder:
            yield holder["Next"]
    if "Default" in state:
        yield state["Default"]


@pytest.fixture(params=WORKFLOW_NAMES)
def machine(request: pytest.FixtureRequest) -> dict[str, Any]:
    return _machine(request.param)


def _tasks(machine: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: state for name, state in all_states(machine).items() if state["Type"] == "Task"}


@pytest.mark.parametrize("name", WORKFLOW_NAMES)
def test_a_workflow_is_laid_out_as_the_formatter_does_it(name: str) -> None:
    assert source(name) == formatted(source(name))


def test_a_reader_can_hold_the_workflow() -> None:
    assert len(source("deliver_mail").splitlines()) <= 1150


def test_there_are_workflows() -> None:
    assert WORKFLOW_NAMES == ["deliver_mail", "storage_breaker"]


def test_every_task_has_timeout_retry_catch_and_result_path(machine: dict[str, Any]) -> None:
    wanted = {"TimeoutSeconds", "Retry", "Catch", "ResultPath"}
    assert {name: wanted - set(state) for name, state in _tasks(machine).items() if wanted - set(state)} == {}


def test_every_task_ends_in_a_catch_of_everything(machine: dict[str, Any]) -> None:
    for name, state in _tasks(machine).items():
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_retries_back_off_with_full_jitter_and_a_cap(machine: dict[str, Any]) -> None:
    """From two retries on: with one there is nothing to grow or to cap, but many executions still spread theirs."""
    for name, state in _tasks(machine).items():
        for retrier in state["Retry"]:
            most = retrier["MaxAttempts"]
            wanted = {0: set(), 1: {"IntervalSeconds", "JitterStrategy"}}.get(most, DELAYS)
            assert DELAYS & set(retrier) == wanted, name
            assert retrier.get("JitterStrategy", "FULL") == "FULL", name
            assert retrier.get("BackoffRate", 2) > 1, name


def test_no_retry_repeats_the_one_for_everything_else(machine: dict[str, Any]) -> None:
    for name, state in _tasks(machine).items():
        *named, last = state["Retry"]
        if last["ErrorEquals"] == ["States.ALL"]:
            assert _when(last) not in [_when(retrier) for retrier in named], name


def _when(retrier: dict[str, Any]) -> dict[str, Any]:
    return {field: retrier.get(field) for field in ("MaxAttempts", *DELAYS)}


def test_every_retry_and_catch_says_why(machine: dict[str, Any]) -> None:
    assert machine["Comment"]
    for name, state in _tasks(machine).items():
        for handler in (*state["Retry"], *state["Catch"]):
            assert handler.get("Comment"), name


def test_states_all_stands_alone_and_last(machine: dict[str, Any]) -> None:
    for name, state in _tasks(machine).items():
        for handlers in (state["Retry"], state["Catch"]):
            for position, handler in enumerate(handlers):
                if "States.ALL" in handler["ErrorEquals"]:
                    assert handler["ErrorEquals"] == ["States.ALL"], name
                    assert position == len(handlers) - 1, name


def test_every_error_is_ours_or_documented(machine: dict[str, Any]) -> None:
    named = {
        error
        for state in _tasks(machine).values()
        for handler in (*state["Retry"], *state["Catch"])
        for error in handler["ErrorEquals"]
    }
    assert named - OURS - DOCUMENTED == set()


def test_permanent_errors_are_never_retried_and_temporary_ones_are(machine: dict[str, Any]) -> None:
    for name, state in _tasks(machine).items():
        for retrier in state["Retry"]:
            for error in OURS & set(retrier["ErrorEquals"]):
                permanent = issubclass(getattr(errors, error), errors.PermanentError)
                assert (retrier["MaxAttempts"] == 0) == permanent, (name, error)


def _attempts(*errors: str, of: str = "", most: int = 1) -> dict[str, int]:
    return {f"{of}{error}": most for error in errors}


LAMBDA = {"Lambda.TooManyRequestsException": 4, "States.ALL": 1}
EFS = _attempts(
    "EFSMountConnectivityException",
    "EFSMountTimeoutException",
    "EFSMountFailureException",
    "EFSIOException",
    of="Lambda.",
)
ONCE = {"States.ALL": 1}
UNCONDITIONAL = {**ONCE, **{error: 3 for error in THROTTLED if error.startswith("DynamoDB.")}}
FAILED = {"DynamoDB.ConditionalCheckFailedException": 0}
CONDITIONAL = {**UNCONDITIONAL, **FAILED}
NEVER_WRITTEN = ("InvalidEvent", "ForbiddenObject", "MessageMissing", "MessageUnreadable", "MailboxPathRejected")
SES = _attempts("ThrottlingException", "LimitExceededException", of="Ses.", most=2)
RETRIES = {
    "ValidateEvent": LAMBDA | _attempts("InvalidEvent", "ForbiddenObject", most=0),
    "ResolveMailboxes": LAMBDA | _attempts("InvalidEvent", "FanOutLimitExceeded", most=0),
    "WriteMailbox": LAMBDA
    | {"Lambda.TooManyRequestsException": 5}
    | EFS
    | _attempts("StorageUnavailable", "MessageUnavailable", most=2)
    | _attempts(*NEVER_WRITTEN, most=0),
    "ClaimDelivery": CONDITIONAL,
    "JoinDelivery": CONDITIONAL,
    "RecordDelivery": UNCONDITIONAL,
    "CountStorageFailure": ONCE,
    "RecordTemporaryFailure": {**ONCE, **FAILED},
    "RecordHeldCopy": CONDITIONAL,
    "NoticeHeldCopy": FAILED,
    "CountHeldCopy": ONCE,
    "RecordQuarantine": UNCONDITIONAL,
    "RecordOutcome": CONDITIONAL,
    "ReadOutcome": CONDITIONAL,
    "NoticeHeldEntry": FAILED,
    "CountHeldEntry": ONCE,
    "LookForCopies": ONCE,
    "ClaimBounce": CONDITIONAL,
    "RecordBounceFailure": ONCE,
    "QuarantineMessage": {"S3.NoSuchKeyException": 0, "S3.NoSuchKey": 0, "S3.S3Exception": 4, "States.ALL": 2},
    "SendBounce": SES,
    "ParkEvent": {"States.ALL": 5},
    "CountFailure": ONCE,
}


def test_each_kind_of_error_has_its_retries() -> None:
    retries = {
        name: {error: retrier["MaxAttempts"] for retrier in state["Retry"] for error in retrier["ErrorEquals"]}
        for name, state in _tasks(_machine("deliver_mail")).items()
    }
    assert retries == RETRIES


def test_permanent_errors_are_caught_by_name() -> None:
    tasks = _tasks(_machine("deliver_mail"))
    for name in ("ValidateEvent", "ResolveMailboxes", "WriteMailbox"):
        first = tasks[name]["Catch"][0]
        assert set(first["ErrorEquals"]) == {error for error, most in RETRIES[name].items() if most == 0}


def test_a_failed_condition_is_caught_by_its_name_and_not_retried(machine: dict[str, Any]) -> None:
    for name, state in _tasks(machine).items():
        for catcher in state["Catch"]:
            for error in FAILED.keys() & set(catcher["ErrorEquals"]):
                assert RETRIES[name][error] == 0, name


def test_only_failures_of_the_storage_are_counted() -> None:
    """Not a busy delivery, a throttled call, S3's errors or a late attempt: the storage has no part in these."""
    tasks = _tasks(_machine("deliver_mail"))
    [counted] = [
        set(catcher["ErrorEquals"])
        for state in tasks.values()
        for catcher in state["Catch"]
        if catcher["Next"] == "CountStorageFailure"
    ]
    assert counted == {"StorageUnavailable", *EFS, "States.Timeout", "Sandbox.Timedout"}


def test_every_state_is_reachable_and_every_path_can_end(machine: dict[str, Any]) -> None:
    for part in _machines(machine):
        states = part["States"]
        reached, frontier = set(), [part["StartAt"]]
        while frontier:
            name = frontier.pop()
            if name not in reached:
                reached.add(name)
                frontier += _next(states[name])
        assert reached == set(states)
        ending = {name for name, state in states.items() if state.get("End") or state["Type"] in ("Succeed", "Fail")}
        while grown := {name for name in set(states) - ending if set(_next(states[name])) & ending}:
            ending |= grown
        assert ending == set(states)


def test_choices_are_questions(machine: dict[str, Any]) -> None:
    for name, state in all_states(machine).items():
        assert name.endswith("?") == (state["Type"] == "Choice")
        if state["Type"] == "Choice":
            assert "Default" in state, name


def test_only_paths_that_every_engine_knows(machine: dict[str, Any]) -> None:
    text = json.dumps(machine)
    assert "JSONata" not in text
    assert '"Assign"' not in text


@pytest.mark.parametrize("name", WORKFLOW_NAMES)
def test_the_template_fills_in_exactly_what_the_workflow_asks_for(name: str) -> None:
    resources = _template()["Resources"]
    (properties,) = [
        resource["Properties"]
        for resource in resources.values()
        if resource["Type"] == "AWS::Serverless::StateMachine"
        and resource["Properties"]["DefinitionUri"] == f"statemachine/{name}.asl.json"
    ]
    asked = set(re.findall(r"\$\{(\w+)\}", source(name)))
    assert asked == set(properties["DefinitionSubstitutions"])
    assert asked <= set(SUBSTITUTIONS) | {"DeliveriesTable", "ParkedQueueUrl"}
    known = {*resources, *_template()["Parameters"], *_template()["Mappings"], "AWS::Partition", "AWS::StackName"}
    for value in properties["DefinitionSubstitutions"].values():
        assert _names(value) <= known


def _names(value: Any) -> set[str]:
    """What an expression of the template refers to."""
    match value:
        case {"Fn::If": [_, *ways]}:
            return set().union(*map(_names, ways))
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), *_]}:
            return set(re.findall(r"\$\{([\w:]+)", text))
        case {**one} if len(one) == 1:
            (target,) = one.values()
            return {(target if isinstance(target, str) else target[0]).partition(".")[0]}
    return set()


def test_a_state_waits_longer_than_its_function_runs(machine: dict[str, Any]) -> None:
    resources = _template()["Resources"]
    for name, state in _tasks(machine).items():
        function = state["Parameters"].get("FunctionName", "")
        if function:
            logical_id = function.removeprefix("${").removesuffix("Arn}")
            assert state["TimeoutSeconds"] > resources[logical_id]["Properties"]["Timeout"], name


def test_a_first_attempt_publishes_at_least_two_seconds_before_its_state_gives_it_up() -> None:
    """Else its retry could look for a copy, find none, and have both of them publish one."""
    variables = _template()["Resources"]["WriteMailbox"]["Properties"]["Environment"]["Variables"]
    (setting,) = [field for field in fields(WriteMailboxSettings) if field.name == "publish_seconds"]
    states = _tasks(_machine("deliver_mail"))
    assert int(variables["PUBLISH_SECONDS"]) == setting.default
    assert 0 < setting.default <= setting.metadata["read"].most <= states["WriteMailbox"]["TimeoutSeconds"] - 2
    assert states["WriteMailbox"]["Parameters"]["Payload"]["entered_at.$"] == "$$.State.EnteredTime"


def _worst(state: dict[str, Any]) -> float:
    """Seconds that a task takes when every attempt uses its whole timeout and every retrier all its attempts.

    A throttled call is turned away at once: it costs only the delay.
    """
    attempts = 1 + sum(one["MaxAttempts"] for one in state["Retry"] if not THROTTLED & set(one["ErrorEquals"]))
    delays = sum(
        min(retrier["IntervalSeconds"] * retrier.get("BackoffRate", 1) ** n, retrier.get("MaxDelaySeconds", inf))
        for retrier in state["Retry"]
        for n in range(retrier["MaxAttempts"])
    )
    return attempts * state["TimeoutSeconds"] + delays


def _longest(part: dict[str, Any], name: str) -> float:
    """Seconds of the slowest way from a state to an end; a Map takes as long as its slowest item."""
    state = part["States"][name]
    own = 0.0
    if state["Type"] == "Task":
        own = _worst(state)
    elif state["Type"] == "Map":
        own = _longest(state["ItemProcessor"], state["ItemProcessor"]["StartAt"])
    return own + max((_longest(part, following) for following in _next(state)), default=0.0)


def test_the_worst_case_fits_into_an_express_execution() -> None:
    """With up to ``CopiesAtOnce`` mailboxes. More come in waves; what the last wave misses, SQS redelivers."""
    machine = _machine("deliver_mail")
    worst = _longest(machine, machine["StartAt"])
    assert 250 < worst <= BUDGET_SECONDS
    assert worst < machine["TimeoutSeconds"] < EXPRESS_SECONDS


def test_a_lease_outlives_every_execution_and_ends_before_the_redelivery() -> None:
    resources = _template()["Resources"]
    lease = int(resources["ValidateEvent"]["Properties"]["Environment"]["Variables"]["LEASE_SECONDS"])
    longest = max(
        resource["Properties"]["Timeout"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function" and f"${{{name}Arn}}" in source("deliver_mail")
    )
    visibility = resources["InboundQueue"]["Properties"]["VisibilityTimeout"]
    (setting,) = [field for field in fields(ValidateEventSettings) if field.name == "lease_seconds"]
    allowed = setting.metadata["read"]
    assert EXPRESS_SECONDS + longest < allowed.least <= lease <= allowed.most < visibility


@pytest.mark.parametrize("name", WORKFLOW_NAMES)
def test_the_definition_passes_the_schema_of_cfn_lint(name: str) -> None:
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "Machine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": "arn:aws:iam::123456789012:role/Machine",
                    "Definition": filled(name, {"DeliveriesTable": "table", "ParkedQueueUrl": "queue"}),
                },
            }
        },
    }
    assert lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"])) == []
    template["Resources"]["Machine"]["Properties"]["Definition"]["States"]["Broken"] = {"Type": "Nothing"}
    assert lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"])) != []
