"""Keeps the class name of a function's exception, which the workflow's Retry and Catch match.

Lambda reports ``errorType: "StorageUnavailable"``; ministack 1.5 reports ``Runtime.HandlerError`` for every exception
and has the class name only in the traceback that it adds to the invocation's log.

Delete this module when ministack reports the class name itself:
``test_a_function_reports_the_class_name_of_its_exception`` then passes without it.
"""

import re
from collections.abc import Callable
from typing import Any

LOST = "Runtime.HandlerError"

type Execute = Callable[[dict[str, Any], Any, str], dict[str, Any]]


def install() -> None:
    """Wrap ministack's way of running a function in a warm worker."""
    from ministack.services import lambda_svc  # type: ignore[import-untyped]

    lambda_svc._execute_function_warm = keeping_the_class_name(lambda_svc._execute_function_warm)


def keeping_the_class_name(execute: Execute) -> Execute:
    """The same function, with the ``errorType`` of a failed invocation taken from its traceback."""

    def wrapped(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        outcome = execute(function, event, request_id)
        body = outcome.get("body")
        if outcome.get("error") and isinstance(body, dict) and body.get("errorType") == LOST:
            body["errorType"] = class_name(outcome.get("log", ""), body.get("errorMessage", "")) or LOST
        return outcome

    return wrapped


def class_name(log: str, message: str) -> str | None:
    """The exception's class in a traceback whose text is ``message``; None when the log holds no traceback.

    The last match counts: with ``raise … from …`` the log holds several tracebacks.
    """
    if "Traceback (most recent call last):" not in log:
        return None
    text = f": {re.escape(message)}" if message else ""
    found = re.findall(rf"^(?:[^\W\d][\w.]*\.)?([^\W\d]\w*){text}$", log, re.MULTILINE)
    return found[-1] if found else None
