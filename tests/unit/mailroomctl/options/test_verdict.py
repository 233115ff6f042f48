"""``--verdict`` means the same to ``explain`` and to ``local send``."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailroomctl.errors import CommandError
from mailroomctl.local.settings import Settings
from mailroomctl.main import app
from mailroomctl.options.verdict import parse_verdicts


def test_upper_and_lower_case_are_put_right() -> None:
    given = ["spam=fail", "DKIM=Gray", "dmarc=FAIL", "DMARC-Policy=Reject"]
    assert parse_verdicts(given) == {"spam": "FAIL", "dkim": "GRAY", "dmarc": "FAIL", "dmarc-policy": "reject"}
    assert parse_verdicts(None) == {}


MISTAKES = [
    ("spam", "--verdict spam: write spam|virus"),
    ("spam=MAYBE", "--verdict spam=MAYBE: write spam|virus"),
    ("arc=FAIL", "--verdict arc=FAIL: write spam|virus"),
    ("dmarc-policy=FAIL", "dmarc-policy=none|quarantine|reject"),
    ("dmarc=FAIL", "--verdict dmarc=FAIL decides nothing alone: add --verdict dmarc-policy=quarantine or reject."),
]


@pytest.mark.parametrize(("given", "said"), MISTAKES)
def test_what_decides_nothing_is_refused(given: str, said: str) -> None:
    with pytest.raises(CommandError) as refused:
        parse_verdicts([given])
    assert said in str(refused.value)


@pytest.mark.parametrize(("given", "said"), MISTAKES)
def test_local_send_refuses_it_before_anything_is_sent(given: str, said: str, tmp_path: Path) -> None:
    Settings(state=tmp_path).save()
    arguments = ["local", "send", "--to", "bob@example.com", "--verdict", given, "--state", str(tmp_path), __file__]
    refused = CliRunner().invoke(app, arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("mailroomctl: ")
    assert said in refused.stderr


@pytest.mark.parametrize("to", ["bob@example.com\nRCPT TO:<eve@example.com>", "bob\r@example.com"])
def test_local_send_refuses_an_address_that_would_be_a_command(to: str, tmp_path: Path) -> None:
    Settings(state=tmp_path).save()
    refused = CliRunner().invoke(app, ["local", "send", "--to", to, "--state", str(tmp_path), __file__])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "cannot be an envelope address: it holds a control character" in refused.stderr
