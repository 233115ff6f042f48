"""No unit test opens a socket: what needs one is a test of another size. And no test is timed, hypothesis's neither."""

from hypothesis import settings
from pytest_socket import disable_socket

settings.register_profile("mailroom", deadline=None)
settings.load_profile("mailroom")


def pytest_runtest_setup() -> None:
    """Forbid sockets before the fixtures are set up; pytest-socket allows them again when the test is over."""
    disable_socket()
