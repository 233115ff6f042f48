"""When the template's alarms ring: over made-up series, cut by the minutes at every phase; and when none rings."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads

from tests.unit.alarms import MINUTE, SEMANTICS, Semantics, Series, in_alarm, name, rings

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
#: Seconds between two receives of a message whose execution fails, and how late each may be.
REDELIVERY, LATE = 400, 3
QUARTER, HOUR, DAY = 900, 3_600, 86_400
STORAGE = ("StorageAlarm", "MailboxStorageAlarm")
#: Where within a minute the first failure falls.
PHASES = [0, 31, 59]
# The stack's own, or the one of the parameter.
FILE_SYSTEM = "FileSystem FileSystemId"
DIRECTORY, DELIVERIES = (f"{name} Existing{name}" for name in ("DirectoryTable", "DeliveriesTable"))

every_phase = pytest.mark.parametrize("phase", PHASES)
every_semantics = pytest.mark.parametrize(
    "semantics", SEMANTICS, ids=["fill and sum", "fill fills all", "sum skips what is missing"]
)


def of_template(*, audit: bool) -> dict[str, dict[str, Any]]:
    """The alarms of a stack with the daily audit, or without."""

    def chosen(value: Any) -> Any:
        match value:
            case {"Fn::If": ["HasAuditSchedule", there, otherwise]}:
                return chosen(there if audit else otherwise)
            case dict():
                return {name: chosen(one) for name, one in value.items()}
            case list():
                return [one for one in map(chosen, value) if one != {"Ref": "AWS::NoValue"}]
        return value

    template = chosen(json.loads(json.dumps(loads(TEMPLATE.read_text(), str(TEMPLATE)))))
    return {
        name: one["Properties"]
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }


@pytest.fixture(scope="module")
def alarms() -> dict[str, dict[str, Any]]:
    return of_template(audit=False)


@pytest.fixture(scope="module")
def audited() -> dict[str, Any]:
    return of_template(audit=True)["MailStillWaitsAlarm"]


class Site(Series):
    """What CloudWatch is told while mail comes in."""

    def delivered(self, at: float) -> None:
        """One message to one mailbox, without trouble."""
        self.add("AWS/Lambda/Invocations WriteMailbox", at)
        self.add("AWS/Lambda/Errors WriteMailbox", at, 0)
        self.add("AWS/States/ExecutionsSucceeded DeliverMail", at)

    def failed(self, at: float, mailbox: int, *, mounted: bool = True) -> None:
        """One execution in which the copy cannot be written. A function that cannot be mounted does not run at all."""
        self.add("Mailroom/StorageFailures", at, mailbox)
        self.failed_elsewhere(at)
        if mounted:
            for _ in range(3):
                self.add("AWS/Lambda/Invocations WriteMailbox", at)
                self.add("AWS/Lambda/Errors WriteMailbox", at)

    def failed_elsewhere(self, at: float) -> None:
        """One execution in which no function fails, but S3, DynamoDB or SQS does."""
        self.add("Mailroom/DeliveryFailures", at)
        self.add("AWS/States/ExecutionsFailed DeliverMail", at)

    def fails_from(self, at: float, until: float, mailbox: int, *, mounted: bool = True) -> None:
        """One message, redelivered again and again."""
        while at < until:
            self.failed(at, mailbox, mounted=mounted)
            at += REDELIVERY + LATE

    def outage(self, times: Iterable[float], begins: float, until: float, *, boxes: int, mounted: bool) -> float:
        """Mail at these times, to one mailbox after the other; returns when the first copy fails."""
        first = math.inf
        for number, at in enumerate(times):
            if at < begins:
                self.delivered(at)
            else:
                first = min(first, at)
                self.fails_from(at, until, 1 + number % boxes, mounted=mounted)
        return first

    def probed(self, at: float) -> None:
        """A probe that works, which the breaker counts."""
        self.add("AWS/Lambda/Invocations WriteMailbox", at)
        self.add("AWS/Lambda/Errors WriteMailbox", at, 0)
        self.add("Mailroom/StorageProbes", at)


def first_ring(alarms: dict[str, Any], names: Iterable[str], site: Series, until: float, semantics: Semantics) -> float:
    since = until - HOUR
    return min(next(rings(alarms[name], site, until, semantics, since), math.inf) for name in names)


@every_semantics
@every_phase
@pytest.mark.parametrize("mounted", [True, False], ids=["mounted", "not mounted"])
@pytest.mark.parametrize(("an_hour", "boxes"), [(2, 1), (2, 50), (20, 1), (20, 50), (1_000, 50)])
def test_an_outage_rings_within_a_quarter_of_an_hour(
    alarms: dict[str, Any], an_hour: int, boxes: int, mounted: bool, phase: int, semantics: Semantics
) -> None:
    site = Site()
    end = HOUR + 1_200
    times = [HOUR / 2 + phase + number * HOUR / an_hour for number in range(an_hour)]
    first = site.outage([at for at in times if at < end], HOUR, end, boxes=boxes, mounted=mounted)
    for names in (STORAGE, ["DeliverMailFailedAlarm"]):
        assert first < first_ring(alarms, names, site, end, semantics) <= first + QUARTER, names


@every_semantics
@every_phase
@pytest.mark.parametrize("delay", [0, 45, 90])
def test_a_late_execution_and_late_figures_do_not_hide_an_outage(
    alarms: dict[str, Any], phase: int, delay: int, semantics: Semantics
) -> None:
    site = Site()
    for number in range(4):
        site.failed(HOUR + phase + number * (REDELIVERY + LATE) + (delay if number == 2 else 0), 1, mounted=False)
    assert first_ring(alarms, STORAGE, site, 2 * HOUR, semantics) <= HOUR + phase + QUARTER + delay


@every_semantics
@every_phase
def test_one_bad_mailbox_among_many_is_no_outage_but_not_kept_secret(
    alarms: dict[str, Any], phase: int, semantics: Semantics
) -> None:
    site = Site()
    for number in range(2_000):
        site.delivered(phase + number * 3.6)
    for at in (HOUR, HOUR + 7, HOUR + 600):
        site.fails_from(at + phase, 2 * HOUR, 7)
    for name_ in STORAGE:
        assert not list(rings(alarms[name_], site, 2 * HOUR, semantics, HOUR))
    assert first_ring(alarms, ["DeliverMailFailedAlarm"], site, 2 * HOUR, semantics) <= HOUR + phase + QUARTER


@every_semantics
def test_one_bad_mailbox_alone_is_never_several(alarms: dict[str, Any], semantics: Semantics) -> None:
    site = Site()
    site.fails_from(HOUR, 2 * HOUR, 7)
    site.fails_from(HOUR + 11, 2 * HOUR, 7)
    assert not list(rings(alarms["StorageAlarm"], site, 2 * HOUR, semantics))
    assert list(rings(alarms["MailboxStorageAlarm"], site, 2 * HOUR, semantics))


@every_semantics
@every_phase
def test_duplicates_never_ring(alarms: dict[str, Any], phase: int, semantics: Semantics) -> None:
    """Four notifications of one message: three find its lease taken, and come back to a copy that is there."""
    site = Site()
    at = HOUR + phase
    site.delivered(at + 2)
    for _ in range(4):
        site.add("AWS/States/ExecutionsFailed DeliverMail", at)
        site.add("AWS/States/ExecutionsSucceeded DeliverMail", at + REDELIVERY)
    for alarm in alarms.values():
        assert not list(rings(alarm, site, HOUR + 2_400, semantics, HOUR))


@every_semantics
def test_duplicates_of_every_message_never_ring(alarms: dict[str, Any], semantics: Semantics) -> None:
    """Two receipt rules that overlap."""
    site = Site()
    for number in range(600):
        site.delivered(number * 12)
        site.add("AWS/States/ExecutionsFailed DeliverMail", number * 12)
        site.add("AWS/States/ExecutionsSucceeded DeliverMail", number * 12 + REDELIVERY)
    for alarm in alarms.values():
        assert not list(rings(alarm, site, 1.5 * HOUR, semantics, HOUR))


@every_semantics
@every_phase
@pytest.mark.parametrize("how", ["ExecutionsTimedOut", "ExecutionsAborted"])
def test_executions_that_are_cut_off_ring_beside_others_that_succeed(
    alarms: dict[str, Any], how: str, phase: int, semantics: Semantics
) -> None:
    site = Site()
    first = HOUR + phase + 295
    for number in range(1_000):
        site.delivered(number * 10)
    for number in range(5):
        site.add(f"AWS/States/{how} DeliverMail", first + number * (REDELIVERY + LATE))
    assert first < first_ring(alarms, ["DeliverMailFailedAlarm"], site, 2 * HOUR, semantics) <= first + QUARTER


@every_semantics
@every_phase
def test_a_copy_into_quarantine_that_fails_rings_beside_mail_that_is_delivered(
    alarms: dict[str, Any], phase: int, semantics: Semantics
) -> None:
    site = Site()
    first = HOUR + phase
    for number in range(2_000):
        site.delivered(phase + number * 3.6)
    for number in range(5):
        site.failed_elsewhere(first + number * (REDELIVERY + LATE))
    assert first < first_ring(alarms, ["DeliverMailFailedAlarm"], site, 2 * HOUR, semantics) <= first + QUARTER
    for name_ in STORAGE:
        assert not list(rings(alarms[name_], site, 2 * HOUR, semantics, HOUR))


@every_semantics
def test_executions_that_fail_uncounted_ring_when_none_succeeds(alarms: dict[str, Any], semantics: Semantics) -> None:
    """CloudWatch did not take the figure, for example."""
    site = Site()
    for number in range(5):
        site.add("AWS/States/ExecutionsFailed DeliverMail", HOUR + number * (REDELIVERY + LATE))
    assert first_ring(alarms, ["DeliverMailFailedAlarm"], site, 2 * HOUR, semantics) <= HOUR + QUARTER


@every_semantics
def test_an_execution_that_fails_once_does_not_ring(alarms: dict[str, Any], semantics: Semantics) -> None:
    site = Site()
    site.failed(HOUR, 7)
    site.delivered(HOUR + REDELIVERY)
    for alarm in alarms.values():
        assert not list(rings(alarm, site, 2 * HOUR, semantics))


@every_semantics
def test_a_probe_that_works_is_no_success(alarms: dict[str, Any], semantics: Semantics) -> None:
    site, uncounted = Site(), Site()
    for one in (site, uncounted):
        for mailbox in (1, 2):
            one.fails_from(HOUR + 60, 2 * HOUR, mailbox)
    site.probed(HOUR)
    uncounted.delivered(HOUR)
    alarm = alarms["StorageAlarm"]
    assert next(rings(alarm, site, 2 * HOUR, semantics)) == HOUR + 480
    assert next(rings(alarm, uncounted, 2 * HOUR, semantics)) == HOUR + 660


@every_semantics
def test_storage_alarms_are_quiet_when_the_breaker_looks_at_them(alarms: dict[str, Any], semantics: Semantics) -> None:
    """A quarter of an hour after the start: what failed has come back and was delivered."""
    site = Site()
    stop, start = 2 * HOUR, 2 * HOUR + 75
    for mailbox in (1, 2, 3):
        site.fails_from(HOUR + 50 * mailbox, stop, mailbox, mounted=False)
    site.probed(start - 5)
    for mailbox in (1, 2, 3):
        site.delivered(start + REDELIVERY - 50 * mailbox)
    for name_ in STORAGE:
        assert in_alarm(alarms[name_], site, start // MINUTE * MINUTE, semantics)
        assert not in_alarm(alarms[name_], site, (start + 915) // MINUTE * MINUTE, semantics)


def queue(
    site: Series,
    name: str,
    minutes: range,
    *,
    visible: int = 0,
    in_flight: int = 0,
    deleted: int = 0,
    asked: int = 3,
    age: int = 0,
) -> None:
    """What SQS says of a queue every minute."""
    for minute in minutes:
        site.add(f"AWS/SQS/NumberOfEmptyReceives {name}", minute * MINUTE, asked)
        site.add(f"AWS/SQS/ApproximateAgeOfOldestMessage {name}", minute * MINUTE, age)
        site.add(f"AWS/SQS/ApproximateNumberOfMessagesVisible {name}", minute * MINUTE, visible)
        site.add(f"AWS/SQS/ApproximateNumberOfMessagesNotVisible {name}", minute * MINUTE, in_flight)
        site.add(f"AWS/SQS/NumberOfMessagesDeleted {name}", minute * MINUTE, deleted)


@every_semantics
def test_mail_for_an_hour_and_none_delivered(alarms: dict[str, Any], semantics: Semantics) -> None:
    site = Series()
    queue(site, "InboundQueue", range(60))
    queue(site, "InboundQueue", range(60, 90), visible=2)
    queue(site, "InboundQueue", range(90, 200), in_flight=2)
    assert next(rings(alarms["NothingDeliveredAlarm"], site, 200 * MINUTE, semantics)) == 120 * MINUTE


@every_semantics
@pytest.mark.parametrize("an_hour", [1, 30])
def test_rejections_page_nobody(alarms: dict[str, Any], an_hour: int, semantics: Semantics) -> None:
    """Mail to nobody leaves the queue like any other; between two minutes it may just be there."""
    site = Series()
    for minute in range(180):
        there = minute % (60 // an_hour) == 0
        queue(site, "InboundQueue", range(minute, minute + 1), visible=there)
        if there:
            site.add("AWS/SQS/NumberOfMessagesDeleted InboundQueue", minute * MINUTE + 1)
            site.add("AWS/States/ExecutionsSucceeded DeliverMail", minute * MINUTE + 1)
    for alarm in alarms.values():
        assert not list(rings(alarm, site, 180 * MINUTE, semantics))


@every_semantics
@pytest.mark.parametrize("visible", [0, 2], ids=["no mail", "mail"])
def test_a_pipe_that_does_not_run_rings_with_or_without_mail(
    alarms: dict[str, Any], visible: int, semantics: Semantics
) -> None:
    site = Series()
    queue(site, "InboundQueue", range(60), visible=visible)
    queue(site, "InboundQueue", range(60, 120), visible=visible, asked=0)
    assert next(rings(alarms["PipeIdleAlarm"], site, 2 * HOUR, semantics)) == HOUR + QUARTER


@every_semantics
def test_a_pipe_that_only_receives_is_not_idle(alarms: dict[str, Any], semantics: Semantics) -> None:
    site = Series()
    queue(site, "InboundQueue", range(120), visible=1, asked=0)
    for minute in range(120):
        site.add("AWS/SQS/NumberOfMessagesReceived InboundQueue", minute * MINUTE, minute % 5 == 0)
    assert not list(rings(alarms["PipeIdleAlarm"], site, 2 * HOUR, semantics))


def test_a_queue_that_sqs_no_longer_measures_leaves_the_alarm_as_it_is(alarms: dict[str, Any]) -> None:
    assert alarms["PipeIdleAlarm"]["TreatMissingData"] == "ignore"


@every_semantics
def test_mail_that_waits_for_days_rings_at_three_and_again_at_ten(alarms: dict[str, Any], semantics: Semantics) -> None:
    site = Series()
    for hour in range(14 * 24):
        queue(site, "InboundQueue", range(hour * 60, hour * 60 + 60), visible=1, age=hour * HOUR)
    alarm = alarms["InboundDaysAlarm"]
    states = [in_alarm(alarm, site, hour * HOUR, semantics) for hour in range(14 * 24)]
    began = [hour for hour in range(1, len(states)) if states[hour] and not states[hour - 1]]
    # The series is an hour late: its first figure that is older than a limit stands at the next full hour.
    assert began == [3 * 24 + 2, 10 * 24 + 2]
    assert states.count(False) == 3 * 24 + 2 + 1, "quiet for an hour between the two"


LIMITS = [
    ("AWS/Lambda/Throttles ValidateEvent", 1),
    ("AWS/Lambda/Throttles ResolveMailboxes", 1),
    ("AWS/Lambda/Throttles WriteMailbox", 1),
    ("AWS/States/ExecutionThrottled DeliverMail", 1),
    ("AWS/EventBridge/Pipes/ExecutionThrottled Pipe", 1),
    (f"AWS/DynamoDB/ReadThrottleEvents {DIRECTORY}", 1),
    (f"AWS/DynamoDB/WriteThrottleEvents {DELIVERIES}", 1),
    (f"AWS/EFS/PercentIOLimit {FILE_SYSTEM}", 97),
    (f"AWS/EFS/BurstCreditBalance {FILE_SYSTEM}", 1e11),
]


@every_semantics
@pytest.mark.parametrize(("metric", "value"), LIMITS)
def test_what_is_at_its_limit_for_a_quarter_of_an_hour_rings(
    alarms: dict[str, Any], metric: str, value: float, semantics: Semantics
) -> None:
    site = Series()
    for minute in range(60, 120, 4):
        site.add(metric, minute * MINUTE, value)
    assert next(rings(alarms["LimitsAlarm"], site, 2 * HOUR, semantics)) <= HOUR + QUARTER + MINUTE


@every_semantics
def test_a_limit_that_is_met_once_or_is_far_away_does_not_ring(alarms: dict[str, Any], semantics: Semantics) -> None:
    site = Series()
    for minute in range(120):
        site.add(f"AWS/EFS/PercentIOLimit {FILE_SYSTEM}", minute * MINUTE, 80)
        site.add(f"AWS/EFS/BurstCreditBalance {FILE_SYSTEM}", minute * MINUTE, 2.3e12)
    for metric, value in LIMITS[:7]:
        site.add(metric, HOUR, value)
    assert not list(rings(alarms["LimitsAlarm"], site, 2 * HOUR, semantics))


@every_semantics
@pytest.mark.parametrize("where", ["InboundQueue", "DeadLetterQueue", "ParkedQueue"])
def test_mail_that_waits_is_told_again_every_day(alarms: dict[str, Any], where: str, semantics: Semantics) -> None:
    site = Series()
    queue(site, where, range(2 * 1_440), visible=1)
    alarm = alarms["MailStillWaitsAlarm"]
    states = [in_alarm(alarm, site, now, semantics) for now in range(0, 2 * DAY, QUARTER)]
    began = [quarter for quarter in range(1, len(states)) if states[quarter] and not states[quarter - 1]]
    assert began == [6 * 4 + 1, 24 * 4 + 6 * 4 + 1]


@every_semantics
@every_phase
@pytest.mark.parametrize("measured", [True, False], ids=["queues measured", "nothing measured"])
def test_what_the_audit_finds_rings_once(
    audited: dict[str, Any], measured: bool, phase: int, semantics: Semantics
) -> None:
    site = Series()
    if measured:
        queue(site, "InboundQueue", range(10 * 60))
    at = 6 * HOUR + phase + 120
    begin_audit(site, 6 * HOUR + phase)
    site.add("Mailroom/AuditFindings", at, 3)
    found = list(rings(audited, site, 10 * HOUR, semantics))
    assert at < found[0] <= at + MINUTE
    assert found == list(range(int(found[0]), int(found[0]) + QUARTER, MINUTE))


@every_semantics
@every_phase
@pytest.mark.parametrize("after", [0, 5, 14], ids=["at once", "after five minutes", "after fourteen"])
def test_an_audit_that_finds_nothing_does_not_ring(
    audited: dict[str, Any], after: int, phase: int, semantics: Semantics
) -> None:
    """It may begin a little late, and take its time."""
    site = Series()
    queue(site, "InboundQueue", range(2 * 1_440))
    for day in range(2):
        begin_audit(site, day * DAY + 6 * HOUR + after * MINUTE + phase)
        site.add("Mailroom/AuditFindings", day * DAY + 6 * HOUR + after * MINUTE + phase + 400, 0)
    assert not list(rings(audited, site, 2 * DAY, semantics))


@every_semantics
def test_an_audit_that_does_not_begin_rings(audited: dict[str, Any], semantics: Semantics) -> None:
    site = Series()
    queue(site, "InboundQueue", range(2 * 1_440))
    begin_audit(site, 6 * HOUR + 20)
    found = list(rings(audited, site, 2 * DAY, semantics))
    assert found[0] == DAY + 6 * HOUR + QUARTER
    assert found[-1] == DAY + 7 * HOUR + QUARTER - MINUTE
    without = of_template(audit=False)["MailStillWaitsAlarm"]
    assert not list(rings(without, site, 2 * DAY, semantics))


@every_semantics
@every_phase
def test_an_audit_that_is_ended_from_outside_rings(audited: dict[str, Any], phase: int, semantics: Semantics) -> None:
    """Its timeout, its memory: it can say nothing itself."""
    site = Series()
    queue(site, "InboundQueue", range(10 * 60))
    begin_audit(site, 6 * HOUR + phase)
    at = 6 * HOUR + QUARTER + phase
    site.add("AWS/Lambda/Errors AuditMail", at)
    assert at < next(rings(audited, site, 10 * HOUR, semantics)) <= at + MINUTE


def begin_audit(site: Series, at: float) -> None:
    """What the function says when it begins."""
    code = (TEMPLATE.parent / "functions/audit_mail/app.py").read_text()
    assert "SAID_SECONDS, SAID_EVERY_SECONDS = 75 * 60, 5 * 60" in code
    for minutes in range(0, 80, 5):
        site.add("Mailroom/AuditFindings", at + minutes * MINUTE, 0)


@every_semantics
def test_mail_that_passes_through_is_not_told_again(alarms: dict[str, Any], semantics: Semantics) -> None:
    site = Series()
    for minute in range(300, 480):
        queue(site, "InboundQueue", range(minute, minute + 1), visible=minute % 4, deleted=3)
    assert not list(rings(alarms["MailStillWaitsAlarm"], site, 8 * HOUR, semantics))


@every_semantics
@pytest.mark.parametrize("how", ["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"])
def test_a_breaker_that_ends_badly_rings(alarms: dict[str, Any], how: str, semantics: Semantics) -> None:
    site = Series()
    site.add(f"AWS/States/{how} StorageBreaker", HOUR)
    assert next(rings(alarms["BreakerFailedAlarm"], site, 2 * HOUR, semantics)) == HOUR + MINUTE


@pytest.mark.parametrize(
    ("alarm", "metric", "value"),
    [
        ("DeadLetterAlarm", "AWS/SQS/ApproximateNumberOfMessagesVisible DeadLetterQueue", 1),
        ("ParkedAlarm", "AWS/SQS/ApproximateNumberOfMessagesVisible ParkedQueue", 1),
        ("EntriesHeldAlarm", "Mailroom/EntriesHeld", 1),
        ("ReceiptRuleFailsAlarm", "AWS/SES/PublishFailure", 1),
        ("ReceiptRuleGivesUpAlarm", "AWS/SES/PublishExpired", 1),
    ],
)
def test_one_figure_is_enough(alarms: dict[str, Any], alarm: str, metric: str, value: float) -> None:
    assert name(alarms[alarm]) == metric
    site = Series()
    site.add(metric, HOUR, value)
    assert next(rings(alarms[alarm], site, 2 * HOUR, SEMANTICS[0])) == HOUR + MINUTE


def test_no_alarm_looks_at_more_than_ten_metrics(alarms: dict[str, Any]) -> None:
    """CloudWatch takes no more in the expression of an alarm."""
    for properties in alarms.values():
        assert sum("MetricStat" in metric for metric in properties.get("Metrics", [])) <= 10
