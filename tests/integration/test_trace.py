"""trace: an operator can always say what became of a message."""

from datetime import UTC, datetime, timedelta

from mailroomctl.times import iso
from tests.integration.command_line import Operator
from tests.integration.template_tables import table
from tests.integration.waiting_messages import give_up, hold, record

NEW = "2026-11-24T02:47:00.123Z"


def test_a_message(at: Operator) -> None:
    record(
        at,
        "m1",
        "bob@example.com",
        "DELIVERED",
        path="example.com/bob/Maildir",
        folder="Junk",
        file_name="name",
        attempts=2,
        size=100,
        verdict="spam=FAIL; policy=junk",
    )
    record(at, "m1", "eve@example.com", "FAILED", error="StorageUnavailable", attempts=3)
    record(at, "m1", "gone@example.com", "REJECTED", code="5.1.1", reason="there is no such address")
    record(at, "m1", "max@example.com", "CLAIMED", lease_until=1795488900)
    assert at.json("trace m1")[0] == {
        "received_at": NEW,
        "message_id": "m1",
        "mailbox": "bob@example.com",
        "recipients": ["bob@example.com"],
        "outcome": "DELIVERED",
        "entry": None,
        "folder": "Junk",
        "file": "example.com/bob/Maildir/.Junk/new/name",
        "size": 100,
        "attempts": 2,
        "delivered_at": None,
        "reason": "spam=FAIL; policy=junk",
    }
    reasons = [row["reason"] for row in at.json("trace m1")[1:]]
    assert reasons == [
        "StorageUnavailable",
        "5.1.1 there is no such address",
        "an execution holds the lease until 2026-11-24T02:55:00Z",
    ]
    assert [row["mailbox"] for row in at.json("trace m1 --status failed")] == ["eve@example.com"]
    assert "example.com/bob/Maildir/.Junk/new/name" in at.run("trace m1")


def test_a_mailbox(at: Operator) -> None:
    record(at, "m1", "bob@example.com", "DELIVERED", received_at="2026-11-01T00:00:00.000Z")
    record(at, "m2", "bob@example.com", "DELIVERED", received_at="2026-11-23T00:00:00.000Z")
    record(at, "m3", "bob@example.com", "FAILED", received_at=NEW)
    record(at, "m4", "eve@example.com", "FAILED", received_at=NEW)

    def traced(options: str) -> list[str]:
        return [row["message_id"] for row in at.json(f"trace --mailbox BOB@example.com {options}")]

    assert traced("--since 2026-10-01") == ["m3", "m2", "m1"]
    assert traced("--since 2026-11-24T02:00Z") == ["m3"]
    assert traced("--since 2026-10-01 --until 2026-11-23T12:00:00+01:00") == ["m2", "m1"]
    assert traced("--since 2026-10-01 --status DELIVERED --limit 1") == ["m2"]
    assert "there are more than 1" in at.stderr
    assert traced("--since 2000-01-01 --rfc-message-id m1@example.org") == ["m1"]
    assert traced("--rfc-message-id '<m1@example.org>'") == ["m1"]
    assert "mailroomctl explain info@example.com shows" in at.run("trace --mailbox info@example.com")


def test_what_is_held_names_entry_and_remedy(at: Operator) -> None:
    hold(at, "m1", "info@example.com", "info@example.com")
    fields = {"entry": "bob@example.com", "error": "MailboxPathRejected", "reason": "a symlink"}
    record(at, "m1", "bob@example.com", "HELD", **fields)
    bob, info = at.json("trace m1")
    assert (info["outcome"], info["entry"]) == ("HELD", "info@example.com")
    assert info["reason"].startswith("info@example.com: 5.1.1 there is no such address; correct the entry")
    assert bob["reason"] == (
        "bob@example.com: MailboxPathRejected a symlink; mend the path on the file system or with"
        " mailroomctl mailbox set bob@example.com --path PATH"
    )


def test_a_status_over_all_mailboxes(at: Operator) -> None:
    now = datetime.now(UTC)
    for number, age in enumerate((1, 30, 90, 60 * 24 * 20)):
        received_at = iso(now - timedelta(minutes=age))
        record(at, f"m{number}", f"x{number}@example.com", "REJECTED", code="5.1.1", received_at=received_at)
    record(at, "m8", "eve@example.com", "FAILED", error="StorageUnavailable", received_at=iso(now))
    record(at, "m9", "bob@example.com", "DELIVERED", received_at=iso(now))
    # What an earlier version has rejected has no hour: it shows by its mailbox and message, as before.
    record(at, "m7", "old@example.com", "REJECTED", code="5.1.1", received_at=iso(now), hour=None)

    def traced(options: str) -> list[str]:
        return [row["message_id"] for row in at.json(f"trace {options}")]

    assert traced("--status REJECTED --since 2h") == ["m0", "m1", "m2"]
    assert traced("--status rejected --since 2h --until 1h") == ["m2"]
    assert traced("--status REJECTED") == ["m0", "m1", "m2", "m3"]
    assert traced("--status REJECTED --limit 2") == ["m0", "m1"]
    assert "there are more than 2" in at.stderr
    assert traced("--status FAILED --since 1h") == ["m8"]
    assert traced("--mailbox old@example.com --status REJECTED") == traced("m7") == ["m7"]
    assert at.json("trace --status FAILED --since 1h")[0]["reason"] == "StorageUnavailable"


