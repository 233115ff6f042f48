"""The words in which workflow tests are written: what each attempt of a task returns or throws."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from threading import Lock
from typing import Any

DEFINITION = FilePath(__file__).parents[2] / "statemachine" / "deliver_mail.asl.json"
SUBSTITUTIONS = {
    "Partition": "aws",
    "ValidateEventArn": "arn:aws:lambda:us-east-1:123456789012:function:ValidateEvent",
    "ResolveMailboxesArn": "arn:aws:lambda:us-east-1:123456789012:function:ResolveMailboxes",
    "WriteMailboxArn": "arn:aws:lambda:us-east-1:123456789012:function:WriteMailbox",
    "QuarantinePrefix": "quarantine/",
}


class Throws(Exception):
    """A task fails with the error ``error``, as Step Functions names it."""

    def __init__(self, error: str, cause: str = "made to fail") -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


def throws(error: str, cause: str = "made to fail") -> Throws:
    """Say that an attempt fails."""
    return Throws(error, cause)


def returns(**result: Any) -> dict[str, Any]:
    """Say what an attempt gives."""
    return result


type Outcome = Throws | dict[str, Any]
type Passthrough = Callable[[], Any]


@dataclass
class Script:
    """What each attempt of each step does; one list for all mailboxes, or a list by mailbox.

    When a list is used up, or a step has none, its ``defaults`` function answers (a Lambda), or the engine's own
    service does (DynamoDB, SQS, S3).
    """

    steps: Mapping[str, list[Outcome] | Mapping[str, list[Outcome]]]
    defaults: Mapping[str, Callable[[Any], dict[str, Any]]]
    calls: list[tuple[str, str]] = field(default_factory=list)
    payloads: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    _used: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _lock: Lock = field(default_factory=Lock)

    def run(self, resource: str, parameters: dict[str, Any], own: Passthrough) -> Any:
        """Answer one call of a task, or raise ``Throws``."""
        step, key, payload = _identify(resource, parameters)
        with self._lock:
            self.calls.append((step, key))
            self.payloads[step].append(payload)
            turn = self._used[step, key]
            self._used[step, key] += 1
        planned = self.steps.get(step, [])
        outcomes = planned.get(key, []) if isinstance(planned, Mapping) else planned
        if turn < len(outcomes):
            if isinstance(outcomes[turn], Throws):
                raise outcomes[turn]
            return outcomes[turn]
        return self.defaults[step](payload) if step in self.defaults else own()

    def attempts(self, step: str, key: str | None = None) -> int:
        """How often a step was called, for one mailbox or recipient or for all."""
        return sum(1 for called, whose in self.calls if called == step and key in (None, whose))


def definition(substitutions: Mapping[str, str]) -> dict[str, Any]:
    """The workflow with its substitutions filled in, as CloudFormation does it."""
    text = DEFINITION.read_text()
    for name, value in {**SUBSTITUTIONS, **substitutions}.items():
        text = text.replace(f"${{{name}}}", value)
    return json.loads(text)


def _states(machine: dict[str, Any]) -> dict[str, Any]:
    states = dict(machine["States"])
    for state in machine["States"].values():
        if state["Type"] == "Map":
            states |= _states(state["ItemProcessor"])
    return states


_BY_EXPRESSION = {
    state["Parameters"]["UpdateExpression"]: name
    for name, state in _states(json.loads(DEFINITION.read_text())).items()
    if "UpdateExpression" in state.get("Parameters", {})
}
_BY_ACTION = {"dynamodb:getItem": "ReadDelivery", "sqs:sendMessage": "ParkEvent", "s3:copyObject": "QuarantineMessage"}


def _identify(resource: str, parameters: dict[str, Any]) -> tuple[str, str, Any]:
    """Tell which step calls, and for which mailbox or recipient: the engines do not say."""
    if resource.endswith("lambda:invoke"):
        payload = parameters["Payload"]
        key = payload["delivery"]["mailbox"] if isinstance(payload, dict) and "delivery" in payload else ""
        return parameters["FunctionName"].rpartition(":")[2], key, payload
    action = ":".join(resource.rsplit(":", 2)[-2:])
    step = _BY_EXPRESSION.get(parameters.get("UpdateExpression")) or _BY_ACTION[action]
    key = parameters.get("Key")
    return step, key["mailbox"]["S"] if isinstance(key, dict) else "", parameters
