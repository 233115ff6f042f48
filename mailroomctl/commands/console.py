"""``mailroomctl console``: the console, in the browser."""

import sys
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailroomctl.console import Console
from mailroomctl.errors import CommandError
from mailroomctl.local.settings import CONSOLE_PACKAGES, Settings
from mailroomctl.stack import Stack

if TYPE_CHECKING:
    from mailroomctl.web.security import Gate

PORT = 8850


def console(
    stack: Stack,
    console: Console,
    port: Annotated[int, typer.Option(help="Port on this machine; 0 takes any.", min=0, max=65535)] = PORT,
    read_only: Annotated[bool, typer.Option("--read-only", help="Show everything, change nothing.")] = False,
    show_mail: Annotated[
        bool, typer.Option("--show-mail", help="Show the content of mail; always on with the embedded AWS.")
    ] = False,
    browse: Annotated[bool, typer.Option("--open", help="Open the browser.")] = False,
    state: Annotated[Path, typer.Option(help="State folder of the embedded AWS, to compose and send.")] = Path(
        ".local"
    ),
) -> None:
    """Serve web pages on this machine: does mail flow, where is a message, what waits, who receives mail.

    Prints an address that opens the console once, in one browser. It listens on loopback only: from elsewhere, use a
    tunnel to the same port. It ends with Ctrl-C.
    """
    if missing := [name for name in CONSOLE_PACKAGES if not find_spec(name)]:
        raise CommandError(
            f'the console needs the extra "console": pip install "mailroom[console]" (missing: {", ".join(missing)})'
        )
    from mailroomctl.web.context import Context
    from mailroomctl.web.server import serve

    def opened(gate: "Gate") -> None:
        console.done(f"{gate.address}\n(opens the console once; Ctrl-C ends it)", {"address": gate.address})
        sys.stdout.flush()  # a program that reads it may wait for the line
        if browse:
            webbrowser.open(gate.address)

    context = Context(stack, _embedded(stack, state), read_only=read_only, show_mail=show_mail)
    serve(context, port, opened)


def _embedded(stack: Stack, state: Path) -> Settings | None:
    """Return the embedded AWS that the stack is on, if that is where it is."""
    try:
        settings = Settings.load(state)
    except CommandError:
        return None
    return settings if stack.endpoint_url and stack.endpoint_url.rstrip("/") == settings.endpoint else None
