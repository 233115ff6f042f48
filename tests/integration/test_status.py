"""status: whether mail flows, what fails, what waits and for how long."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mailroomctl.times import iso
from mailroomctl.version import VERSION
from tests.integration.command_line import OUTPUTS, Operator
from tests.integration.fake_pipes import SINCE, FakePipes
from tests.integration.template_tables import table
from tests.integration.waiting_messages import give_up, hold, park, record


def texts(at: Operator) -> list[str]:
    """What needs an operator."""
    facts = at.json("status", 1)
    return [one["text"] for one in facts["problems"]]


def test_nothing_has_ever_come(at: Operator) -> None:
    FakePipes(at)
    facts = at.json("status")
    assert facts == {
        "flows": True,
        "problems": [],
        "unknown": [],
        "versions": {"stack": VERSION, "mailroomctl": VERSION},
        "pipe": {
            "state": "RUNNING",
            "desired": "RUNNING",
            "stopped_by": "",
            "stopped_since": "",
            "next_probe": None,
        },
        "last_delivery": None,
        "queues": [
            {"queue": queue, "waiting": 0, "in_flight": 0, "oldest_seconds": None, "days_left": None}
            for queue in ("Inbound", "DeadLetter", "Parked")
        ],
        "failing": None,
        "failed_before": 0,
        "held": [],
        "last_hour": {"rejected": 0, "held": 0},
        "quarantine": {"messages": 0, "more": False, "oldest": "", "days_left": None},
        "audit": None,
        "alarms": [],
    }
    said = at.run("status")
    assert said.startswith("mail flows; no delivery is known\n")
    assert "inbound queue" in said


class FakeCloudWatch:
    """Knows the age of the oldest message of each queue in seconds, the hours with deliveries, and the alarms."""

    def __init__(self, at: Operator, **ages: float) -> None:
        self._ages = ages
        self.delivered: list[datetime] = []
        self.alarms: list[tuple[str, str]] = []
        self.audits: list[tuple[datetime, int]] = []
        at.replaced["cloudwatch"] = self

    def get_metric_statistics(self, **request: Any) -> dict[str, Any]:
        if request["MetricName"] == "AuditFindings":
            assert request["Dimensions"] == [{"Name": "Stack", "Value": "mailroom"}]
            return {"Datapoints": [{"Timestamp": moment, "Sum": float(found)} for moment, found in self.audits]}
        if request["Namespace"] == "Mailroom":
            assert {one["Name"]: one["Value"] for one in request["Dimensions"]} == {
                "Stack": "mailroom",
                "Outcome": "DELIVERED",
            }
            return {"Datapoints": [{"Timestamp": hour, "Sum": 1.0} for hour in self.delivered]}
        (queue,) = request["Dimensions"]
        assert (request["Namespace"], request["MetricName"]) == ("AWS/SQS", "ApproximateAgeOfOldestMessage")
        points = [{"Timestamp": 2, "Maximum": self._ages.get(queue["Value"], 0)}, {"Timestamp": 1, "Maximum": 9e9}]
        return {"Datapoints": points}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_alarms"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        assert request["AlarmNamePrefix"] == "mailroom-"
        since = {"StateUpdatedTimestamp": datetime.fromisoformat(SINCE), "AlarmDescription": "It is so."}
        return [{"MetricAlarms": [{"AlarmName": name, "StateValue": state, **since} for name, state in self.alarms]}]


def test_the_alarms(at: Operator) -> None:
    FakePipes(at)
    watch = FakeCloudWatch(at)
    watch.alarms = [
        ("mailroom-ParkedAlarm-1A", "ALARM"),
        ("mailroom-LimitsAlarm-1A", "OK"),
        ("mailroom-local-LimitsAlarm-1A", "ALARM"),
    ]
    facts = at.json("status")
    assert [(one["name"], one["state"]) for one in facts["alarms"]] == [("ParkedAlarm", "ALARM"), ("LimitsAlarm", "OK")]
    assert f"ParkedAlarm since {iso(datetime.fromisoformat(SINCE))} (of 2)" in at.run("status")
    watch.alarms = [("mailroom-LimitsAlarm-1A", "ALARM")]
    assert texts(at) == [f"LimitsAlarm since {iso(datetime.fromisoformat(SINCE))}: It is so."]


def test_what_the_daily_audit_found_shows_all_day(at: Operator) -> None:
    """Its alarm is quiet again after a quarter of an hour, and is about what waits as well."""
    FakePipes(at)
    watch = FakeCloudWatch(at)
    watch.alarms = [("mailroom-MailStillWaitsAlarm-1A", "OK")]
    early, late = (datetime(2026, 11, day, 6, 10, tzinfo=UTC) for day in (23, 24))
    watch.audits = [(late, 3), (early, 0)]
    assert at.json("status")["audit"] is None, "nothing audits this stack"
    at.parameters["AuditSchedule"] = "daily"
    said = "the audit of 2026-11-24T06:10:00.000Z found 3"
    assert texts(at) == [said]
    assert at.json("status", 1)["audit"] == {"at": "2026-11-24T06:10:00.000Z", "found": 3}
    assert at.run("status", 1).startswith("mail flows")
    watch.audits = [(late, 0), (early, 3)]
    assert "clean, at 2026-11-24T06:10:00.000Z" in at.run("status")
    watch.audits = []
    assert "none has ended since yesterday" in at.run("status")


def days_left(at: Operator) -> dict[str, float]:
    facts = at.json("status", 1)
    return {one["queue"]: one["days_left"] for one in facts["queues"] if one["days_left"] is not None}


def test_the_oldest_message_and_its_days(at: Operator) -> None:
    FakePipes(at, "STOPPED", "STOPPED")
    for name in ("Inbound", "DeadLetter", "Parked"):
        attributes = {"MessageRetentionPeriod": str(14 * 86_400)}
        at.sqs.set_queue_attributes(QueueUrl=OUTPUTS[f"{name}QueueUrl"], Attributes=attributes)
    assert days_left(at) == {}, "nothing waits"
    at.sqs.send_message(QueueUrl=OUTPUTS["InboundQueueUrl"], MessageBody="{}")
    park(at, "m1", "bob@example.com")
    FakeCloudWatch(at)
    assert days_left(at) == {"Parked": 14.0}, "the parked events are asked; the inbound queue is not"
    FakeCloudWatch(at, Inbound=3.5 * 86_400, Parked=20 * 86_400)
    assert days_left(at) == {"Inbound": 10.5, "Parked": 0.0}
    assert at.json("status", 1)["queues"][0]["oldest_seconds"] == 3.5 * 86_400
    assert "mail has waited in the inbound queue for 3d 12h" in texts(at)
    visible = at.sqs.receive_message(QueueUrl=OUTPUTS["ParkedQueueUrl"])["Messages"]
    assert len(visible) == 1, "a look hides nothing"


def failed(at: Operator, message_id: str, minutes: float, **fields: Any) -> None:
    """An attempt that failed so many minutes ago."""
    now = datetime.now(UTC)
    reason = json.dumps({"Error": "StorageUnavailable", "Cause": json.dumps({"errorMessage": "is it mounted?"})})
    times = {
        "received_at": iso(now - timedelta(minutes=minutes + 1)),
        "failed_at": iso(now - timedelta(minutes=minutes)),
    }
    more = {"error": "StorageUnavailable", "reason": reason, "attempts": 1} | times | fields
    record(at, message_id, f"{message_id}@example.com", "FAILED", **more)


def delivered(at: Operator, message_id: str, minutes: float) -> str:
    """A delivery so many minutes ago; returns when."""
    at_ = iso(datetime.now(UTC) - timedelta(minutes=minutes))
    record(at, message_id, "bob@example.com", "DELIVERED", received_at=at_, delivered_at=at_)
    return at_


def test_a_dead_storage_shows_with_the_first_failure(at: Operator) -> None:
    FakePipes(at)
    last = delivered(at, "m1", 5)
    assert at.json("status")["last_delivery"]["at"] == last
    failed(at, "m2", 0.5)
    facts = at.json("status", 1)
    assert (facts["flows"], facts["failing"]["copies"], facts["failing"]["errors"]) == (
        False,
        1,
        {"StorageUnavailable": 1},
    )
    said = at.run("status", 1)
    assert said.startswith("mail does not flow; the last copy was delivered 5m")
    assert "1 copy fails, and none was delivered since: StorageUnavailable is it mounted?" in said
    assert "mailroomctl trace --status FAILED --since 1d" in said


def test_an_outage_shows_while_its_copies_are_tried_again(at: Operator) -> None:
    """Claimed by the next execution: the last attempt is still the one that failed. A release or replay has none."""
    FakePipes(at)
    failed(at, "m1", 0.5)
    key = {"message_id": "m1", "mailbox": "bob@example.com"}
    again = {"AttributeUpdates": {"status": {"Value": "CLAIMED"}, "lease_until": {"Value": 2_000_000_000}}}
    at.dynamodb.Table("deliveries").update_item(Key=key, **again)
    record(at, "m2", "bob@example.com", "CLAIMED", attention="2026-11#0", quarantine_key="quarantine/m2")
    facts = at.json("status", 1)
    assert (facts["flows"], facts["failing"]["copies"]) == (False, 1)
    assert "1 copy fails, and none was delivered since: StorageUnavailable is it mounted?" in at.run("status", 1)


def test_a_first_failure_among_deliveries_needs_nobody_and_a_second_does(at: Operator) -> None:
    FakePipes(at)
    failed(at, "m1", 5)
    delivered(at, "m2", 1)
    facts = at.json("status")
    assert (facts["flows"], facts["failing"]["copies"]) == (True, 1)
    failed(at, "m1", 5, attempts=2)
    facts = at.json("status", 1)
    assert facts["flows"]
    assert facts["problems"][0]["text"] == "1 copy fails: StorageUnavailable is it mounted?"


def test_what_failed_long_ago_is_counted_apart(at: Operator) -> None:
    FakePipes(at)
    failed(at, "m1", 90, attempts=9)
    facts = at.json("status")
    assert (facts["failing"], facts["failed_before"]) == (None, 1)
    assert "nothing; 1 met no attempt for an hour" in at.run("status")


def test_the_last_delivery_of_a_quiet_site_comes_from_the_metric(at: Operator) -> None:
    FakePipes(at)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    FakeCloudWatch(at).delivered = [hour - timedelta(hours=9), hour - timedelta(hours=5)]
    last = at.json("status")["last_delivery"]
    assert (last["at"], last["about"]) == (iso(hour - timedelta(hours=4)), True)
    assert "the last copy was delivered about 4h" in at.run("status")


def test_quarantine_is_counted(at: Operator) -> None:
    FakePipes(at)
    at.s3.put_object(Bucket="mail", Key="quarantine/m1", Body=b"mail")
    quarantine = at.json("status")["quarantine"]
    assert (quarantine["messages"], round(quarantine["days_left"])) == (1, 90)
    assert "quarantine  1, the oldest of 20" in at.run("status")


def test_what_one_may_not_see_is_named_and_the_rest_shown(at: Operator) -> None:
    FakePipes(at)
    watch = FakeCloudWatch(at)

    def denied(_: str) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "DescribeAlarms")

    watch.get_paginator = denied  # type: ignore[method-assign]
    facts = at.json("status")
    assert (facts["alarms"], facts["unknown"]) == (None, ["AWS refused DescribeAlarms: not you"])
    assert "not known: AWS refused DescribeAlarms: not you" in at.run("status")

    def broken(_: str) -> Any:
        raise ClientError({"Error": {"Code": "InternalFailure", "Message": "later"}}, "DescribeAlarms")

    watch.get_paginator = broken  # type: ignore[method-assign]
    assert at.fails("status") == "AWS refused DescribeAlarms: later"


def test_another_version_than_the_stack_s_is_named(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    FakePipes(at)
    monkeypatch.setitem(OUTPUTS, "Version", "0.0.9")
    assert f"stack       0.0.9, mailroomctl {VERSION}" in at.run("status")
    monkeypatch.delitem(OUTPUTS, "Version")
    assert at.json("status")["versions"] == {"stack": None, "mailroomctl": VERSION}
    assert f"stack       unknown, mailroomctl {VERSION}" in at.run("status")


@pytest.mark.parametrize("fill", [give_up, park])
def test_what_was_given_up_needs_an_operator(at: Operator, fill: Any) -> None:
    FakePipes(at)
    fill(at, "m1", "bob@example.com")
    assert texts(at)[0].startswith("1 in the ")


def test_what_is_held_needs_an_operator_and_what_is_rejected_does_not(at: Operator) -> None:
    FakePipes(at)
    now, long_ago = datetime.now(UTC), "2020-11-01T02:47:00.123Z"
    for number, minutes in enumerate((1, 30, 59, 90)):
        received_at = iso(now - timedelta(minutes=minutes))
        record(at, f"r{number}", "gone@example.com", "REJECTED", code="5.1.1", received_at=received_at)
    assert at.json("status")["last_hour"] == {"rejected": 3, "held": 0}
    hold(at, "m1", "a@example.com", "a@example.com", received_at=iso(now))
    for number in range(12):
        hold(at, f"m{number}", f"x{number}@unknown.example", "@unknown.example", received_at=long_ago)
        hold(at, f"n{number}", f"{number:02}@example.com", f"{number:02}@example.com", received_at=long_ago)
    facts = at.json("status", 1)
    assert facts["last_hour"] == {"rejected": 3, "held": 1}
    assert [one["text"] for one in facts["problems"]] == ["25 held, by 14 entries"]
    first = facts["held"][0]
    assert (first["entry"], first["messages"], first["days_left"]) == ("@unknown.example", 12, 0.0)
    said = at.run("status", 1)
    assert "4 more entries" in said
    assert "08@example.com" in said
    assert "09@example.com" not in said


def test_held_mail_has_as_many_days_left_as_its_oldest_raw_mail(at: Operator) -> None:
    FakePipes(at)
    at.parameters["MailRetentionDays"] = "30"
    now = datetime.now(UTC)
    for number, days in enumerate((1, 20.5)):
        hold(at, f"m{number}", "a@example.com", "a@example.com", received_at=iso(now - timedelta(days=days)))
    hold(at, "m3", "b@example.com", "b@example.com", received_at=iso(now - timedelta(days=2)))

    def left() -> dict[str, float]:
        return {one["entry"]: one["days_left"] for one in at.json("status", 1)["held"]}

    assert left() == {"a@example.com": 9.5, "b@example.com": 28.0}
    at.parameters.clear()
    assert left()["a@example.com"] == 69.5, "the template's default"


def test_a_stack_without_the_index_has_a_status(at: Operator) -> None:
    FakePipes(at)
    at.dynamodb.Table("deliveries").delete()
    at.dynamodb.create_table(TableName="deliveries", **table("DeliveriesTable", ["by_mailbox", "by_time"]))
    facts = at.json("status")
    assert (facts["held"], facts["failing"]) == (None, None)
    assert facts["unknown"][0].startswith("the table of deliveries has no index needs_attention")


def test_it_fits_a_narrow_terminal(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    FakePipes(at)
    give_up(at, "m1", "bob@example.com")
    assert max(map(len, at.run("status", 1).splitlines())) <= 80


def test_aws_refuses(at: Operator) -> None:
    class Denied:
        def describe_pipe(self, **_: str) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "DescribePipe")

    at.replaced["pipes"] = Denied()
    assert at.fails("status") == "AWS refused DescribePipe: not you"
