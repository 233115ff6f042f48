"""held list and discard, and replay --held: mail that a fault of our own keeps back, and how it comes free."""

import os
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mailroomctl.deliveries import execution, replay_many
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.options import confirm
from mailroomctl.times import iso
from tests.fakes.dynamodb import domain, mailbox
from tests.integration.command_line import Operator
from tests.integration.waiting_messages import FakeWorkflow, delivered, failed, hold, record, records, resolves

#: Messages of the flood to each of the two entries; FLOOD=5000 is what the product promises.
FLOOD = int(os.environ.get("FLOOD", "40"))

INFO = "info@example.com"
UNKNOWN = "@unknown.example"


def flood(at: Operator, messages: int, name: str = "a", entry: str = INFO) -> None:
    """Hold many messages, which share one raw mail: putting as many there would take most of the time."""
    hold(at, f"{name}0", entry, entry)
    first = records(at)[f"{name}0", entry]
    with at.dynamodb.Table("deliveries").batch_writer() as batch:
        for number in range(1, messages):
            day = f"2026-11-{1 + number % 28:02}"
            batch.put_item(
                {
                    **first,
                    "message_id": f"{name}{number}",
                    "received_at": f"{day}T02:47:00.123Z",
                    "month": "2026-11#0",
                    "attention": "2026-11#0",
                }
            )


def day(number: int) -> str:
    return f"2026-11-{number:02}T02:47:00.123Z"


def test_what_is_held_is_listed_by_entry(at: Operator) -> None:
    assert at.run("held list") == "no mail is held\n"
    hold(at, "m1", INFO, INFO, received_at=day(1))
    hold(at, "m2", INFO, INFO, received_at=day(3))
    # One message to two names of one entry is one message.
    hold(at, "m3", INFO, INFO, received_at=day(2))
    hold(at, "m3", "sales@example.com", INFO, received_at=day(2))
    hold(at, "m4", "a@unknown.example", UNKNOWN, received_at=day(4))
    hold(at, "m5", "bob@example.com", "bob@example.com", code=None, error="MessageMissing", reason="it is gone")
    record(at, "m6", "eve@example.com", "FAILED", error="StorageUnavailable")
    rows = at.json("held list")
    assert rows[0] == {
        "entry": INFO,
        "messages": 3,
        "oldest": day(1),
        "newest": day(3),
        "days_left": rows[0]["days_left"],
        "reason": "5.1.1 there is no such address; correct the entry, or add what it leads to",
    }
    assert [(row["entry"], row["messages"]) for row in rows[1:]] == [(UNKNOWN, 1), ("bob@example.com", 1)]
    assert rows[2]["reason"] == "MessageMissing it is gone; put the object back, then replay; or discard it"
    assert "correct the entry" in at.run("held list")


def test_days_left_are_those_of_the_oldest_raw_mail(at: Operator) -> None:
    at.parameters["MailRetentionDays"] = "40"
    now = datetime.now(UTC)
    for number, days in enumerate((39.5, 3)):
        hold(at, f"m{number}", INFO, INFO, received_at=iso(now - timedelta(days=days)))
    hold(at, "m2", "a@unknown.example", UNKNOWN, received_at=iso(now - timedelta(days=41)))
    assert {row["entry"]: row["days_left"] for row in at.json("held list")} == {INFO: 0.5, UNKNOWN: 0.0}
    assert "days left" in at.run("held list")


@pytest.mark.parametrize(
    ("options", "entries"),
    [
        (f"--entry {INFO}", [INFO]),
        ("--entry Info@EXAMPLE.com", [INFO]),
        ("--entry @Unknown.example", [UNKNOWN]),
        ("--entry unknown.example", [UNKNOWN]),
        ("--entry *@example.com", ["*@example.com"]),
        ("--domain Unknown.example", [UNKNOWN]),
        # Of the entry or of the recipient: an alias may lead into another domain.
        ("--domain other.example", [INFO]),
        ("--since 2026-11-03", ["*@example.com"]),
        ("--until 2026-11-01T12:00", [INFO]),
        ("--since 2026-11-02T02:00Z --until 2026-11-02T05:00Z", [UNKNOWN]),
        ("--entry nobody@example.com", []),
    ],
)
def test_filters(at: Operator, options: str, entries: list[str]) -> None:
    hold(at, "m1", "office@other.example", INFO, received_at=day(1))
    hold(at, "m2", "a@unknown.example", UNKNOWN, received_at=day(2))
    hold(at, "m3", "x@example.com", "*@example.com", received_at=day(3))
    assert [row["entry"] for row in at.json(f"held list {options}")] == entries
    assert [row["entry"] for row in at.json(f"held list --messages {options}")] == entries


