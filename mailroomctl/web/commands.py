"""Runs a command of ``mailroomctl`` for a page: the same function, with what it prints kept instead of printed."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import typer
from mailroom.errors import MailroomError

from mailroomctl.command import FailedError
from mailroomctl.console import Console, Progress, Row, cell
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack
from mailroomctl.web.jobs import Job


@dataclass(slots=True)
class Result:
    """What a command has said. ``error`` is empty when it did all it was asked."""

    text: str = ""
    data: Any = None
    columns: Sequence[str] = ()
    rows: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: str = ""
    ended_well: bool = True

    @property
    def cells(self) -> list[list[str]]:
        """The rows as text."""
        return [[cell(row.get(column)) for column in self.columns] for row in self.rows]


class _Recorder(Console):
    """A console without a terminal. It counts as one for programs, so that nothing asks or prints."""

    def __init__(self, result: Result, job: Job | None) -> None:
        super().__init__(as_json=True)
        self._result = result
        self._job = job

    def done(self, text: str, data: Any) -> None:
        self._result.text, self._result.data = text, data

    def warn(self, text: str) -> None:
        self._result.warnings.append(text)

    def note(self, text: str) -> None:
        self._result.warnings.append(text)

    def table(
        self, columns: Sequence[str], rows: Iterable[Row], *, empty: str, uncut: Sequence[str] = (), wide: bool = False
    ) -> None:
        self._result.columns, self._result.rows = columns, [dict(row) for row in rows]
        if not self._result.rows:
            self._result.text = self._result.text or empty

    def record(self, row: Row) -> None:
        self._result.data = dict(row)
        # A summary of many: its groups are rows, its failures need to be read.
        for name in ("groups", "findings"):
            if rows := row.get(name):
                self._result.columns, self._result.rows = tuple(rows[0]), rows
        self._result.warnings += [f"{one['message_id']}: {one['reason']}" for one in row.get("failures", ())]

    def tree(self, tree: Any, data: Any) -> None:
        self._result.data = data

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Progress]:
        if self._job is None:
            yield Progress()
            return
        self._job.begin(what, total)
        yield self._job


def run(command: Callable[..., None], stack: Stack, job: Job | None = None, **given: Any) -> Result:
    """Run a command; what it can explain is in the result. Raises what nobody has foreseen."""
    from botocore.exceptions import BotoCoreError, ClientError

    result = Result()
    function = getattr(command, "function", command)
    console = _Recorder(result, job)
    try:
        function(stack=stack, console=console, **_with_defaults(function, given))
    except FailedError as error:
        result.error, result.ended_well = error.text, False
    except typer.Exit as error:
        result.ended_well = error.exit_code == 0
    except typer.BadParameter as error:
        result.error, result.ended_well = error.message, False
    except (CommandError, MailroomError, ClientError, BotoCoreError) as error:
        result.error, result.ended_well = explained(error), False
    return result


def explained(error: BaseException) -> str:
    """Say what an error means, as the command line does."""
    from botocore.exceptions import BotoCoreError, ClientError

    match error:
        case ClientError():
            detail = error.response.get("Error", {})
            return f"AWS refused {error.operation_name}: {detail.get('Message') or detail.get('Code', 'unknown error')}"
        case BotoCoreError():
            return f"AWS could not be asked: {error}"
        case CommandError() | MailroomError() | typer.BadParameter():
            return str(error)
    return f"{type(error).__name__}; the console's log says more"


def _with_defaults(function: Callable[..., None], given: dict[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    defaults = {
        one.name: one.default
        for one in parameters
        if one.default is not inspect.Parameter.empty and one.name not in ("stack", "console")
    }
    return defaults | given
