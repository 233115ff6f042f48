"""A function's process is kept when only the function failed."""

import io
import json
from typing import Any

import pytest

from mailroomctl.local.emulator.kept_workers import Sparing, telling_failures

FAILURE = {"status": "error", "error": "full", "trace": "Traceback (most recent call last):\nStorageUnavailable: full"}


def test_an_exception_of_the_function_reads_as_an_answer() -> None:
    output = Sparing(io.StringIO(json.dumps(FAILURE) + "\n"))
    assert json.loads(output.readline()) == FAILURE | {"status": "ok"}
    assert output.readline() == ""


@pytest.mark.parametrize(
    "line",
    [
        '{"status": "ok", "result": {"status": "error", "trace": "of its own"}}\n',
        '{"status": "error", "error": "no module app"}\n',
        '{"status": "ready", "cold": true}\n',
        '{"level": "INFO", \n',
        "said at import\n",
        "\n",
    ],
)
def test_every_other_line_is_as_it_was(line: str) -> None:
    assert Sparing(io.StringIO(line)).readline() == line


def test_the_output_can_do_what_it_could() -> None:
    output = io.StringIO("left")
    Sparing(output).close()
    assert output.closed


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (FAILURE | {"status": "ok", "log": "x"}, FAILURE | {"log": "x"}),
        ({"status": "ok", "result": 1}, {"status": "ok", "result": 1}),
        ({"status": "error", "error": "Worker process died"}, {"status": "error", "error": "Worker process died"}),
    ],
)
def test_a_failure_is_told(answer: dict[str, Any], told: dict[str, Any]) -> None:
    assert telling_failures(lambda *event, **named: answer)(1, request_id="1") == told