def test_single_messages(at: Operator) -> None:
    hold(at, "m1", INFO, INFO)
    hold(at, "m2", INFO, INFO)
    row = at.json("held list --messages")[0]
    assert (row["outcome"], row["entry"], row["recipients"]) == ("HELD", INFO, [INFO])
    assert row["reason"].startswith(f"{INFO}: 5.1.1 there is no such address; correct the entry")
    assert len(at.json("held list --messages --limit 1")) == 1
    assert "there are more than these: --until" in at.stderr


def test_a_period_that_ends_before_it_begins(at: Operator) -> None:
    assert at.fails("held list --since 1d --until 2d").startswith("--since is later than --until")


def test_discarded_is_final_and_out_of_sight(at: Operator) -> None:
    hold(at, "m1", INFO, INFO, received_at=day(1))
    hold(at, "m2", INFO, INFO, received_at=day(3))
    hold(at, "m3", "a@unknown.example", UNKNOWN)
    assert "add --yes" in at.fails(f"held discard --entry {INFO}")
    assert at.json(f"held discard --entry {INFO} --dry-run")["messages"] == 2
    assert {one["status"] for one in records(at).values()} == {"HELD"}
    said = at.run(f"held discard --entry {INFO} --until 2026-11-02 --yes")
    assert said == f"discarded 1 of 1 message for {INFO}\n"
    found = records(at)
    assert found["m1", INFO]["status"] == "DISCARDED"
    assert "attention" not in found["m1", INFO]
    assert "correct the entry" in found["m1", INFO]["reason"]
    assert found["m2", INFO]["status"] == found["m3", "a@unknown.example"]["status"] == "HELD"
    at.run(f"held discard --entry {INFO} --yes")
    assert at.fails(f"held discard --entry {INFO} --yes").startswith(f"no mail is held for {INFO}")


def test_discard_promises_no_more_than_it_keeps(at: Operator) -> None:
    """The record of an alias is no mailbox's: the message may come again when the entry is mended."""
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", at.run("held discard --help")).split())
    assert "never" not in said
    assert "delivered all the same when the entry is mended and the same message comes again" in said


