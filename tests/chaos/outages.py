"""The embedded AWS with services that can be taken away: DynamoDB, S3, and room for functions.

``Outages`` starts this module in the place of the emulator's own server. A file in the state folder says what is away,
so that the test in its own process can switch it. It is away for the application only: for its functions, known by
their credentials, and for its workflows, whose calls never leave ministack's process. SES's side, the pipe and the test
itself are served as ever.
"""

import asyncio
import contextvars
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from mailroomctl.local import lifecycle, processes
from mailroomctl.local.emulator import alarms, server
from mailroomctl.local.settings import ACCESS_KEY

DYNAMODB, S3, THROTTLED = KINDS = ("DynamoDB gone", "S3 gone", "functions throttled")
#: How likely a call fails: as in real outages some get through, and what they have begun then fails at a later step.
FAILS = 0.75
#: What becomes of a workflow's call, and how often; the last two are carried out although the workflow sees a failure.
WAYS = {"refused": 4, "unanswered": 2, "answer lost": 2, "late": 1}
#: What becomes of a function's call. Silence is longer than any read timeout.
HTTP_WAYS = {"refused": 4, "cut off": 3, "silent": 1}
SILENCE = 4.0
#: Seconds within which a late call is carried out after all.
LATEST = 2.0

_CREDENTIAL = re.compile(rb"Credential=([^/]+)/\d+/[^/]+/(dynamodb|s3)/")
_REFUSED = {
    DYNAMODB: (500, b'{"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "chaos"}'),
    S3: (503, b"<Error><Code>ServiceUnavailable</Code><Message>chaos</Message></Error>"),
}

type Call = Callable[[str, dict[str, Any]], Any]


