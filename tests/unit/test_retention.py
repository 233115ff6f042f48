"""One arithmetic over every retention and time-out: nothing expires unseen, whatever else goes wrong."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads
from mailroom.settings import LATE_EXPIRY_DAYS, ValidateEventSettings

PROJECT = Path(__file__).parents[2]
HOUR, DAY = 3_600, 86_400


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return loads((PROJECT / "template.yaml").read_text(), "template.yaml")


@pytest.fixture(scope="module")
def breaker() -> dict[str, Any]:
    machine: dict[str, Any] = json.loads((PROJECT / "statemachine/storage_breaker.asl.json").read_text())
    return machine


def queue(template: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(template["Resources"][name]["Properties"])


def given_up_after(template: dict[str, Any], receives: int) -> float:
    """Seconds from the first receive to the last."""
    return float(receives * queue(template, "InboundQueue")["VisibilityTimeout"])


def test_a_message_is_given_up_after_a_day(template: dict[str, Any]) -> None:
    receives = template["Parameters"]["MaxReceiveCount"]["Default"]
    assert DAY <= given_up_after(template, receives) <= 1.2 * DAY


def test_a_message_is_never_given_up_before_an_outage_can_be_seen(template: dict[str, Any]) -> None:
    assert template["Parameters"]["MaxReceiveCount"]["MinValue"] >= 3
    assert template["Parameters"]["MaxReceiveCount"]["MaxValue"] <= 1_000, "SQS takes no more"


def test_days_are_left_for_an_operator_when_everything_took_its_longest(
    template: dict[str, Any], breaker: dict[str, Any]
) -> None:
    """A message keeps its first date when SQS moves it: an outage, then a day of failures, all of one retention."""
    retention = queue(template, "InboundQueue")["MessageRetentionPeriod"]
    longest_stop = breaker["TimeoutSeconds"]
    failures = given_up_after(template, template["Parameters"]["MaxReceiveCount"]["Default"])
    assert retention - longest_stop - failures >= 4 * DAY
    assert queue(template, "DeadLetterQueue")["MessageRetentionPeriod"] == retention


def test_the_breaker_ends_itself_before_it_is_ended(breaker: dict[str, Any]) -> None:
    """Its own count ends within seven days: ``test_it_ends_after_seven_days`` plays it."""
    for state in ("WaitOn?", "StillFailing?"):
        (limits,) = [
            {one["Variable"]: one["NumericGreaterThanEquals"] for one in choice["Or"]}
            for choice in breaker["States"][state]["Choices"]
            if choice["Next"] == "StorageStillDown"
        ]
        assert 6 * DAY < limits["$.next.waited"] < 7 * DAY < breaker["TimeoutSeconds"] == 8 * DAY
        assert limits["$.next.events"] < 25_000


def test_age_rings_while_there_is_time(template: dict[str, Any], breaker: dict[str, Any]) -> None:
    alarms = {name: one["Properties"] for name, one in template["Resources"].items() if name.startswith("Inbound")}
    first = alarms["InboundAgeAlarm"]["Threshold"]
    (expression,) = [one["Expression"] for one in alarms["InboundDaysAlarm"]["Metrics"] if "Expression" in one]
    ages = [first, *(int(age) for age in re.findall(r"age > (\d+)", expression))]
    assert ages == [15 * 60, 3 * DAY, 10 * DAY]
    retention = queue(template, "InboundQueue")["MessageRetentionPeriod"]
    assert breaker["TimeoutSeconds"] < ages[-1] <= retention - 4 * DAY


def test_raw_mail_outlives_an_event_that_waits_in_one_queue_after_the_other(template: dict[str, Any]) -> None:
    """What the workflow parks, and what a command sends back, is a new message with days of its own."""
    names = ("InboundQueue", "ParkedQueue")
    days = sum(queue(template, name)["MessageRetentionPeriod"] for name in names) / DAY
    assert template["Parameters"]["MailRetentionDays"]["MinValue"] > days


def test_a_record_outlives_its_raw_mail_whatever_is_set(template: dict[str, Any]) -> None:
    """Nothing that is replayed meets an expired record, which would be delivered a second time."""
    variables = template["Resources"]["ValidateEvent"]["Properties"]["Environment"]["Variables"]
    for parameter, variable in (
        ("MailRetentionDays", "MAIL_RETENTION_DAYS"),
        ("QuarantineRetentionDays", "QUARANTINE_RETENTION_DAYS"),
        ("RecordRetentionDays", "RECORD_RETENTION_DAYS"),
    ):
        assert variables[variable] == {"Ref": parameter}
    for mail, quarantine in ((30, 3_650), (3_650, 1)):
        least = template["Parameters"]["RecordRetentionDays"]["MinValue"]
        config = ValidateEventSettings(
            "bucket", 370, least, mail_retention_days=mail, quarantine_retention_days=quarantine
        )
        assert config.record_days >= max(mail, quarantine) + LATE_EXPIRY_DAYS
    # S3 expires at midnight, UTC, and may be late.
    assert LATE_EXPIRY_DAYS >= 2


def test_an_hour_of_silence_is_an_hour(template: dict[str, Any]) -> None:
    alarm = template["Resources"]["NothingDeliveredAlarm"]["Properties"]
    (period,) = {metric["MetricStat"]["Period"] for metric in alarm["Metrics"] if "MetricStat" in metric}
    assert period * alarm["EvaluationPeriods"] == HOUR
