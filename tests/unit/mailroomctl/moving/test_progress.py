import io
import sys
from pathlib import Path

import pytest

from mailroomctl.moving import progress
from mailroomctl.moving.sources.item import Reading
from mailroomctl.moving.sources.opening import open_source
from mailroomctl.moving.summary import Outcome, Summary
from tests.unit.mailroomctl.moving.one_import import mbox, put


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("somebody_looks", [True, False])
def test_rate_and_time_are_shown_where_somebody_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, somebody_looks: bool
) -> None:
    stderr = Terminal() if somebody_looks else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(progress, "_SECONDS", 0)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    source = open_source(str(put(tmp_path, "a.mbox", mbox(b"1\n"))), Reading())
    summary = Summary("", "bob@example.com", "")
    with progress.showing(source, "bob@example.com") as show:
        for _ in range(1234):
            summary.count(Outcome.IMPORTED, "INBOX")
        list(source.items())
        show(summary)
    source.close()
    shown = stderr.getvalue()
    assert ("bob@example.com" in shown and "1,234 messages" in shown and "/s" in shown) == somebody_looks
