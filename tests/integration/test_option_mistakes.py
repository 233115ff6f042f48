"""Options that cannot be: one line that says what to write, and no traceback."""

from tests.integration.command_line import Operator


def test_an_endpoint_that_is_none(at: Operator) -> None:
    at.replaced.clear()
    said = at.fails("mailbox list --endpoint-url 127.0.0.1:4610")
    assert said == "Invalid endpoint: 127.0.0.1:4610: write --endpoint-url as http://HOST:PORT."


def test_a_port_that_is_none(at: Operator) -> None:
    said = at.misused("local up --smtp-port 99999")
    assert "Invalid value for '--smtp-port': Input should be less than or equal to 65535" in said


def test_an_option_before_the_command_is_told_where_it_goes(at: Operator) -> None:
    said = at.misused("--stack-name other status")
    assert "it goes after the command: mailroomctl status --stack-name other" in said
