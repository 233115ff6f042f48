"""The words in which workflow tests are written: what each attempt of a task returns or throws."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from mailroom.errors import MailroomError

WORKFLOWS = Path(__file__).parents[2] / "statemachine"
SUBSTITUTIONS = {
    "Partition": "aws",
    "ValidateEventArn": "arn:aws:lambda:us-east-1:123456789012:function:ValidateEvent",
    "ResolveMailboxesArn": "arn:aws:lambda:us-east-1:123456789012:function:ResolveMailboxes",
    "WriteMailboxArn": "arn:aws:lambda:us-east-1:123456789012:function:WriteMailbox",
    "QuarantinePrefix": "quarantine/",
    "BounceSender": "bounces@example.com",
    "PipeName": "Pipe",
    "ProbeSeconds": "60",
    "StackName": "mailroom",
    "StorageName": "efs",
    "StorageAlarmName": "StorageAlarm",
    "MailboxAlarmName": "MailboxAlarm",
}


class TaskError(Exception):
    """A task fails with ``error``, as Step Functions names it."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


def throws(error: str, cause: str = "made to fail") -> TaskError:
    """Say that an attempt fails."""
    return TaskError(error, cause)


def returns(**result: Any) -> dict[str, Any]:
    """Say what an attempt gives."""
    return result


type Outcome = TaskError | dict[str, Any]
type Plan = list[Outcome] | Mapping[str, list[Outcome]]
"""What the attempts of a step do: one list that holds for every mailbox, or a list for each mailbox named."""


@dataclass
class Script:
    """Answers the calls that an execution makes.

    Where a plan is used up, or a step has none, ``lambdas`` answers for a function, and the engine's own service for
    DynamoDB, SQS and S3. The first call of a step in ``lost`` is made, but its answer does not come.
    """

    plans: Mapping[str, Plan]
    lambdas: Mapping[str, Callable[[Any], Any]]
    calls: list[tuple[str, str]] = field(default_factory=list)
    payloads: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    waits: list[int] = field(default_factory=list)
    lost: Collection[str] = ()
    _turns: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _lock: Lock = field(default_factory=Lock)

    def run(self, resource: str, parameters: dict[str, Any], own: Callable[[], Any]) -> Any:
        """Answer one call of a task, or raise ``TaskError``."""
        step, mailbox, payload = _identify(resource, parameters)
        with self._lock:
            self.calls.append((step, mailbox))
            self.payloads[step].append(payload)
            turn = self._turns[step, mailbox]
            self._turns[step, mailbox] += 1
        plan = self.plans.get(step, [])
        outcomes = plan.get(mailbox, []) if isinstance(plan, Mapping) else plan
        if turn < len(outcomes):
            outcome = outcomes[turn]
            if isinstance(outcome, TaskError):
                raise outcome
            return outcome
        if turn == 0 and step in self.lost:
            own()
            raise throws("States.Timeout")
        if step not in self.lambdas:
            return own()
        try:
            return self.lambdas[step](payload)
        except MailroomError as error:
            # Lambda reports the name of the exception's class.
            raise TaskError(type(error).__name__, str(error)) from error

    def attempts(self, step: str) -> int:
        """How often a step was called."""
        return sum(1 for called, _ in self.calls if called == step)


def source(workflow: str) -> str:
    """The text of a workflow's file."""
    return (WORKFLOWS / f"{workflow}.asl.json").read_text()


def filled(workflow: str, substitutions: Mapping[str, str]) -> dict[str, Any]:
    """The workflow with its substitutions filled in, as CloudFormation does it."""
    text = source(workflow)
    for name, value in {**SUBSTITUTIONS, **substitutions}.items():
        text = text.replace(f"${{{name}}}", value)
    machine: dict[str, Any] = json.loads(text)
    return machine


def definition(workflow: str, substitutions: Mapping[str, str]) -> dict[str, Any]:
    """The workflow as the engines get it: without its timeouts.

    The engines measure them by the real clock, and a busy machine must not fail a scenario. A timeout is a scenario
    of its own, thrown by name.
    """
    machine = filled(workflow, substitutions)
    for state in (machine, *all_states(machine).values()):
        state.pop("TimeoutSeconds", None)
    return machine


def all_states(machine: Mapping[str, Any]) -> dict[str, Any]:
    """Every state of a workflow by name, those inside Map states too."""
    states = dict(machine["States"])
    for state in machine["States"].values():
        if state["Type"] == "Map":
            states |= all_states(state["ItemProcessor"])
    return states


_BY_EXPRESSION = {
    state["Parameters"]["UpdateExpression"]: name
    for name, state in all_states(json.loads(source("deliver_mail"))).items()
    if "UpdateExpression" in state.get("Parameters", {})
}
_BY_ACTION = {
    "sqs:sendMessage": "ParkEvent",
    "s3:copyObject": "QuarantineMessage",
    "ses:sendBounce": "SendBounce",
    "dynamodb:query": "LookForCopies",
    "pipes:describePipe": "ReadPipe",
    "pipes:stopPipe": "StopPipe",
    "pipes:startPipe": "StartPipe",
    "pipes:tagResource": "MarkPipe",
    "pipes:untagResource": "UnmarkPipe",
    "cloudwatch:describeAlarms": "ReadAlarms",
}


def _identify(resource: str, parameters: dict[str, Any]) -> tuple[str, str, Any]:
    """Tell which step calls, and for which mailbox or recipient: the engines do not say.

    A metric goes by its own name, and both states that notice a held entry by the name of one.
    """
    if resource.endswith("lambda:invoke"):
        payload = parameters["Payload"]
        mailbox = payload["delivery"]["mailbox"] if isinstance(payload, dict) and "delivery" in payload else ""
        return parameters["FunctionName"].rpartition(":")[2], mailbox, payload
    if resource.endswith("cloudwatch:putMetricData"):
        (metric,) = parameters["MetricData"]
        return metric["MetricName"], "", parameters
    step = _BY_EXPRESSION.get(parameters.get("UpdateExpression", "")) or _BY_ACTION[":".join(resource.split(":")[-2:])]
    key = parameters.get("Key")
    return step, key["mailbox"]["S"] if isinstance(key, dict) else "", parameters
