"""The console as a browser asks it, without a browser: against moto, with the calls to AWS counted."""

import asyncio
import json
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from mailroomctl.stack import Stack
from mailroomctl.web.app import make_app
from mailroomctl.web.context import Context
from mailroomctl.web.security import TOKEN_HEADER, Gate
from tests.integration.command_line import REGION, Operator
from tests.unit.web.asgi import Answer, ask, scope

DEFINITION = (Path(__file__).parents[2] / "statemachine" / "deliver_mail.asl.json").read_text()
HOST = "127.0.0.1:8850"


class Logs:
    """CloudWatch Logs with the events of executions; each call is remembered."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.calls: list[str] = []

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.calls.append(request["filterPattern"])
        assert request["startTime"] < request["endTime"]
        return {"events": [{"message": json.dumps(event)} for event in self.events] + [{"message": "no JSON"}]}


class Pages:
    """A console on the stack of an operator, in which a browser is."""

    def __init__(self, at: Operator, **options: Any) -> None:
        self.at = at
        self.logs = Logs()
        at.replaced["logs"] = self.logs
        at.replaced.setdefault("stepfunctions", Workflow())
        at.replaced.setdefault("pipes", Pipes())
        at.replaced.setdefault("cloudwatch", Metrics())
        self.context = Context(Stack(region=REGION), **options)
        self.gate = Gate(8850, read_only=self.context.read_only)
        self.app = make_app(self.context, self.gate)
        session = self.gate.enter(self.gate.invitation)
        assert session
        self._headers = {"host": HOST, "cookie": f"{self.gate.cookie}={session}"}
        self._token = Gate.token(session)
        self.calls: list[str] = []

    def count(self) -> None:
        """Count the calls to AWS from now on."""
        stack = self.context.stack
        self.context.prepare()
        for client in (stack.dynamodb, stack.s3, stack.sqs):
            client.meta.events.register("before-call", lambda model, **_: self.calls.append(model.name))

    def get(self, path: str, code: int = 200, /, **query: str) -> str:
        """Ask for a page; returns its text."""
        answer = self.answer("GET", f"{path}?{urlencode(query)}" if query else path)
        assert answer.status == code, answer.text
        return answer.text

    def post(self, path: str, code: int = 200, /, **form: Any) -> str:
        """Send a form as htmx does."""
        answer = self.posted(path, **form)
        assert answer.status == code, answer.text
        return answer.text

    def posted(self, path: str, /, **form: Any) -> Answer:
        """Send a form, and return the answer with its headers."""
        headers = {
            "origin": f"http://{HOST}",
            TOKEN_HEADER: self._token,
            "content-type": "application/x-www-form-urlencoded",
            "hx-request": "true",
        }
        return self.answer("POST", path, urlencode(form, doseq=True).encode(), **headers)

    def do(self, action: str, **given: Any) -> str:
        """Look at the preview of an action, do it, and wait for its end; returns what it came to."""
        self.get(f"/do/{action}", **given)
        text = self.post(f"/do/{action}", **given)
        deadline = time.monotonic() + 60
        while "data-ended" not in text:
            assert time.monotonic() < deadline
            found = re.search(r"/jobs/[\w-]+", text)
            assert found, text
            time.sleep(0.02)
            text = self.get(found[0])
        return text

    def answer_of_fault(self, method: str, path: str) -> Answer:
        """Ask, as a server does, which keeps what is raised for its log."""
        return asyncio.run(ask(_keeping(self.app), scope(method, path, self._headers)))

    def answer(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Ask, with the cookie."""
        given = scope(method, path, self._headers | {name.replace("_", "-"): value for name, value in headers.items()})
        return asyncio.run(ask(self.app, given, body))


def _keeping(app: Any) -> Any:
    async def kept(given: Any, receive: Any, send: Any) -> None:
        with suppress(Exception):
            await app(given, receive, send)

    return kept


class Workflow:
    """Step Functions, of which only the definition is asked."""

    def describe_state_machine(self, **request: str) -> dict[str, Any]:
        return {"definition": DEFINITION}


class Pipes:
    """A pipe that runs."""

    def describe_pipe(self, **request: str) -> dict[str, Any]:
        return {"Arn": "arn", "DesiredState": "RUNNING", "CurrentState": "RUNNING", "Tags": {}}


class Metrics:
    """CloudWatch, with one sum for each series of the last hour."""

    def get_metric_statistics(self, **request: Any) -> dict[str, Any]:
        return {"Datapoints": []}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_alarms"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        return [{"MetricAlarms": []}]

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        times = [request["StartTime"]]
        return {
            "MetricDataResults": [
                {"Id": one["Id"], "Timestamps": times, "Values": [7.0]} for one in request["MetricDataQueries"]
            ]
        }
