"""The unit tests' own rule: no sockets."""

import socket
from collections.abc import Callable

import pytest
from pytest_socket import SocketBlockedError

ADDRESS = ("127.0.0.1", 9)


def _blocked(use: Callable[[], object]) -> bool:
    with pytest.warns(UserWarning, match="A test tried to use socket"), pytest.raises(SocketBlockedError):
        use()
    return True


@pytest.fixture
def refused_to_a_fixture() -> bool:
    return _blocked(lambda: socket.socket())


@pytest.mark.parametrize(
    "use",  # looked up when called, because the guard takes the place of the class
    [
        lambda: socket.socket(),
        lambda: socket.socket(socket.AF_UNIX),
        lambda: socket.create_connection(ADDRESS),
        lambda: socket.getaddrinfo("localhost", 9),
    ],
    ids=["socket", "unix", "connect", "resolve"],
)
def test_a_unit_test_cannot_open_a_socket(use: Callable[[], object]) -> None:
    assert _blocked(use)


def test_nor_can_its_fixtures(refused_to_a_fixture: bool) -> None:
    assert refused_to_a_fixture
