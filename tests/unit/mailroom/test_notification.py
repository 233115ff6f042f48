"""Reading events: every wrapping, every missing field, everything that is not mail."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailroom.errors import ForbiddenObject, InvalidEvent
from mailroom.notification import Ignored, Notification, parse


def notification(**changes: Any) -> dict[str, Any]:
    """A notification as SES sends it; ``mail`` and ``receipt`` are merged in, ``None`` removes a field."""
    content: dict[str, Any] = {
        "notificationType": "Received",
        "mail": {
            "timestamp": "2026-11-24T02:47:00.123Z",
            "source": "alice@sender.test",
            "messageId": "o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1",
            "destination": ["header@example.com"],
            "headersTruncated": False,
            "headers": [{"name": "Subject", "value": "secret subject"}],
            "commonHeaders": {"messageId": " <one@sender.test> ", "subject": "secret subject"},
        },
        "receipt": {
            "timestamp": "2026-11-24T02:47:01.000Z",
            "recipients": ["bob@example.com", "carol@example.com"],
            "spamVerdict": {"status": "PASS"},
            "virusVerdict": {"status": "gray"},
            "spfVerdict": {"status": "PASS"},
            "dkimVerdict": {},
            "dmarcVerdict": {"status": "FAIL"},
            "dmarcPolicy": "REJECT",
            "action": {"type": "S3", "bucketName": "bucket", "objectKeyPrefix": "mail/", "objectKey": "mail/o3vr"},
        },
    }
    for part in ("mail", "receipt"):
        merged = content[part] | changes.get(part, {})
        content[part] = {name: value for name, value in merged.items() if value is not None}
    return content


def read(event: object) -> Notification:
    received = parse(event)
    assert isinstance(received, Notification)
    return received


def ignored(event: object) -> str:
    received = parse(event)
    assert isinstance(received, Ignored)
    assert received.to_state() == {"kind": "ignored", "reason": received.reason}
    return received.reason


EXPECTED = Notification(
    message_id="o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1",
    bucket="bucket",
    key="mail/o3vr",
    source="alice@sender.test",
    received_at=datetime(2026, 11, 24, 2, 47, 0, 123000, UTC),
    verdicts={"spam": "PASS", "virus": "GRAY", "spf": "PASS", "dkim": None, "dmarc": "FAIL"},
    dmarc_policy="reject",
    rfc_message_id="<one@sender.test>",
    recipients=("bob@example.com", "carol@example.com"),
    unbounceable="DMARC failed: the sender may be forged.",
)

BODY = json.dumps(notification())
WRAPPINGS = {
    "the pipe's array": [{"messageId": "1", "body": BODY}],
    "an SQS event": {"Records": [{"messageId": "1", "body": BODY}]},
    "an SNS event, message as text": {"Records": [{"Sns": {"Message": BODY}}]},
    "an SNS event, message as object": {"Records": [{"Sns": {"Message": notification()}}]},
    "an SNS event in a queue": [{"body": json.dumps({"Records": [{"Sns": {"Message": BODY}}]})}],
    "an SNS envelope in a queue": [{"body": json.dumps({"Type": "Notification", "Message": BODY})}],
    "bare": notification(),
}


@pytest.mark.parametrize("event", WRAPPINGS.values(), ids=WRAPPINGS)
def test_every_wrapping_gives_the_same(event: object) -> None:
    assert read(event) == EXPECTED


def test_state() -> None:
    state = EXPECTED.to_state(now=1_000, lease_seconds=370, retention_days=2, concurrency=7, bounces=True)
    assert state == {
        "kind": "mail",
        "reason": None,
        "message": {
            "id": "o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1",
            "bucket": "bucket",
            "key": "mail/o3vr",
            "source": "alice@sender.test",
            "received_at": "2026-11-24T02:47:00.123Z",
            "month": "2026-11#0",
            "verdicts": {"spam": "PASS", "virus": "GRAY", "spf": "PASS", "dkim": None, "dmarc": "FAIL"},
            "dmarc_policy": "reject",
            "rfc_message_id": "<one@sender.test>",
        },
        "recipients": ["bob@example.com", "carol@example.com"],
        "released": [],
        "lease": {"now": 1_000, "until": 1_370},
        "expires_at": 1_000 + 2 * 86_400,
        "concurrency": 7,
        "bounce": {"allowed": False, "why_not": "DMARC failed: the sender may be forged."},
    }
    assert "secret" not in json.dumps(state)


def test_bounces_are_allowed_only_where_they_are_switched_on() -> None:
    received = read(notification(receipt={"dmarcVerdict": {"status": "PASS"}}))
    numbers = {"now": 1, "lease_seconds": 1, "retention_days": 1, "concurrency": 1}
    assert received.to_state(**numbers, bounces=True)["bounce"] == {"allowed": True, "why_not": ""}
    switched_off = received.to_state(**numbers, bounces=False)["bounce"]
    assert switched_off == {"allowed": False, "why_not": "Bounces are switched off."}


def test_recipients_come_from_the_envelope_once_each_in_order() -> None:
    received = read(notification(receipt={"recipients": ["b@x.test", "a@x.test", "b@x.test", "B@x.test"]}))
    assert received.recipients == ("b@x.test", "a@x.test", "B@x.test")


def test_everything_but_id_recipients_and_action_may_be_missing() -> None:
    bare = {
        "mail": {"messageId": "m1"},
        "receipt": {
            "recipients": ["bob@example.com"],
            "action": {"type": "S3", "bucketName": "bucket", "objectKey": "key"},
        },
    }
    received = read(bare)
    assert (received.source, received.rfc_message_id, received.dmarc_policy, received.received_at) == (
        "",
        "",
        None,
        None,
    )
    assert set(received.verdicts.values()) == {None}
    state = received.to_state(now=0, lease_seconds=1, retention_days=1, concurrency=1, bounces=True)
    assert state["message"]["received_at"] == "1970-01-01T00:00:00.000Z"


FIRST_VERSION: dict[str, Any] = {
    "mail": {
        "messageId": "o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1",
        "source": "alice@sender.test",
        "headers": [
            {"name": "Subject", "value": "secret subject"},
            {"name": "Message-ID", "value": "<one@sender.test>"},
        ],
    },
    "receipt": {
        "recipients": ["bob@example.com", "carol@example.com"],
        "action": {"bucketName": "bucket", "objectKey": "mail/o3vr"},
    },
}


def first_version(**action: Any) -> dict[str, Any]:
    """A notification without any type, as the single function took it; ``None`` removes a field of the action."""
    given = FIRST_VERSION["receipt"]["action"] | action
    given = {name: value for name, value in given.items() if value is not None}
    return FIRST_VERSION | {"receipt": FIRST_VERSION["receipt"] | {"action": given}}


@pytest.mark.parametrize("message", [FIRST_VERSION, json.dumps(FIRST_VERSION)], ids=["object", "text"])
def test_the_first_version_s_events_are_read(message: object) -> None:
    assert read({"Records": [{"Sns": {"Message": message}}]}) == Notification(
        message_id="o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1",
        bucket="bucket",
        key="mail/o3vr",
        source="alice@sender.test",
        received_at=None,
        verdicts=dict.fromkeys(["spam", "virus", "spf", "dkim", "dmarc"]),
        dmarc_policy=None,
        rfc_message_id="<one@sender.test>",
        recipients=("bob@example.com", "carol@example.com"),
        unbounceable="Neither SPF nor DKIM passed: the sender may be forged.",
    )


@pytest.mark.parametrize("kind", ["Lambda", "SNS", "s3", "", [], {}, 3, False])
def test_a_type_that_is_given_must_be_s3(kind: object) -> None:
    with pytest.raises(InvalidEvent, match="not an S3 action"):
        parse(first_version(type=kind))
    assert read(first_version(type="S3")) == read(first_version())


def test_a_type_of_null_is_not_a_missing_one() -> None:
    content = first_version()
    content["receipt"]["action"]["type"] = None
    with pytest.raises(InvalidEvent, match="not an S3 action"):
        parse(content)


@pytest.mark.parametrize("field", ["notificationType", "eventType"])
@pytest.mark.parametrize(("kind", "text"), [("", "is empty"), (None, "JSON null"), (3, "number"), ([], "array")])
def test_a_notification_type_must_name_one(field: str, kind: object, text: str) -> None:
    with pytest.raises(InvalidEvent, match=f"{field} .*{text}"):
        parse(first_version() | {field: kind})


@pytest.mark.parametrize("kind", ["Bounce", "received", "Delivery"])
def test_another_type_is_not_mail_whatever_else_is_there(kind: str) -> None:
    assert kind in ignored(first_version() | {"notificationType": kind})


@pytest.mark.parametrize("missing", ["bucketName", "objectKey"])
@pytest.mark.parametrize("value", [None, "", 7, {}])
def test_without_a_type_the_object_must_be_named_in_full(missing: str, value: object) -> None:
    with pytest.raises(InvalidEvent, match=missing):
        parse(first_version(**{missing: value}))


@pytest.mark.parametrize("recipients", [None, [], "bob@example.com", {}, [7]])
def test_without_a_type_there_must_be_recipients(recipients: object) -> None:
    content = first_version()
    content["receipt"]["recipients"] = recipients
    with pytest.raises(InvalidEvent, match="recipients"):
        parse(content)
    del content["receipt"]["recipients"]
    with pytest.raises(InvalidEvent, match="recipients"):
        parse(content)


@pytest.mark.parametrize("bucket", ["other", "bucket"])
def test_without_a_type_the_object_is_checked_all_the_same(bucket: str) -> None:
    received = read(first_version(bucketName=bucket))
    with pytest.raises(ForbiddenObject):
        received.check_object("bucket", ("mail/",) if bucket == "other" else ("elsewhere/",))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([{"name": "message-id", "value": "\t <two@sender.test> "}], "<two@sender.test>"),
        ([{"name": "Message-ID", "value": " "}, {"name": "MESSAGE-ID", "value": "<three@x.test>"}], "<three@x.test>"),
        ([{"name": "Message-ID", "value": "x" * 2000}], "x" * 998),
        ([{"name": "Message-ID", "value": None}, {"name": 7}, {}, None, "Message-ID: <four@x.test>"], ""),
        ([{"name": "In-Reply-To", "value": "<five@x.test>"}], ""),
        ({"Message-ID": "<six@x.test>"}, ""),
        (None, ""),
    ],
)
@pytest.mark.parametrize("common", [None, {}, {"messageId": " "}, []])
def test_the_message_id_comes_from_the_headers_where_the_common_ones_lack_it(
    headers: object, common: object, expected: str
) -> None:
    received = read(notification(mail={"commonHeaders": common, "headers": headers}))
    assert received.rfc_message_id == expected


@pytest.mark.parametrize(
    ("mail", "receipt", "expected"),
    [
        ("2026-11-24T02:47:00.123Z", None, "2026-11-24T02:47:00.123Z"),
        (None, "2026-11-24T02:47:01Z", "2026-11-24T02:47:01.000Z"),
        ("yesterday", "2026-11-24T02:47:01Z", "2026-11-24T02:47:01.000Z"),
        ("2026-11-24T03:47:00+01:00", None, "2026-11-24T02:47:00.000Z"),
        ("2026-11-24T02:47:00", None, "2026-11-24T02:47:00.000Z"),
        (17, "", "1970-01-01T00:00:05.000Z"),
    ],
)
def test_receive_time(mail: object, receipt: object, expected: str) -> None:
    received = read(notification(mail={"timestamp": mail}, receipt={"timestamp": receipt}))
    state = received.to_state(now=5, lease_seconds=1, retention_days=1, concurrency=1, bounces=False)
    assert state["message"]["received_at"] == expected


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ([{"body": json.dumps(notification(mail={"messageId": "AMAZON_SES_SETUP_NOTIFICATION"}))}], "setup"),
        ([{"body": "Successfully validated SNS topic for Amazon SES event publishing."}], "validated"),
        ([{"body": json.dumps({"notificationType": "Bounce", "bounce": {}})}], "Bounce"),
        ([{"body": json.dumps({"notificationType": "Delivery", "mail": {}})}], "Delivery"),
        ([{"body": json.dumps({"eventType": "Complaint", "mail": {}})}], "Complaint"),
        ([{"body": json.dumps({"Type": "SubscriptionConfirmation", "Message": "You have chosen"})}], "Subscription"),
        ({"Records": [{"Sns": {"Type": "UnsubscribeConfirmation", "Message": "You have"}}]}, "Unsubscribe"),
        ({"Type": "Notification", "Message": "Successfully validated SNS topic for SES"}, "validated"),
    ],
)
def test_what_is_not_mail_is_ignored_with_a_reason(event: object, reason: str) -> None:
    assert reason in ignored(event)


MALFORMED: dict[str, tuple[object, str]] = {
    "null": (None, "null"),
    "a number": (7, "number"),
    "text": ("mail", "string"),
    "no record": ([], "0 records"),
    "two records": ([{"body": BODY}, {"body": BODY}], "2 records"),
    "a record that is text": ([BODY], "not an object"),
    "no body": ([{"messageId": "1"}], "no body"),
    "records that are no list": ({"Records": {}}, "not a list"),
    "a record of another kind": ({"Records": [{"s3": {}}]}, "neither"),
    "not JSON": ([{"body": "}{"}], "not JSON"),
    "nested too deep": ([{"body": "[" * 100_000}], "not JSON"),
    "wrapped without end": ([{"body": '{"Type":"N","Message":' * 3000 + "{}" + "}" * 3000}], "wrapped more than"),
    "a JSON list": ([{"body": "[]"}], "array"),
    "no mail": ({"receipt": {}}, "no mail"),
    "no receipt": ({"mail": {"messageId": "m1"}}, "no receipt"),
    "no id": (notification(mail={"messageId": None}), "messageId"),
    "an id with a slash": (notification(mail={"messageId": "../m1"}), "messageId"),
    "an id with a line end": (notification(mail={"messageId": "m1\n"}), "messageId"),
    "no recipients": (notification(receipt={"recipients": None}), "recipients"),
    "empty recipients": (notification(receipt={"recipients": []}), "recipients"),
    "recipients that are text": (notification(receipt={"recipients": "bob@example.com"}), "recipients"),
    "a recipient that is no text": (notification(receipt={"recipients": [None]}), "not text"),
    "no action": (notification(receipt={"action": None}), "S3 action"),
    "a Lambda action": (notification(receipt={"action": {"type": "Lambda"}}), "S3 action"),
    "no bucket": (notification(receipt={"action": {"type": "S3", "objectKey": "k"}}), "bucketName"),
    "an empty key": (notification(receipt={"action": {"type": "S3", "bucketName": "b", "objectKey": ""}}), "objectKey"),
}


@pytest.mark.parametrize(("event", "text"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_events_say_what_is_wrong(event: object, text: str) -> None:
    with pytest.raises(InvalidEvent, match=text):
        parse(event)


def test_an_error_never_quotes_the_content() -> None:
    with pytest.raises(InvalidEvent) as caught:
        parse([{"body": "From: alice secret"}])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("bucket", "key", "allowed"),
    [
        ("bucket", "mail/o3vr", True),
        ("bucket", "quarantine/o3vr", True),
        ("other", "mail/o3vr", False),
        ("bucket", "private/o3vr", False),
        ("bucket", "Mail/o3vr", False),
    ],
)
def test_only_the_mail_store_may_be_read(bucket: str, key: str, allowed: bool) -> None:
    received = read(notification(receipt={"action": {"type": "S3", "bucketName": bucket, "objectKey": key}}))
    if allowed:
        received.check_object("bucket", ("mail/", "quarantine/"))
    else:
        with pytest.raises(ForbiddenObject):
            received.check_object("bucket", ("mail/", "quarantine/"))


def test_a_key_is_used_as_it_stands() -> None:
    received = read(notification(receipt={"action": {"type": "S3", "bucketName": "b", "objectKey": "mail/a%2Fb +ü"}}))
    assert received.key == "mail/a%2Fb +ü"


def test_a_release_is_taken_only_from_hand() -> None:
    content = notification() | {"mailroom": {"release": ["bob@example.com", 7]}}
    assert read(content).released == ("bob@example.com",)
    for wrapped in ([{"body": json.dumps(content)}], {"Records": [{"Sns": {"Message": content}}]}):
        assert read(wrapped).released == ()


def test_a_restore_is_taken_only_from_hand() -> None:
    content = notification() | {"mailroom": {"restore": ["bob@example.com", 7]}}
    state = read(content).to_state(now=0, lease_seconds=1, retention_days=1, concurrency=1, bounces=False)
    assert (state["released"], state["restored"]) == (["bob@example.com"], True)
    for wrapped in ([{"body": json.dumps(content)}], {"Records": [{"Sns": {"Message": content}}]}):
        assert (read(wrapped).released, read(wrapped).restored) == ((), False)
    # A release lets mail out whatever was found in it; it is never a restore.
    content["mailroom"]["release"] = ["eve@example.com"]
    assert (read(content).released, read(content).restored) == (("eve@example.com",), False)


def test_only_a_hand_can_do_without_a_bounce() -> None:
    content = bounceable() | {"mailroom": {"no_bounce": True}}
    assert bounce(content) == {"allowed": False, "why_not": "An operator replays it."}
    for wrapped in ([{"body": json.dumps(content)}], {"Records": [{"Sns": {"Message": content}}]}):
        assert bounce(wrapped)["allowed"]
    for other in ({"no_bounce": "yes"}, {}, "no_bounce"):
        assert bounce(bounceable() | {"mailroom": other})["allowed"]


def bounceable() -> dict[str, Any]:
    """A notification whose sender may get a bounce."""
    passed = {name: {"status": "PASS"} for name in ("spfVerdict", "dmarcVerdict")}
    return notification(mail={"headers": [], "source": "a@example.org"}, receipt=passed)


def bounce(event: object) -> dict[str, Any]:
    state = read(event).to_state(now=0, lease_seconds=1, retention_days=1, concurrency=1, bounces=True)
    return {**state["bounce"]}


def test_half_a_surrogate_pair_does_not_reach_the_state() -> None:
    content = notification(mail={"source": "\ud800@x.test"}, receipt={"recipients": ["\udfff@x.test"]})
    state = read(content).to_state(now=0, lease_seconds=1, retention_days=1, concurrency=1, bounces=False)
    json.dumps(state, ensure_ascii=False).encode()
    assert state["recipients"] == ["?@x.test"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


FIELDS = ["messageId", "recipients", "action", "timestamp", "spamVerdict", "headers", "commonHeaders", "source"]


def refusal(event: object) -> str | None:
    """Why an event is refused, ``None`` where it is read; any other error fails the test."""
    try:
        parse(event)
    except InvalidEvent as error:
        return str(error)
    return None


@given(st.sampled_from(["mail", "receipt"]), st.sampled_from(FIELDS) | st.text(), JSON)
def test_any_field_with_any_value_is_read_or_refused(part: str, field: str, value: object) -> None:
    content = notification()
    content[part][field] = value
    assert refusal(content) != ""


@given(JSON)
def test_any_event_is_read_or_refused(event: object) -> None:
    assert refusal(event) != ""
