"""What the integration tests share."""

from collections.abc import Callable, Iterator
from threading import RLock
from typing import Any
from unittest import mock

import pytest
from moto.dynamodb.responses import DynamoHandler

from mailroomctl.queues import pipe
from tests.fakes.dynamodb import alias, domain, group, mailbox
from tests.integration.command_line import Operator, operator
from tests.made_once import made_once


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """Everything that is the same in every test is made once."""
    # moto would make thousands of matchers for each test, for requests that do not come from botocore: there are none.
    with made_once(), mock.patch("moto.core.models.RESPONSES_METHODS", []):
        yield


@pytest.fixture(scope="session", autouse=True)
def one_call_at_a_time() -> Iterator[None]:
    """moto's DynamoDB lets a query see an item half-way through another thread's update; AWS's does not."""
    turn = RLock()
    call: Callable[[DynamoHandler], Any] = DynamoHandler.call_action

    def in_turn(handler: DynamoHandler) -> Any:
        with turn:
            return call(handler)

    with mock.patch.object(DynamoHandler, "call_action", in_turn):
        yield


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """An operator at work on an empty stack."""
    with operator(monkeypatch) as one:
        yield one


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipe commands look again at once."""
    for name in ("POLL", "GRACE", "QUIET"):
        monkeypatch.setattr(pipe, name, 0)


@pytest.fixture(scope="module")
def at_company() -> Iterator[Operator]:
    """An operator on a small directory, for commands that change nothing: setting one up takes most of a test."""
    with pytest.MonkeyPatch.context() as monkeypatch, operator(monkeypatch) as one:
        one.put(
            mailbox("eve@example.com"),
            mailbox("max@example.com"),
            mailbox("zoe@example.com", path="old/zoe"),
            alias("info@example.com", "eve@example.com"),
            group("all@example.com", "eve@example.com"),
            domain("example.com", separators="+"),
            domain("example.org", separators="+", alias_of="example.com"),
        )
        yield one
