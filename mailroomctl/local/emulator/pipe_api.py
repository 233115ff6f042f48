"""Lets a workflow describe, mark, stop and start a pipe, as the storage breaker does.

ministack 1.5 has the pipes, but its Step Functions do not know ``aws-sdk:pipes``. Delete this module when they do:
``test_the_storage_breaker_lets_mail_wait`` then passes without it.
"""

import json
from collections.abc import Callable
from typing import Any

type Invoke = Callable[[str, dict[str, Any]], Any]
type Answer = tuple[int, Any, bytes | str]
type Action = Callable[[dict[str, Any]], Answer]


def install() -> None:
    """Wrap ministack's way of calling a service from a workflow."""
    from ministack.services import pipes, stepfunctions  # type: ignore[import-untyped]

    actions: dict[str, Action] = {
        "describePipe": lambda asked: pipes._describe_pipe(asked["Name"]),
        "stopPipe": lambda asked: pipes._set_state(asked["Name"], "STOPPED"),
        "startPipe": lambda asked: pipes._set_state(asked["Name"], "RUNNING"),
        "tagResource": lambda asked: pipes._tag_resource(asked["ResourceArn"], {"tags": asked["Tags"]}),
        "untagResource": lambda asked: pipes._untag_resource(asked["ResourceArn"], {"tagKeys": asked["TagKeys"]}),
    }
    stepfunctions._invoke_aws_sdk_integration = knowing_pipes(
        stepfunctions._invoke_aws_sdk_integration, actions, stepfunctions._ExecutionError
    )


def knowing_pipes(invoke: Invoke, actions: dict[str, Action], failure: Callable[[str, str], Exception]) -> Invoke:
    """The same function, with the actions of ``aws-sdk:pipes``; an answer of 400 or more is the failure AWS names."""

    def wrapped(resource: str, parameters: dict[str, Any]) -> Any:
        *_, service, action = resource.split(":")
        if service != "pipes" or action not in actions:
            return invoke(resource, parameters)
        status, _, body = actions[action](parameters)
        answer = json.loads(body or "{}")
        if status >= 400:
            kind = str(answer.get("__type", "PipesException")).rpartition("#")[2]
            raise failure(f"Pipes.{kind}", str(answer.get("message", "")))
        return answer

    return wrapped
