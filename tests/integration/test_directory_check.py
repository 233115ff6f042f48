"""directory check: what is wrong in the directory, each mistake by its address, and warnings apart."""

from tests.fakes.dynamodb import alias, domain, group, mailbox
from tests.integration.command_line import Operator
from tests.integration.test_directory_file import COMPANY


def test_check_in_order(at: Operator) -> None:
    at.put(*COMPANY)
    assert at.run("directory check") == "the directory is in order\n"


def test_check_everything_that_can_be_wrong(at: Operator) -> None:
    at.parameters["FanOutLimit"] = "2"
    at.put(
        *COMPANY,
        alias("dangling@example.com", "gone@example.com"),
        alias("off@example.com", "disabled@example.com"),
        mailbox("disabled@example.com", enabled=False, subaddress_folders=True),
        alias("a@example.com", "b@example.com"),
        alias("b@example.com", "a@example.com"),
        alias("into@example.com", "a@example.com"),
        mailbox("twin@example.com", path="old/eve"),
        mailbox("inner@example.com", path="old/eve/x"),
        group("many@example.com", "bob@example.com", "eve@example.com", "twin@example.com"),
        mailbox("disabled+lists@example.com"),
        domain("example.org", alias_of="example.com"),
        mailbox("eve@example.org"),
        alias("*@example.org", "bob@example.com"),
        {"address": "odd@example.com", "type": "list"},
        {"address": "BOB@example.com", "type": "mailbox"},
        mailbox('"' + "x" * 60 + '"@example.com', path="../x"),
    )
    rows = at.json("directory check", code=1)
    assert sorted((row["severity"], row["kind"], row["entry"]) for row in rows) == [
        ("error", "broken", '"' + "x" * 60 + '"@example.com'),
        ("error", "broken", "BOB@example.com"),
        ("error", "broken", "odd@example.com"),
        ("error", "dangling", "dangling@example.com"),
        ("error", "fan-out", "many@example.com"),
        ("error", "loop", "a@example.com"),
        ("error", "path", "eve@example.com"),
        ("error", "path", "eve@example.com"),
        ("warning", "disabled", "off@example.com"),
        ("warning", "shadowed", "*@example.org"),
        ("warning", "shadowed", "disabled@example.com"),
        ("warning", "shadowed", "eve@example.com"),
    ]
    assert "aliases go round in a loop: a@example.com → b@example.com → a@example.com" in str(rows)
    table = at.run("directory check", code=1)
    assert "the path of inner@example.com, old/eve/x, is inside the mailbox eve@example.com, old/eve" in table


def test_check_warnings_alone_are_no_failure(at: Operator) -> None:
    at.put(
        domain("example.com"), mailbox("bob@example.com", enabled=False), alias("info@example.com", "bob@example.com")
    )
    assert [row["kind"] for row in at.json("directory check")] == ["disabled"]
