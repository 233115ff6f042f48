"""The function AuditMail against S3 and DynamoDB: it counts what is lost, or that it could not, and writes nothing."""

import json
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mailroom.errors import Unforeseen

from tests.integration.command_line import Operator
from tests.integration.handlers import fresh_worker, lambda_context


class Tomorrow(datetime):
    """What is stored in a test belongs to the day before."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Tomorrow":
        return cls.fromtimestamp(datetime.now(tz).timestamp(), tz) + timedelta(days=1)


@pytest.fixture
def app(at: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The function, a day later."""
    environment = {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "MAIL_BUCKET": "mail",
        "MAIL_KEY_PREFIX": "mail/",
        "DELIVERIES_TABLE": "deliveries",
        "AUDIT_FILE": str(tmp_path / "audit.sqlite"),
    }
    app = fresh_worker(monkeypatch, "audit_mail", environment)
    monkeypatch.setattr(app, "datetime", Tomorrow)
    return app


def context(milliseconds: int = 900_000) -> SimpleNamespace:
    found = lambda_context()
    found.get_remaining_time_in_millis = lambda: milliseconds
    return found


def counted(capsys: pytest.CaptureFixture[str]) -> list[float]:
    """What it has counted at its end; before that it has said, with figures of the next 75 minutes, that it begins."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    figures = [(line["_aws"]["Timestamp"], line["AuditFindings"]) for line in lines if "AuditFindings" in line]
    (began, _), *_ = figures
    assert figures[:16] == [(pytest.approx(began + minutes * 60_000, abs=1), 0) for minutes in range(0, 80, 5)]
    return [value for _, value in figures[16:]]


def test_raw_mail_without_records_is_found_and_left(
    at: Operator, app: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    at.s3.put_object(Bucket="mail", Key="mail/m1", Body=b"mail")
    assert app.handler({}, context()) == {"findings": {"lost": 1}}
    assert counted(capsys) == [1]
    assert at.dynamodb.Table("deliveries").scan()["Count"] == 0
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_find_is_counted_as_zero(app: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.handler({}, context()) == {"findings": {}}
    assert counted(capsys) == [0]


def test_mail_of_today_is_left_for_tomorrow(at: Operator, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at.s3.put_object(Bucket="mail", Key="mail/m1", Body=b"mail")
    monkeypatch.setattr(app, "datetime", datetime)
    assert app.handler({}, context()) == {"findings": {}}


def test_an_audit_that_takes_too_long_is_a_finding(
    app: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(Unforeseen, match="TimeoutError"):
        app.handler({}, context(30_000))
    assert counted(capsys) == [1]
    assert list(tmp_path.iterdir()) == []


def test_an_audit_that_fails_is_a_finding(at: Operator, app: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at.dynamodb.Table("deliveries").delete()
    with pytest.raises(Unforeseen, match="ResourceNotFoundException"):
        app.handler({}, context())
    assert counted(capsys) == [1]
