import io
import re
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


def test_a_log_has_a_line_every_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1000.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    source = open_source(str(put(tmp_path, "a.mbox", mbox(*(b"x" * 3000 + b"\n" for _ in range(400))))), Reading())
    summary = Summary("", "bob@example.com", "")
    items = source.items()
    with progress.showing(source, "bob@example.com") as show:
        for seconds in (1, 59, 61, 90, 119, 122):
            now = 1000.0 + seconds
            summary.count(Outcome.IMPORTED, "INBOX")
            next(items).content.close()  # type: ignore[union-attr]
            show(summary)
    items.close()  # type: ignore[attr-defined]
    source.close()
    first, second = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"bob@example\.com: 3 messages, 0/s, \d+ %, about 0:\d\d:\d\d left", first)
    assert second.startswith("bob@example.com: 6 messages, 0/s, ")
