"""Events that are not one fresh mail: repetitions, other forms, and what can never work."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.world import World, until

MAIL = b"Subject: an event\r\n\r\nbody\r\n"


@pytest.fixture(autouse=True)
def _nothing_parked(world: World) -> Iterator[None]:
    """Tests see only what they park themselves, and leave no message behind."""
    world.take("Parked")
    yield
    world.idle()
    assert world.take("DeadLetter") == []


def notification(world: World, *recipients: str) -> dict[str, Any]:
    """A message in the bucket, and SES's notification of it."""
    told = world.stored(uuid4().hex, MAIL)
    told["receipt"]["recipients"] = list(recipients)
    return told


def parked(world: World) -> dict[str, Any]:
    """The one event that was parked."""
    [body] = until(lambda: world.take("Parked"))
    return dict(json.loads(body))


def test_one_notification_three_times_leaves_one_copy(world: World) -> None:
    address = world.mailbox()
    sent, [row] = world.deliver(MAIL, address, notifications="3")
    world.idle()
    assert row.outcome == "DELIVERED"
    assert len(world.copies(address)) == 1
    [record] = world.records(sent.message_id or "")
    assert record["status"] == "DELIVERED"


def test_rules_that_overlap_notify_of_one_mail_with_other_recipients(world: World) -> None:
    first, second = world.mailbox(), world.mailbox()
    told = notification(world, first)
    world.publish(told)
    told["receipt"]["recipients"] = [first, second]
    world.publish(told)
    until(lambda: world.copies(second))
    world.idle()
    assert [len(world.copies(address)) for address in (first, second)] == [1, 1]


def test_another_bucket_is_parked(world: World) -> None:
    address = world.mailbox()
    told = notification(world, address)
    told["receipt"]["action"]["bucketName"] = "somebody-elses"
    world.publish(told)
    event = parked(world)
    assert event["error"] == "ForbiddenObject"
    assert "somebody-elses" in event["cause"]
    assert world.copies(address) == []
    world.idle()


def test_text_that_is_not_json_is_parked(world: World) -> None:
    world.publish("this is no JSON")
    event = parked(world)
    assert event["error"] == "InvalidEvent"
    assert "not JSON" in event["cause"]
    assert "this is no JSON" in json.dumps(event["event"])
    world.idle()


def test_no_recipients_is_parked(world: World) -> None:
    world.publish(notification(world))
    event = parked(world)
    assert event["error"] == "InvalidEvent"
    assert "recipients" in event["cause"]
    world.idle()


@pytest.mark.parametrize(
    "message",
    [
        {
            "notificationType": "Received",
            "mail": {"messageId": "AMAZON_SES_SETUP_NOTIFICATION", "source": "aws@amazon.com"},
            "receipt": {"action": {"type": "S3"}},
        },
        {"notificationType": "Bounce", "bounce": {}, "mail": {"messageId": "x"}},
        "Successfully validated SNS topic for Amazon SES event publishing.",
    ],
    ids=["setup notification", "bounce event", "topic validation"],
)
def test_what_is_not_mail_is_ignored_with_a_reason(world: World, message: Any) -> None:
    world.publish(message)
    text = message if isinstance(message, str) else json.dumps(message)
    answer = world.execute([{"messageId": "1", "body": text}])
    assert answer["status"] == "SUCCEEDED"
    output = json.loads(answer["output"])
    assert output["kind"] == "ignored"
    assert output["reason"]
    world.idle()
    assert world.take("Parked") == []


@pytest.mark.parametrize("form", ["SNS with an object", "SNS with a text", "bare"])
def test_every_form_of_an_event_delivers(world: World, form: str) -> None:
    address = world.mailbox()
    told = notification(world, address)
    forms = {
        "SNS with an object": {"Records": [{"Sns": {"Message": told}}]},
        "SNS with a text": {"Records": [{"Sns": {"Message": json.dumps(told)}}]},
        "bare": told,
    }
    answer = world.execute(forms[form])
    assert answer["status"] == "SUCCEEDED"
    [copy] = world.copies(address)
    assert copy.read_bytes().endswith(MAIL)
    assert int(copy.stat().st_mtime) == 1795488420  # 2026-11-24T02:47:00Z, when SES received it


@pytest.mark.parametrize("form", [dict, json.dumps], ids=["object", "text"])
def test_an_event_of_the_first_version_delivers(world: World, form: Callable[[Any], Any]) -> None:
    address = world.mailbox()
    told = notification(world, address)
    action = told["receipt"]["action"]
    event = {
        "mail": {
            "messageId": told["mail"]["messageId"],
            "source": "sender@example.org",
            "headers": [{"name": "Message-ID", "value": "<first@example.org>"}],
        },
        "receipt": {
            "recipients": [address],
            "action": {"bucketName": action["bucketName"], "objectKey": action["objectKey"]},
        },
    }
    answer = world.execute({"Records": [{"Sns": {"Message": form(event)}}]})
    assert answer["status"] == "SUCCEEDED"
    [copy] = world.copies(address)
    assert copy.read_bytes().endswith(MAIL)
    [record] = world.records(told["mail"]["messageId"])
    assert (record["status"], record["rfc_message_id"]) == ("DELIVERED", "<first@example.org>")
