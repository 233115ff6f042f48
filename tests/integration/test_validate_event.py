"""The function ValidateEvent: its contract, its logs and its metrics."""

import json
import time
from collections.abc import Callable
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
    assert [line["Messages"] for line in logged if line.get("Outcome") == "RECEIVED"] == [1]
    assert "bob@" not in json.dumps(logged)


def test_a_record_outlives_mail_that_is_kept_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    app = fresh_worker(monkeypatch, "validate_event", ENVIRONMENT | {"MAIL_RETENTION_DAYS": "500"})
    state = app.handler(queued(ses_notification("bob")), lambda_context())
    assert state["expires_at"] - state["lease"]["now"] == 507 * 86_400


def test_what_is_not_mail(handler: Any, capsys: pytest.CaptureFixture[str]) -> None:
    event = queued(ses_notification("bob", messageId="AMAZON_SES_SETUP_NOTIFICATION"))
    assert handler(event) == {
        "kind": "ignored",
        "reason": "SES has tested the receipt rule with its setup notification.",
    }
    assert [line["Messages"] for line in lines(capsys) if line.get("Outcome") == "IGNORED"] == [1]


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


@pytest.mark.parametrize("function", ["validate_event", "resolve_mailboxes", "write_mailbox"])
def test_no_function_starts_with_a_number_out_of_range(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    numbers = ("LEASE_SECONDS", "COPIES_AT_ONCE", "CACHE_SECONDS", "FAN_OUT_LIMIT", "PUBLISH_SECONDS", "SDK_ATTEMPTS")
    with pytest.raises(ConfigurationError, match=r"-1.*-1"):
        fresh_worker(monkeypatch, function, dict.fromkeys(numbers, "-1"))


EVENTS = Path(__file__).parents[2] / "events"


def as_text(event: dict[str, Any]) -> dict[str, Any]:
    """The SNS event with its message as text."""
    return {"Records": [{"Sns": {"Message": json.dumps(event["Records"][0]["Sns"]["Message"])}}]}


@pytest.mark.parametrize(
    ("sample", "form"),
    [
        ("validate_event.json", lambda event: event),
        ("validate_event_first_version.json", lambda event: event),
        ("validate_event_first_version.json", as_text),
    ],
    ids=["from the pipe", "first version, object", "first version, text"],
)
def test_the_sample_events_are_mail(sample: str, form: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    app = fresh_worker(monkeypatch, "validate_event", {**ENVIRONMENT, "MAIL_BUCKET": "MailBucket"})
    state = app.handler(form(json.loads((EVENTS / sample).read_text())), lambda_context())
    assert state["kind"] == "mail"
    assert state["recipients"] == ["bob@example.com", "nobody@example.com"]
    assert state["message"]["key"] == "mail/samplemail000000000000000000000000000001"
    assert state["message"]["rfc_message_id"] == "<0001.sample@example.org>"


@pytest.mark.parametrize(("bucket", "key"), [("other", "mail/m1"), (BUCKET, "elsewhere/m1")])
def test_a_foreign_object_in_the_form_of_the_first_version(handler: Any, bucket: str, key: str) -> None:
    event = json.loads((EVENTS / "validate_event_first_version.json").read_text())
    event["Records"][0]["Sns"]["Message"]["receipt"]["action"] = {"bucketName": bucket, "objectKey": key}
    with pytest.raises(ForbiddenObject):
        handler(event)