class Switch:
    """What is away, and which calls have failed for it; in files, for two processes."""

    def __init__(self, state: Path) -> None:
        """Nothing is away yet."""
        self._folder = state / "outages"
        self._log = state / "log" / "outages.log"

    def take_away(self, kind: str) -> None:
        """From now on, calls fail."""
        self._folder.mkdir(exist_ok=True)
        (self._folder / kind).touch()

    def give_back(self, kind: str) -> None:
        """From now on, calls succeed."""
        (self._folder / kind).unlink(missing_ok=True)

    def is_away(self, kind: str) -> bool:
        """Whether calls fail."""
        return (self._folder / kind).exists()

    def note(self, kind: str, way: str, what: str) -> None:
        """Take down a call that has failed."""
        with self._log.open("a") as log:
            log.write(f"{kind}: {way}: {what}\n")

    def failed(self, what: str = "") -> Counter[str]:
        """How many calls have failed for each kind; only those whose text holds ``what``."""
        return Counter(line.partition(":")[0] for line in self._noted() if what in line)

    def ways(self) -> Counter[str]:
        """How many calls have failed in each way."""
        return Counter(":".join(line.split(":")[:2]) for line in self._noted())

    def _noted(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []


@contextmanager
def instead_of_the_server() -> Iterator[None]:
    """Within the block, ``lifecycle.up`` starts this module as the embedded AWS."""
    usual = processes.MODULES[lifecycle.AWS]
    processes.MODULES[lifecycle.AWS] = __name__
    try:
        yield
    finally:
        processes.MODULES[lifecycle.AWS] = usual


class Outages:
    """Wraps what the application's calls go through."""

    def __init__(self, switch: Switch, failure: Callable[[str, str], Exception]) -> None:
        """``failure`` makes ministack's error of a task, from its name and cause."""
        self._switch, self._failure = switch, failure
        self._random = Random(0)

    def for_dynamodb(self, call: Call) -> Call:
        """A workflow's calls of DynamoDB."""

        def wrapped(operation: str, asked: dict[str, Any]) -> Any:
            what = f"{operation} {asked.get('Key', {}).get('message_id', {}).get('S', '')}"
            return self._task(DYNAMODB, what, "DynamoDB.InternalServerErrorException", lambda: call(operation, asked))

        return wrapped

    def for_s3(self, call: Call) -> Call:
        """A workflow's calls of S3, among those of other services."""

        def wrapped(resource: str, asked: dict[str, Any]) -> Any:
            if ":aws-sdk:s3:" not in resource:
                return call(resource, asked)
            return self._task(S3, resource.rpartition(":")[2], "S3.S3Exception", lambda: call(resource, asked))

        return wrapped

    def for_functions(self, call: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
        """A workflow's invocations."""

        def wrapped(function: str, event: Any) -> Any:
            if self._fails(THROTTLED):
                self._switch.note(THROTTLED, "refused", str(function).rpartition(":")[2])
                raise self._failure("Lambda.TooManyRequestsException", "Rate Exceeded.")
            return call(function, event)

        return wrapped

    def for_http(self, app: Callable[..., Any]) -> Callable[..., Any]:
        """The functions' own calls, among all that arrive at the endpoint."""

        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            kind = _asked_by_a_function(scope)
            if not kind or not self._fails(kind):
                await app(scope, receive, send)
                return
            way = self._drawn(HTTP_WAYS)
            self._switch.note(kind, way, f"{scope['method']} {scope['path']}")
            if way == "cut off":
                await app(scope, receive, _cutting(send))
                return
            if way == "silent":
                await asyncio.sleep(SILENCE)
            status, body = _REFUSED[kind]
            headers = [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        return wrapped

    def _task(self, kind: str, what: str, error: str, call: Callable[[], Any]) -> Any:
        if not self._fails(kind):
            return call()
        way = self._drawn(WAYS)
        self._switch.note(kind, way, what)
        if way == "answer lost":
            call()
        elif way == "late":
            late = contextvars.copy_context()
            threading.Timer(self._random.uniform(0.1, LATEST), late.run, [call]).start()
        if way == "refused":
            raise self._failure(error, "chaos")
        # Said at once: what the workflow does next is the same, and a test of hundreds of them ends.
        raise self._failure("States.Timeout", f"chaos: {way}")

    def _fails(self, kind: str) -> bool:
        return self._switch.is_away(kind) and self._random.random() < FAILS

    def _drawn(self, ways: dict[str, int]) -> str:
        return self._random.choices(list(ways), list(ways.values()))[0]


def _asked_by_a_function(scope: Any) -> str | None:
    if scope["type"] != "http":
        return None
    found = _CREDENTIAL.search(dict(scope["headers"]).get(b"authorization", b""))
    if not found or found[1] == ACCESS_KEY.encode():
        return None
    return DYNAMODB if found[2] == b"dynamodb" else S3


def _cutting(send: Any) -> Any:
    """The same way of answering, with a connection that breaks in the middle of the body."""

    async def wrapped(message: Any) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        body = message.get("body", b"")
        await send({**message, "body": body[: len(body) // 2], "more_body": True})
        raise ConnectionResetError("chaos")

    return wrapped


def install(switch: Switch) -> None:
    """Wrap ministack's ways to its services."""
    from ministack import app  # type: ignore[import-untyped]
    from ministack.services import stepfunctions  # type: ignore[import-untyped]

    outages = Outages(switch, stepfunctions._ExecutionError)
    app.app = outages.for_http(app.app)
    stepfunctions._call_lambda = outages.for_functions(stepfunctions._call_lambda)
    stepfunctions._invoke_dynamodb = outages.for_dynamodb(stepfunctions._invoke_dynamodb)
    stepfunctions._invoke_aws_sdk_integration = outages.for_s3(stepfunctions._invoke_aws_sdk_integration)


def main(state: str) -> None:
    """Serve as the emulator does, with outages on top of all that it fills in, which ends with the alarms."""
    fill_in = alarms.install

    def fill_in_and_wrap() -> None:
        fill_in()
        install(Switch(Path(state)))

    alarms.install = fill_in_and_wrap
    server.main(state)


if __name__ == "__main__":
    main(sys.argv[1])
