"""The parameter LogLevel: from the template, as Lambda hands it on, to the lines that a function logs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads

from tests.integration.test_validate_event import ENVIRONMENT
from tests.workflow.mail import queued, ses_notification

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
CALL = (
    "import json, sys, types, app; app.handler(json.load(sys.stdin), types.SimpleNamespace(**json.loads(sys.argv[1])))"
)
CONTEXT = {"function_name": "f", "memory_limit_in_mb": 512, "invoked_function_arn": "arn", "aws_request_id": "1"}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return loads(TEMPLATE.read_text(), str(TEMPLATE))


def deployed(template: dict[str, Any], level: str) -> dict[str, str]:
    """The environment in which Lambda starts a function of a stack with this LogLevel."""
    function = template["Globals"]["Function"]
    assert function["LoggingConfig"]["LogFormat"] == "JSON", "else Lambda takes no level"
    condition, then, otherwise = function["LoggingConfig"]["ApplicationLogLevel"]["Fn::If"]
    reference, value = template["Conditions"][condition]["Fn::Equals"]
    assert reference == otherwise == function["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == {"Ref": "LogLevel"}
    handed_on = then if level == value else level
    assert handed_on in {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}, "what Lambda takes"
    return {"AWS_LAMBDA_LOG_LEVEL": handed_on, "AWS_LAMBDA_LOG_FORMAT": "JSON", "POWERTOOLS_LOG_LEVEL": level}


def logged(environment: dict[str, str], event: object) -> list[dict[str, Any]]:
    """Run ValidateEvent in a process of its own; returns what its logger wrote."""
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", CALL, json.dumps(CONTEXT)],
        input=json.dumps(event),
        env={
            **os.environ,
            **ENVIRONMENT,
            "PYTHONPATH": str(TEMPLATE.parent / "functions/validate_event"),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("InvalidEvent" in done.stderr) == (done.returncode != 0), done.stderr
    return [line for line in map(json.loads, done.stdout.splitlines()) if "level" in line]


@pytest.mark.parametrize(
    ("level", "of_mail", "of_rubbish"),
    [
        ("DEBUG", {"Envelope", "Mail received"}, {"Failed"}),
        ("INFO", {"Mail received"}, {"Failed"}),
        ("WARNING", set(), {"Failed"}),
        ("ERROR", set(), set()),
    ],
)
def test_the_level_decides_what_is_logged(
    template: dict[str, Any], level: str, of_mail: set[str], of_rubbish: set[str]
) -> None:
    environment = deployed(template, level)
    lines = logged(environment, queued(ses_notification("bob")))
    assert {line["message"] for line in lines} == of_mail
    assert ("bob@example.com" in json.dumps(lines)) == (level == "DEBUG")
    assert {line["message"] for line in logged(environment, queued("}{"))} == of_rubbish


def test_every_level_that_the_parameter_takes_is_tested(template: dict[str, Any]) -> None:
    assert template["Parameters"]["LogLevel"]["AllowedValues"] == ["DEBUG", "INFO", "WARNING", "ERROR"]
    assert template["Parameters"]["LogLevel"]["Default"] == "INFO"
