"""The short test, with a seed of its own each time."""

import os
import secrets
from pathlib import Path

import pytest

from tests.chaos.run import run
from tests.e2e.ports import free_ports

MAILS = 16


def test_exactly_one_copy_whatever_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))
    with capsys.disabled():
        print(f"\nchaos: seed {seed}, {MAILS} mails; repeat with SEED={seed}")
    aws_port, smtp_port = free_ports(2)
    report = run(tmp_path, (aws_port, smtp_port), seed, MAILS)
    with capsys.disabled():
        print(f"chaos: {report}")
    assert report.wrong == []
    assert report.faults, "nothing failed"
    assert report.failed_calls, "no call has met an outage"
    assert report.breaker, "the breaker was not started"
    assert report.held, "no mail was held"
