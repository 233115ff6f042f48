"""One embedded AWS and one Dovecot for the whole suite, on free ports and with folders of their own."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mailroomctl.local import lifecycle
from mailroomctl.local.settings import Settings
from mailroomctl.main import app
from tests.e2e import dovecot as dovecot_server
from tests.e2e.ports import free_ports
from tests.e2e.world import World
from tests.left_out import left_out
from tests.made_once import made_once


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let ``make test`` run both halves beside each other."""
    words = "only the tests that share one running application, or only those that have one of their own, or none"
    parser.addoption("--world", choices=("shared", "own"), help=words)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of the half that was asked for."""
    wanted = config.getoption("--world", None)
    if wanted is None:
        return
    halves: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        halves["world" in getattr(item, "fixturenames", ())].append(item)
    items[:] = halves[wanted == "shared"]
    config.hook.pytest_deselected(items=halves[wanted != "shared"])


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """What is the same for every client and command is made once."""
    with made_once():
        yield


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that Dovecot's user can reach, which pytest's own temporary folders are not."""
    path = Path(tempfile.mkdtemp(prefix="mailroom-e2e-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def world(folder: Path) -> Iterator[World]:
    """The application, deployed; a failed message is redelivered after a second, and is a dead letter after three."""
    aws_port, smtp_port, console_port = free_ports(3)
    settings = Settings(
        state=folder / "local",
        aws_port=aws_port,
        smtp_port=smtp_port,
        console_port=console_port,
        stack_name="mailroom-e2e",
        redelivery=1,
        parameters={"MaxReceiveCount": "3", "StorageProbeSeconds": "1"},
    )
    lifecycle.up(settings)
    try:
        yield World(settings)
    finally:
        lifecycle.down(settings)


@pytest.fixture
def as_operator(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of an operator of the embedded AWS, who has no AWS credentials."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", world.settings.endpoint)
    monkeypatch.setenv("MAILROOM_STACK_NAME", world.settings.stack_name)


@pytest.fixture
def operator(as_operator: None) -> Callable[..., Any]:
    """Type a command as that operator does, for its answer as JSON; it has to succeed."""

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(app, [*arguments, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


@pytest.fixture(scope="session")
def dovecot_process(folder: Path, world: World) -> Iterator[dovecot_server.Dovecot]:
    """Dovecot on the mail root."""
    if dovecot_server.DOVECOT is None:
        left_out("Dovecot is not installed here: the IMAP part is left out")
    with dovecot_server.serving(folder / "dovecot", world.mail_root) as server:
        yield server


@pytest.fixture
def dovecot(dovecot_process: dovecot_server.Dovecot) -> Iterator[dovecot_server.Dovecot]:
    """Dovecot, which must have had nothing to complain about when the test is over."""
    yield dovecot_process
    assert dovecot_process.errors() == ""
