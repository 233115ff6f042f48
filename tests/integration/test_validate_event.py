"""The function ValidateEvent: its contract, its logs and its metrics."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from mailroom.errors import ConfigurationError, ForbiddenObject, InvalidEvent

from tests.integration.handlers import fresh_worker, lambda_context
from tests.workflow.mail import BUCKET, queued, ses_notification

ENVIRONMENT = {
    "MAIL_BUCKET": BUCKET,
    "MAIL_KEY_PREFIX": "mail/",
    "LEASE_SECONDS": "370",
    "RECORD_RETENTION_DAYS": "400",
    "BOUNCE_SENDER": "",
}


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Any:
    app = fresh_worker(monkeypatch, "validate_event", ENVIRONMENT)
    return lambda event: app.handler(event, lambda_context())


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_mail(handler: Any, capsys: pytest.CaptureFixture[str]) -> None:
    before = int(time.time())
    state = handler(queued(ses_notification("bob", "carol")))
    assert state["kind"] == "mail"
    assert state["recipients"] == ["bob@example.com", "carol@example.com"]
    assert before <= state["lease"]["now"] <= time.time()
    assert state["lease"]["until"] - state["lease"]["now"] == 370
    assert state["expires_at"] - state["lease"]["now"] == 400 * 86_400
    assert state["bounce"]["why_not"] == "Bounces are switched off."
    logged = lines(capsys)
    (line,) = [line for line in logged if line.get("message") == "Mail received"]
    assert line["correlation_id"] == "m1"
    assert line["recipients"] == 2
    assert any(metric.get("MailReceived") == [1.0] for metric in logged)
    assert "bob@" not in json.dumps(logged)


def test_what_is_not_mail(handler: Any, capsys: pytest.CaptureFixture[str]) -> None:
    event = queued(ses_notification("bob", messageId="AMAZON_SES_SETUP_NOTIFICATION"))
    assert handler(event) == {
        "kind": "ignored",
        "reason": "SES has tested the receipt rule with its setup notification.",
    }
    assert any(line.get("EventIgnored") == [1.0] for line in lines(capsys))


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (queued("}{"), InvalidEvent),
        (queued({**ses_notification("bob"), "receipt": {}}), InvalidEvent),
    ],
)
def test_errors_by_name(handler: Any, event: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        handler(event)


@pytest.mark.parametrize(("bucket", "key"), [("other", "mail/m1"), (BUCKET, "elsewhere/m1")])
def test_a_foreign_object(handler: Any, bucket: str, key: str) -> None:
    content = ses_notification("bob")
    content["receipt"]["action"] |= {"bucketName": bucket, "objectKey": key}
    with pytest.raises(ForbiddenObject):
        handler(queued(content))


def test_an_incomplete_environment_names_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=r"MAIL_BUCKET.*LEASE_SECONDS.*RECORD_RETENTION_DAYS"):
        fresh_worker(monkeypatch, "validate_event", {})


def test_the_sample_event_is_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    event = json.loads((Path(__file__).parents[2] / "events" / "validate_event.json").read_text())
    content = json.loads(event[0]["body"]) if isinstance(event, list) else event
    action = content["receipt"]["action"]
    prefix = action["objectKey"].rpartition("/")[0] + "/"
    app = fresh_worker(
        monkeypatch, "validate_event", {**ENVIRONMENT, "MAIL_BUCKET": action["bucketName"], "MAIL_KEY_PREFIX": prefix}
    )
    assert app.handler(event, lambda_context())["kind"] == "mail"