def test_discard_asks(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    hold(at, "m1", INFO, INFO)
    monkeypatch.setattr(confirm, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    at.run(f"held discard --entry {INFO}", 1, stdin="n\n")
    assert f"Discard 1 message for {INFO}?" in at.stderr
    assert "nothing was discarded." in at.stderr
    assert records(at)["m1", INFO]["status"] == "HELD"
    at.run(f"held discard --entry {INFO}", stdin="y\n")
    assert records(at)["m1", INFO]["status"] == "DISCARDED"


def test_discard_leaves_what_changed_meanwhile(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index shows a change after a moment: the condition is what counts."""
    hold(at, "m1", INFO, INFO)
    hold(at, "m2", INFO, INFO)
    real = DeliveriesTable.change_status

    def late(self: DeliveriesTable, row: dict[str, Any], *arguments: Any) -> bool:
        if row["message_id"] == "m1":
            record(at, "m1", INFO, "DELIVERED")
        else:
            hold(at, "m2", INFO, "sales@example.com")
        return real(self, row, *arguments)

    monkeypatch.setattr(DeliveriesTable, "change_status", late)
    assert at.json(f"held discard --entry {INFO} --yes")["discarded"] == 0
    assert {key[0]: one["status"] for key, one in records(at).items()} == {"m1": "DELIVERED", "m2": "HELD"}


def test_discard_goes_on_after_a_failure(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    real = DeliveriesTable.change_status

    def throttled(self: DeliveriesTable, row: dict[str, Any], *arguments: Any) -> bool:
        if row["message_id"] == "m1":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "UpdateItem")
        return real(self, row, *arguments)

    monkeypatch.setattr(DeliveriesTable, "change_status", throttled)
    for number in range(3):
        hold(at, f"m{number}", INFO, INFO)
    said = at.run(f"held discard --entry {INFO} --yes", 1)
    assert said == f"discarded 2 of 3 messages for {INFO}\n"
    assert "1 message could not be changed; the first: m1" in at.stderr
    assert [key[0] for key, one in records(at).items() if one["status"] == "HELD"] == ["m1"]


def test_what_has_failed_ends_when_its_raw_mail_is_gone(at: Operator) -> None:
    cause = '{"errorType": "StorageUnavailable", "errorMessage": "the file system is full"}'
    record(at, "m1", "bob@example.com", "FAILED", error="StorageUnavailable", reason=cause)
    record(at, "m1", "eve@example.com", "DELIVERED")
    record(at, "m1", "(bounce)", "BOUNCED", bucket=None, key=None)
    assert "mailroomctl held discard m1." in at.run("replay m1", 1)
    [row] = at.json("held discard m1 --dry-run")
    assert (row["mailbox"], row["outcome"]) == ("bob@example.com", "would be discarded")
    assert "Give up 1 deliveries, for bob@example.com: add --yes" in at.fails("held discard m1")
    assert records(at)["m1", "bob@example.com"]["status"] == "FAILED"
    [row] = at.json("held discard m1 --yes")
    assert (row["mailbox"], row["outcome"]) == ("bob@example.com", "discarded")
    found = records(at)
    ended = found["m1", "bob@example.com"]
    assert ended["status"] == "DISCARDED"
    assert "attention" not in ended
    assert re.fullmatch(
        r"given up at 2\S+Z, its raw mail was gone; FAILED before StorageUnavailable the file system is full",
        ended["reason"],
    )
    assert (found["m1", "eve@example.com"]["status"], found["m1", "(bounce)"]["status"]) == ("DELIVERED", "BOUNCED")
    [row] = at.json("trace m1 --wide --status DISCARDED")
    assert row["reason"] == ended["reason"]
    # A second time there is nothing to end.
    [row] = at.json("held discard m1 --yes", 1)
    assert row["reason"] == "it has come to its end: BOUNCED, DELIVERED, DISCARDED"


@pytest.mark.parametrize("status", ["FAILED", "CLAIMED", "RELEASED", "RESTORING"])
@pytest.mark.parametrize("place", ["mail/m1", "quarantine/m1"])
def test_what_can_still_be_delivered_is_not_given_up(at: Operator, status: str, place: str) -> None:
    record(at, "m1", "bob@example.com", status, quarantine_key="quarantine/m1", lease_until=1)
    at.s3.put_object(Bucket="mail", Key=place, Body=b"hello")
    [row] = at.json("held discard m1 --yes", 1)
    assert row["outcome"] == f"{status}, left as it is"
    assert row["reason"].startswith(f"s3://mail/{place} is there: mailroomctl ")
    at.s3.delete_object(Bucket="mail", Key=place)
    assert at.json("held discard m1 --yes")[0]["outcome"] == "discarded"
    assert records(at)["m1", "bob@example.com"]["reason"].endswith(f"its raw mail was gone; {status} before")


def test_what_an_execution_works_on_is_not_given_up(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    record(at, "m1", "bob@example.com", "CLAIMED", lease_until=2**32, lease_owner="a")
    assert at.json("held discard m1 --yes", 1)[0]["reason"] == "an execution works on it"
    # Neither what another one takes over between the look and the change.
    record(at, "m1", "bob@example.com", "CLAIMED", lease_until=1, lease_owner="a")
    real = DeliveriesTable.change_status

    def late(self: DeliveriesTable, row: dict[str, Any], *arguments: Any, **fields: str) -> bool:
        record(at, "m1", "bob@example.com", "CLAIMED", lease_until=2**32, lease_owner="b")
        return real(self, row, *arguments, **fields)

    monkeypatch.setattr(DeliveriesTable, "change_status", late)
    assert at.json("held discard m1 --yes", 1)[0]["outcome"] == "changed meanwhile, left as it is"
    assert records(at)["m1", "bob@example.com"]["status"] == "CLAIMED"


def test_single_held_messages_are_given_up_by_the_beginning_of_their_id(at: Operator) -> None:
    at.parameters["MailKeyPrefix"] = "mail/"
    hold(at, "0123abcd", INFO, INFO)
    hold(at, "4567abcd", INFO, INFO)
    assert at.json("held discard 0123 --yes")[0]["outcome"] == "discarded"
    found = records(at)
    assert (found["0123abcd", INFO]["status"], found["4567abcd", INFO]["status"]) == ("DISCARDED", "HELD")
    assert "correct the entry" in found["0123abcd", INFO]["reason"]
    rows = at.json("held discard 4567 nothing --yes", 1)
    assert [(one["outcome"], one["reason"]) for one in rows] == [
        ("discarded", rows[0]["reason"]),
        ("left as it is", "nothing is on record of it"),
    ]


@pytest.mark.parametrize("options", ["", "m1 --entry info@example.com", "m1 --since 1d"])
def test_discard_takes_messages_or_an_entry(at: Operator, options: str) -> None:
    at.run(f"held discard {options}", 2)


def test_held_mail_is_replayed_for_its_recipients_only(at: Operator) -> None:
    hold(at, "m1", INFO, INFO)
    hold(at, "m1", "a@unknown.example", UNKNOWN)
    record(at, "m1", "eve@example.com", "DELIVERED")
    record(at, "m1", "(bounce)", "BOUNCED", bucket=None, key=None)
    workflow = FakeWorkflow(at, resolves(at, {INFO: "bob@example.com"}))
    [row] = at.json(f"replay --held --entry {INFO} --dry-run")
    assert (row["entry"], row["messages"], row["result"]) == (INFO, 1, "would be replayed")
    assert workflow.events == []
    done = at.json(f"replay --held --entry {INFO}")
    assert done == {
        "groups": [{"entry": INFO, "replayed": 1, "still_undelivered": 0, "failed": 0}],
        "failed": 0,
        "failures": [],
    }
    [event] = workflow.events
    assert event["receipt"]["recipients"] == [INFO]
    assert event["receipt"]["spamVerdict"] == {"status": "PASS"}
    assert event["mailroom"] == {"no_bounce": True}
    found = {key[1]: one for key, one in records(at).items()}
    assert {name: one["status"] for name, one in found.items()} == {
        INFO: "REPLAYED",
        "bob@example.com": "DELIVERED",
        "a@unknown.example": "HELD",
        "eve@example.com": "DELIVERED",
        "(bounce)": "BOUNCED",
    }
    assert "attention" not in found[INFO]
    assert at.run(f"replay --held --entry {INFO}") == "nothing matches\n"


def test_what_is_held_again_stays_held(at: Operator) -> None:
    hold(at, "m1", INFO, INFO)
    hold(at, "m2", "bob@example.com", "bob@example.com", error="MessageMissing")
    FakeWorkflow(at, resolves(at, {}))
    rows = at.json("replay --held")["groups"]
    assert [(row["entry"], row["still_undelivered"]) for row in rows] == [("bob@example.com", 1), (INFO, 1)]
    assert {one["status"] for one in records(at).values()} == {"HELD"}


def test_a_copy_that_was_refused_is_claimed_anew(at: Operator) -> None:
    """Its record is the mailbox's own: the execution changes it, and nothing is left to mark."""
    hold(at, "m1", "bob@example.com", "bob@example.com", error="MailboxPathRejected", recipients={INFO})
    workflow = FakeWorkflow(at, resolves(at, {INFO: "bob@example.com"}))
    at.run("replay --held --domain example.com")
    assert workflow.events[0]["receipt"]["recipients"] == [INFO]
    assert {key[1]: one["status"] for key, one in records(at).items()} == {"bob@example.com": "DELIVERED"}


def test_mail_that_is_gone_is_said_and_stays_on_record(at: Operator) -> None:
    hold(at, "m1", INFO, INFO)
    hold(at, "m2", INFO, INFO)
    at.s3.delete_object(Bucket="mail", Key="mail/m1")
    record(at, "m3", INFO, "HELD", entry=INFO, recipients=None)
    FakeWorkflow(at, resolves(at, {INFO: "bob@example.com"}))
    said = at.run("replay --held", 1)
    assert "warning: m1: the raw mail s3://mail/mail/m1 is gone" in at.stderr
    assert "warning: m3: the records of m3 have no recipients." in at.stderr
    assert "2 messages not replayed, and as before" in at.stderr
    assert INFO in said
    assert {key[0]: one["status"] for key, one in records(at).items() if key[1] == INFO} == {
        "m1": "HELD",
        "m2": "REPLAYED",
        "m3": "HELD",
    }


def test_a_failure_stops_no_other_message(at: Operator) -> None:
    for number in range(5):
        hold(at, f"m{number}", INFO, INFO)
    well = resolves(at, {INFO: "bob@example.com"})

    def end(event: Any) -> dict[str, Any]:
        match event["mail"]["messageId"]:
            case "m1":
                return failed()
            case "m2":
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "StartSyncExecution")
            case _:
                return well(event)

    FakeWorkflow(at, end)
    done = at.json("replay --held", 1)
    assert done["groups"] == [{"entry": INFO, "replayed": 3, "still_undelivered": 0, "failed": 2}]
    assert sorted(one["message_id"] for one in done["failures"]) == ["m1", "m2"]
    assert {key[0] for key, one in records(at).items() if one["status"] == "HELD"} == {"m1", "m2"}


def test_many_failures_in_a_row_stop_it(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_many, "ENOUGH_FAILURES", 3)
    flood(at, 30)
    workflow = FakeWorkflow(at, failed)
    at.run("replay --held", 1)
    assert "stopped, because so many executions in a row failed; the last: Failed: FAILED DeliveryInc" in at.stderr
    assert 3 <= len(workflow.events) < 30
    assert {one["status"] for one in records(at).values()} == {"HELD"}


def test_a_throttled_start_waits(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(execution.time, "sleep", waits.append)
    hold(at, "m1", INFO, INFO)
    well = resolves(at, {INFO: "bob@example.com"})

    def end(event: Any) -> dict[str, Any]:
        if len(workflow.events) < 3:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "StartSyncExecution")
        return well(event)

    workflow = FakeWorkflow(at, end)
    assert at.json("replay --held")["groups"][0]["replayed"] == 1
    assert waits == [1, 2]


def test_ctrl_c_says_how_far_it_came(at: Operator) -> None:
    flood(at, 30)
    well = resolves(at, {INFO: "bob@example.com"})

    def end(event: Any) -> dict[str, Any]:
        if len(workflow.events) == 3:
            raise KeyboardInterrupt
        return well(event)

    workflow = FakeWorkflow(at, end)
    at.run("replay --held", 130)
    assert "finishing what has begun" in at.stderr
    replayed = [key for key, one in records(at).items() if one["status"] == "REPLAYED"]
    assert 2 <= len(replayed) < 30
    FakeWorkflow(at, well)
    at.run("replay --held")
    assert all(one["status"] == "REPLAYED" for key, one in records(at).items() if key[1] == INFO)


def test_a_replay_of_one_message_marks_what_it_has_dealt_with(at: Operator) -> None:
    hold(at, "m1", INFO, INFO)
    hold(at, "m1", "max@example.com", "max@example.com", recipients={"max@example.com", "all@example.com"})
    record(at, "m1", "gone@example.com", "REJECTED", code="5.1.1")
    FakeWorkflow(at, resolves(at, {INFO: "bob@example.com", "max@example.com": "eve@example.com"}, "REJECTED"))
    at.run(f"replay m1 --recipient {INFO} --recipient max@example.com --recipient gone@example.com")
    assert {key[1]: one["status"] for key, one in records(at).items()} == {
        INFO: "REPLAYED",
        "bob@example.com": "DELIVERED",
        "eve@example.com": "DELIVERED",
        # all@example.com was not replayed, so this copy may still be due.
        "max@example.com": "HELD",
        "gone@example.com": "REJECTED",
    }


def test_a_replay_ends_a_failure_that_a_later_run_has_overtaken(at: Operator) -> None:
    """An alias led to Bob, whose copy failed; since then it leads to Dave."""
    hold(at, "m1", "x@example.com", "x@example.com")  # the raw mail
    record(at, "m1", "bob@example.com", "FAILED", recipients={INFO}, error="StorageUnavailable")
    record(at, "m1", "carol@example.com", "FAILED", recipients={INFO, "all@example.com"}, error="StorageUnavailable")
    record(at, "m1", "erin@example.com", "CLAIMED", recipients={INFO}, lease_until=2**32)
    FakeWorkflow(at, resolves(at, {INFO: "dave@example.com"}))
    at.run(f"replay m1 --recipient {INFO}")
    found = records(at)
    assert {key[1]: one["status"] for key, one in found.items()} == {
        "x@example.com": "HELD",
        "bob@example.com": "REPLAYED",
        # all@example.com was not replayed, so this copy may still be due.
        "carol@example.com": "FAILED",
        "erin@example.com": "CLAIMED",
        "dave@example.com": "DELIVERED",
    }
    assert "attention" not in found["m1", "bob@example.com"]


def test_a_replay_that_fails_ends_no_failure(at: Operator) -> None:
    hold(at, "m1", "x@example.com", "x@example.com")  # the raw mail
    record(at, "m1", "bob@example.com", "FAILED", recipients={INFO}, error="StorageUnavailable")
    FakeWorkflow(at, failed)
    at.run(f"replay m1 --recipient {INFO}", 1)
    assert records(at)["m1", "bob@example.com"]["status"] == "FAILED"


def test_replayed_by_somebody_else_meanwhile(at: Operator) -> None:
    hold(at, "m1", INFO, INFO)
    record(at, "m1", INFO, "REPLAYED", attention="2026-11-24T02#0")
    workflow = FakeWorkflow(at, delivered)
    assert at.run("replay --held") == "nothing matches\n"
    assert workflow.events == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("--held --rejected", "give MESSAGE-IDs, --held or --rejected."),
        ("m1 --held", "give MESSAGE-IDs, --held or --rejected."),
        ("--held --recipient bob@example.com", "--recipient needs MESSAGE-IDs."),
        ("--held --to bob@example.com", "--to and --code need --rejected."),
        ("--rejected", "--rejected needs --since."),
        ("m1 --since 2d", "--domain, --since and --until need --held or --rejected."),
        ("m1 --entry x", "--entry needs --held."),
    ],
)
def test_options_that_do_not_go_together(at: Operator, options: str, reason: str) -> None:
    assert f"Invalid value: {reason}" in at.misused(f"replay {options}")


