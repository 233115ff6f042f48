"""Shared options: where they stand, and what a command gets of them."""

import inspect
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from mailroomctl.options.sharing import Options, with_options

LOUD: Options = {"loud": (Annotated[bool, typer.Option("--loud", help="Shout.")], False)}


def greet(stack: str, console: str, name: str, times: Annotated[int, typer.Option()] = 1) -> None:
    """Greet somebody."""


@pytest.mark.parametrize(
    ("instead_of", "first", "names"),
    [
        (("stack", "console"), False, ["name", "times", "loud"]),
        (("times",), True, ["stack", "console", "loud", "name"]),
    ],
)
def test_the_place_of_the_options(instead_of: tuple[str, ...], first: bool, names: list[str]) -> None:
    command = with_options(greet, LOUD, lambda given, values: None, instead_of=instead_of, first=first)
    assert list(inspect.signature(command).parameters) == names
    assert (command.__name__, command.__doc__) == ("greet", "Greet somebody.")


def test_options_and_own_values_arrive_apart() -> None:
    calls: list[Any] = []
    app = typer.Typer()
    app.command()(with_options(greet, LOUD, lambda *call: calls.append(call), instead_of=("stack", "console")))
    done = CliRunner().invoke(app, ["bob", "--times", "2", "--loud"])
    assert done.exit_code == 0
    assert calls == [({"loud": True}, {"name": "bob", "times": 2})]