def test_every_outcome_of_a_period(at: Operator) -> None:
    now = datetime.now(UTC)
    record(at, "m1", "bob@example.com", "DELIVERED", received_at=iso(now - timedelta(minutes=50)), path="p", folder="F")
    record(at, "m2", "eve@example.com", "FAILED", received_at=iso(now - timedelta(minutes=10)))
    record(at, "m3", "max@example.com", "DISCARDED", received_at=iso(now - timedelta(minutes=5)))
    record(at, "m4", "bob@example.com", "DELIVERED", received_at=iso(now - timedelta(hours=30)))
    rows = at.json("trace --since 1h")
    assert [(row["message_id"], row["outcome"]) for row in rows] == [
        ("m3", "DISCARDED"),
        ("m2", "FAILED"),
        ("m1", "DELIVERED"),
    ]
    assert rows[2]["folder"] == "F"
    assert [row["message_id"] for row in at.json("trace --since 1h --status DELIVERED")] == ["m1"]
    assert at.fails("trace --since 1h --until 2h").startswith("--since is later than --until")


def test_without_the_indexes(at: Operator) -> None:
    """An upgrade makes one index after the other, and a stack of an earlier version has none."""
    at.dynamodb.Table("deliveries").delete()
    at.dynamodb.create_table(TableName="deliveries", **table("DeliveriesTable", ["by_mailbox"]))
    assert "has no index needs_attention" in at.fails("trace --status HELD")
    assert "has no index by_time" in at.fails("trace --since 1h")
    assert "has no index needs_attention" in at.run("directory check") + at.stderr
    record(at, "m1", "bob@example.com", "DELIVERED")
    assert [row["message_id"] for row in at.json("trace m1")] == ["m1"]


def test_a_message_id_header(at: Operator) -> None:
    record(at, "m1", "bob@example.com", "DELIVERED")
    record(at, "m2", "bob@example.com", "DELIVERED")
    assert [row["message_id"] for row in at.json("trace --rfc-message-id m2@example.org")] == ["m2"]
    assert at.json("trace --rfc-message-id m2@example.org --since 2100-01-01") == []


def test_nothing_on_record_says_where_else_it_may_be(at: Operator) -> None:
    at.parameters["MailKeyPrefix"] = "mail/"
    assert at.fails("trace m1") == "nothing is on record of m1, and there is no raw mail of it in the bucket."
    said = at.fails("trace carol@example.com")
    assert said.endswith("in the bucket. For an address use --mailbox, for a Message-ID --rfc-message-id.")
    at.s3.put_object(Bucket="mail", Key="mail/m1", Body=b"mail")
    assert at.fails("trace m1").endswith("its notification is in no queue: replay it.")
    give_up(at, "m1", "bob@example.com")
    assert at.fails("trace m1").endswith("it may be one of 1 in the dead-letter queue.")


def test_what_to_trace_must_be_said(at: Operator) -> None:
    assert at.fails("trace") == "give a MESSAGE-ID, --mailbox, --rfc-message-id, --status or --since."
    at.run("trace --status BROKEN", 2)
    assert at.fails("trace m1 --mailbox bob@example.com").startswith("give either a MESSAGE-ID")


def test_a_failure_says_when_no_attempt_came_after_it(at: Operator) -> None:
    """SQS brings a message back within minutes; what a later run led elsewhere never comes."""
    now = datetime.now(UTC)
    long_ago = iso(now - timedelta(minutes=16))
    record(at, "m1", "bob@example.com", "FAILED", error="StorageUnavailable", failed_at=long_ago)
    record(at, "m1", "carol@example.com", "FAILED", error="E", failed_at=iso(now - timedelta(minutes=14)))
    record(at, "m1", "dave@example.com", "FAILED", error="E")
    # Claimed again: an attempt is under way.
    record(at, "m1", "erin@example.com", "CLAIMED", failed_at=long_ago)
    assert [row["reason"] for row in at.json("trace m1")] == [
        f"StorageUnavailable (no attempt since {long_ago}: the pipe is stopped or behind, or the message has left the "
        "queue; then mailroomctl replay m1)",
        "E",
        "E",
        "",
    ]
