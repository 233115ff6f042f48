"""How every command finds its stack, prints, and fails.

A command is written as ``def add(stack: Stack, console: Console, address: …)`` and decorated with ``command``: the
first two become the options ``--stack-name``, ``--region``, ``--profile``, ``--endpoint-url`` and ``--json``.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer
from mailroom.errors import MailroomError

from mailroomctl.console import Console
from mailroomctl.errors import CommandError
from mailroomctl.for_people import for_people
from mailroomctl.options.sharing import Options, with_options
from mailroomctl.stack import DEFAULT_STACK_NAME, Stack

_PANEL = "Stack and output"

#: Exit code after Ctrl-C, as shells have it: 128 + SIGINT.
INTERRUPTED = 130

_OPTIONS: Options = {
    "stack_name": (
        Annotated[
            str, typer.Option(envvar="MAILROOM_STACK_NAME", help="Name of the deployed stack.", rich_help_panel=_PANEL)
        ],
        DEFAULT_STACK_NAME,
    ),
    "region": (
        Annotated[
            str | None,
            typer.Option(envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="AWS region.", rich_help_panel=_PANEL),
        ],
        None,
    ),
    "profile": (
        Annotated[
            str | None, typer.Option(envvar="AWS_PROFILE", help="Profile of ~/.aws/config.", rich_help_panel=_PANEL)
        ],
        None,
    ),
    "endpoint_url": (
        Annotated[
            str | None,
            typer.Option(
                envvar="AWS_ENDPOINT_URL",
                help="Another AWS endpoint, such as the embedded one.",
                rich_help_panel=_PANEL,
            ),
        ],
        None,
    ),
    "as_json": (
        Annotated[bool, typer.Option("--json", help="Print JSON for programs.", rich_help_panel=_PANEL)],
        False,
    ),
}


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Turn a function of a stack and a console into what typer needs."""

    def call(given: dict[str, Any], values: dict[str, Any]) -> None:
        as_json = given.pop("as_json")
        stack = Stack(given.pop("stack_name"), **given)
        with clear_errors():
            function(stack=stack, console=Console(as_json=as_json), **values)

    return with_options(function, _OPTIONS, call, instead_of=("stack", "console"))


@contextmanager
def clear_errors() -> Iterator[None]:
    """End the program with one line for what can be explained: exit code 1, or 130 on Ctrl-C."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (CommandError, MailroomError) as error:
        fail(str(error))
    except ClientError as error:
        detail = error.response.get("Error", {})
        fail(f"AWS refused {error.operation_name}: {detail.get('Message') or detail.get('Code', 'unknown error')}")
    except BotoCoreError as error:
        fail(f"AWS could not be asked: {error}")
    except KeyboardInterrupt:
        fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone, as with "| head"; nothing is wrong.
        sys.stderr.close()
        raise SystemExit(0) from None


class FailedError(typer.Exit):
    """A command ends with an exit code, and has said why."""

    def __init__(self, code: int, text: str) -> None:
        """Keep the text for whoever runs commands without a terminal."""
        super().__init__(code)
        self.text = text


def fail(text: str, code: int = 1) -> NoReturn:
    """Print one line to standard error and exit."""
    line = for_people(" ".join(text.split()))
    print(f"mailroomctl: {line}", file=sys.stderr)
    raise FailedError(code, line)
