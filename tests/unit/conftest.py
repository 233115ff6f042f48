"""No unit test opens a socket: what needs one is a test of another size."""

from pytest_socket import disable_socket


def pytest_runtest_setup() -> None:
    """Forbid sockets before the fixtures are set up; pytest-socket allows them again when the test is over."""
    disable_socket()
