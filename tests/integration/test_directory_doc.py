"""docs/directory.md is right: its commands run, in its order, and say what it says they say."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mailroomctl.deliveries import execution
from mailroomctl.deliveries.execution import Execution
from mailroomctl.main import app
from mailroomctl.stack import Stack
from tests.integration.command_line import Operator
from tests.integration.test_quarantine import hold

PAGE = Path(__file__).parents[2] / "docs/directory.md"
HELD = "0lf2k9example"


def steps() -> Iterator[tuple[str, str]]:
    """Every command of the page with its answer."""
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, answer = step.partition("\n")
            yield command, answer


def plain(text: str) -> list[str]:
    """What counts in an answer: neither blank lines, nor the exact widths of a table."""
    lines = [re.sub(r"  +", "  ", line.strip()) for line in text.splitlines()]
    return [line for line in lines if line.strip(" ─")]


def test_the_page_is_right(at: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    def deliver(_stack: Stack, notification: dict[str, Any]) -> Execution:
        for mailbox in notification["mailroom"]["release"]:
            table = at.dynamodb.Table("deliveries")
            item = table.get_item(Key={"message_id": HELD, "mailbox": mailbox})["Item"]
            table.put_item(Item={**item, "status": "DELIVERED"})
        return Execution(execution.DELIVERED)

    monkeypatch.setattr(execution, "run", deliver)
    hold(at, HELD, "max@example.com", "zoe@example.com")
    mail = b"From: Sender <sender@example.org>\r\nSubject: your invoice\r\n\r\n"
    at.s3.put_object(Bucket="mail", Key=f"mail/{HELD}", Body=mail)

    count = 0
    for command, answer in steps():
        program, _, rest = command.partition(" ")
        if program == "mailroomctl":
            result = CliRunner().invoke(app, rest.split())
            said = result.output
            assert result.exit_code == (1 if answer.startswith("mailroomctl: ") else 0), said
        else:
            said = subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
        assert plain(said) == plain(answer), command
        count += 1
    assert count > 30