def test_a_flood_is_restored_by_one_command_and_discarded_by_another(at: Operator) -> None:
    flood(at, FLOOD)
    flood(at, FLOOD, "b", UNKNOWN)
    assert [(row["entry"], row["messages"]) for row in at.json("held list")] == [(UNKNOWN, FLOOD), (INFO, FLOOD)]
    workflow = FakeWorkflow(at, resolves(at, {INFO: "bob@example.com"}))
    assert at.json(f"replay --held --entry {INFO}")["groups"] == [
        {"entry": INFO, "replayed": FLOOD, "still_undelivered": 0, "failed": 0}
    ]
    assert len(workflow.events) == FLOOD
    assert at.json(f"held discard --entry {UNKNOWN} --yes")["discarded"] == FLOOD
    assert at.run("held list") == "no mail is held\n"
    counts: dict[str, int] = {}
    for one in records(at).values():
        counts[one["status"]] = counts.get(one["status"], 0) + 1
    assert counts == {"REPLAYED": FLOOD, "DELIVERED": FLOOD, "DISCARDED": FLOOD}


def test_check_names_the_entries_that_hold_mail(at: Operator) -> None:
    at.put(mailbox("bob@example.com"), domain("example.com"))
    assert at.run("directory check") == "the directory is in order\n"
    for number in range(3):
        hold(at, f"a{number}", f"x{number}@unknown.example", "@unknown.example")
    hold(at, "b", "info@example.com", "info@example.com")
    rows = [row for row in at.json("directory check", 1) if row["kind"] == "held"]
    assert [(row["severity"], row["entry"]) for row in rows] == [
        ("error", "@unknown.example"),
        ("error", "info@example.com"),
    ]
    assert rows[0]["finding"] == (
        "3 messages held, the oldest since 2026-11-24T02:47:00.123Z; 5.1.1 there is no such address; correct the"
        " entry, or add what it leads to"
    )
