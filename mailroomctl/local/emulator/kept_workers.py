"""Keeps a function's process when the function raises an exception, as Lambda keeps the execution environment.

ministack 1.5 ends the process, and unpacks function and layer for the next invocation: a retry then takes seconds, and
the start counts towards the state's ``TimeoutSeconds``. It goes by the status that the process answers, so the answer
is read as a success that holds a traceback, and is a failure again when ministack has let the process live. A process
that died or did not answer in time has no traceback, and is replaced as before.

Delete this module when ministack keeps the process: ``test_a_function_outlives_its_exception`` then passes without it.
"""

import json
from collections.abc import Callable
from typing import Any, TextIO

FAILED, SPARED = "error", "ok"

type Answer = dict[str, Any]


def install() -> None:
    """Wrap ministack's workers."""
    from ministack.core.lambda_runtime import Worker  # type: ignore[import-untyped]

    spawn = Worker._spawn

    def spawn_and_listen(worker: Any) -> None:
        spawn(worker)
        worker._proc.stdout = Sparing(worker._proc.stdout)

    Worker._spawn = spawn_and_listen
    Worker.invoke = telling_failures(Worker.invoke)


class Sparing:
    """A worker's standard output, in which an exception of the function is no reason to end the worker."""

    def __init__(self, output: TextIO) -> None:
        """Read from ``output``."""
        self._output = output

    def readline(self) -> str:
        """The next line; the answer of a failed invocation with another status."""
        line = self._output.readline()
        if line.startswith("{"):
            try:
                answer = json.loads(line)
            except ValueError:
                return line
            if answer.get("status") == FAILED and "trace" in answer:
                return json.dumps(answer | {"status": SPARED}) + "\n"
        return line

    def __getattr__(self, name: str) -> Any:
        """Everything else is the output's own."""
        return getattr(self._output, name)


def telling_failures(invoke: Callable[..., Answer]) -> Callable[..., Answer]:
    """The same function, with the status of a spared worker's failure put back."""

    def wrapped(*arguments: Any, **named: Any) -> Answer:
        answer = invoke(*arguments, **named)
        return answer | {"status": FAILED} if "trace" in answer else answer

    return wrapped
