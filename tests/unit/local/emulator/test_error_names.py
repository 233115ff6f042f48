"""The class name of a function's exception, out of the log that the emulator keeps of it."""

import traceback
from typing import Any

import pytest

from mailroomctl.local.emulator.error_names import class_name, keeping_the_class_name


class StorageUnavailable(Exception):  # noqa: N818 - named as the product's errors are
    pass


def log_of(error: BaseException) -> str:
    return "START\nhandler said something\n" + "".join(traceback.format_exception(error))


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize("text", ["no space", "two\nlines", "odd (.*) [text]: x", "ends with colon:", "é\u2028x", ""])
def test_the_class_is_found_whatever_the_message(text: str) -> None:
    error = raised(StorageUnavailable(text) if text else StorageUnavailable())
    assert class_name(log_of(error), str(error)) == "StorageUnavailable"


def test_the_last_of_a_chain_counts() -> None:
    error = raised(StorageUnavailable("full"), cause=OSError("full"))
    assert class_name(log_of(error), "full") == "StorageUnavailable"


def test_notes_and_builtin_exceptions() -> None:
    error = raised(KeyError("mailbox"))
    error.add_note("something more")
    assert class_name(log_of(error), str(error)) == "KeyError"


def test_without_a_traceback_nothing_is_claimed() -> None:
    assert class_name("Worker process died", "Worker process died") is None


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ({"body": {"ok": 1}, "log": "Traceback (most recent call last):\nX: y"}, {"ok": 1}),
        (
            {"error": True, "body": {"errorType": "Runtime.HandlerError", "errorMessage": "died"}, "log": "died"},
            {"errorType": "Runtime.HandlerError", "errorMessage": "died"},
        ),
        (
            {"error": True, "body": {"errorType": "Sandbox.Timedout", "errorMessage": "t"}, "log": ""},
            {"errorType": "Sandbox.Timedout", "errorMessage": "t"},
        ),
        (
            {
                "error": True,
                "body": {"errorType": "Runtime.HandlerError", "errorMessage": "full"},
                "log": log_of(raised(StorageUnavailable("full"))),
            },
            {"errorType": "StorageUnavailable", "errorMessage": "full"},
        ),
    ],
)
def test_only_a_lost_name_is_replaced(outcome: dict[str, Any], expected: dict[str, Any]) -> None:
    wrapped = keeping_the_class_name(lambda function, event, request_id: outcome)
    assert wrapped({}, {}, "1")["body"] == expected
