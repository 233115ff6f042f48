"""trace: an operator can always say what became of a message."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailroomctl.console import Console
from mailroomctl.times import iso
from tests.fakes.dynamodb import alias, domain, mailbox
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
        "source": "sender@example.org",
        "mailbox": "bob@example.com",
        "recipients": ["bob@example.com"],
        "outcome": "DELIVERED",
        "entry": None,
        "folder": "Junk",
        "file": "example.com/bob/Maildir/.Junk/new/name",
        "size": 100,
        "attempts": 2,
        "failed_at": None,
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
    assert "there are more than these: --until 2026-11-01T00:00:00.000Z goes on from there" in at.stderr
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
    # What an earlier version has rejected has no month: it shows by its mailbox and message, as before.
    record(at, "m7", "old@example.com", "REJECTED", code="5.1.1", received_at=iso(now), month=None)

    def traced(options: str) -> list[str]:
        return [row["message_id"] for row in at.json(f"trace {options}")]

    assert traced("--status REJECTED --since 2h") == ["m0", "m1", "m2"]
    assert traced("--status rejected --since 2h --until 1h") == ["m2"]
    assert traced("--status REJECTED") == ["m0", "m1", "m2", "m3"]
    assert traced("--status REJECTED --limit 2") == ["m0", "m1"]
    assert "there are more than these: --until" in at.stderr
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
    assert at.fails("trace") == "give a MESSAGE-ID, --mailbox, --rfc-message-id, --status, --from or --since."
    at.run("trace --status BROKEN", 2)
    assert at.fails("trace m1 --mailbox bob@example.com").startswith("give either a MESSAGE-ID")


def test_a_list_fits_a_narrow_terminal(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each message, whose id is cut to what every command takes."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(Console, "narrow", True)
    now = iso(datetime.now(UTC))
    first, second = "z0nhoaya69" + "a" * 30, "hh3hoaya69" + "b" * 30
    long = {"received_at": now, "source": "a-rather-long-local-part@newsletters.example.org"}
    for number in range(600):
        record(at, first, f"mailbox-with-a-name-{number:03}@example.com", "DELIVERED", **long)
    record(at, second, "bob@example.com", "QUARANTINED", **long)
    lines = [line for line in at.run("trace --since 1h --limit 1000").splitlines() if line.strip()]
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["received", "outcome", "from", "to", "id"], "\n".join(lines)
    rows = [line.split() for line in lines[2:]]
    assert sorted(row[-1] for row in rows) == ["hh3hoaya", "z0nhoaya"]
    assert any("DELIVERED 600" in line for line in lines)
    assert rows[0][0] == now[:10]
    monkeypatch.setattr(Console, "narrow", False)
    assert first in at.run("trace --since 1h --limit 1000"), "files and programs get the whole id"


def test_the_beginning_of_an_id_is_enough(at: Operator) -> None:
    at.parameters["MailKeyPrefix"] = "mail/"
    for message_id in ("abcd1111", "abcd2222", "abcd22223", "efgh1111"):
        record(at, message_id, "bob@example.com", "DELIVERED")
        at.s3.put_object(Bucket="mail", Key=f"mail/{message_id}", Body=b"mail")
    assert at.json("trace efgh")[0]["message_id"] == "efgh1111"
    assert at.json("trace abcd2222")[0]["message_id"] == "abcd2222", "a whole id is no beginning"
    assert at.fails("trace abcd") == (
        "abcd is the beginning of 3 ids: abcd1111, abcd2222, abcd22223. Write more of it."
    )
    assert at.fails("trace efg").startswith("nothing is on record of efg,"), "too short to guess"
    assert at.json("replay efgh --dry-run")[0]["message_id"] == "efgh1111"
    assert at.json("replay abcd --dry-run", 1)[0]["reason"].startswith("abcd is the beginning of 3 ids")


def test_by_sender(at: Operator) -> None:
    now = iso(datetime.now(UTC))
    for number, source in enumerate(("Ann@shop.example", "joe@shop.example", "joe@other.example", "")):
        record(at, f"m{number}", "bob@example.com", "DELIVERED", source=source, received_at=now)
    record(at, "m9", "bob@example.com", "FAILED", source="ann@SHOP.example", received_at=now)

    def traced(options: str) -> list[str]:
        return sorted(row["message_id"] for row in at.json(f"trace {options}"))

    assert traced("--from ann@shop.example") == ["m0", "m9"]
    assert traced("--from shop.example --since 1h") == ["m0", "m1", "m9"]
    assert traced("--from @shop.example --status FAILED") == ["m9"]
    assert traced("--mailbox bob@example.com --from joe@other.example --since 1h") == ["m2"]


MAIL = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\x1b[31m\r\nFrom: x\r\n\r\nbody"


def test_subjects_are_read_while_somebody_looks(at: Operator) -> None:
    now = datetime.now(UTC)
    asked: list[str] = []

    class S3:
        def get_object(self, **request: str) -> Any:
            asked.append(request["Range"])
            return at.s3.get_object(**request)

        list_objects_v2 = staticmethod(at.s3.list_objects_v2)

    at.replaced["s3"] = S3()
    for number in range(30):
        record(at, f"m{number:02}", "bob@example.com", "DELIVERED", received_at=iso(now - timedelta(seconds=number)))
        if number != 1:
            at.s3.put_object(Bucket="mail", Key=f"mail/m{number:02}", Body=MAIL if number else b"")
    rows = at.json("trace --since 1h --subjects")
    assert [row["subject"] for row in rows[:4]] == [None, None, "Grüße  [31m", "Grüße  [31m"]
    assert asked == ["bytes=0-16383"] * 25
    assert "the subjects of the first 25 messages only" in at.stderr
    assert [row["subject"] for row in rows[25:]] == [None] * 5
    assert "Grüße" in at.run("trace --mailbox bob@example.com --subjects")
    assert "subject     Grüße" in at.run("trace m02 --subjects")
    assert "subject" not in at.json("trace m02")[0]


def test_every_column(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(Console, "narrow", True)
    file = {"path": "example.com/bob/Maildir", "folder": "INBOX", "file_name": "1795506494.1da4.mailroom,S=1,W=1"}
    record(at, "m1", "bob@example.com", "DELIVERED", received_at=iso(datetime.now(UTC)), **file)
    for line in ("trace --since 1h --wide", "trace m1 --wide"):
        assert "example.com/bob/Maildir/new/1795506494.1da4.mailroom,S=1,W=1" in at.run(line)


def test_one_message_in_full(at: Operator) -> None:
    at.put(mailbox("bob@example.com"), alias("info@example.com", "bob@example.com"), domain("example.com"))
    cause = json.dumps({"errorMessage": "opening the mail root; is the file system mounted?: ENOENT"})
    record(
        at,
        "m1",
        "bob@example.com",
        "FAILED",
        recipients={"info@example.com", "bob@example.com", "bob+lists@example.com"},
        attempts=2,
        first_claimed_at=1795488421,
        failed_at="2026-11-24T02:54:00.000Z",
        error="StorageUnavailable",
        reason=json.dumps({"Error": "StorageUnavailable", "Cause": cause}),
    )
    record(at, "m1", "gone@example.com", "REJECTED", code="5.1.1", reason="there is no such address")
    record(at, "m1", "max@example.com", "DELIVERED", path="p", folder="INBOX", file_name="f", size=7)
    record(at, "m1", "(bounce)", "BOUNCED")
    said = at.run("trace m1")
    for text in (
        "message     m1\n",
        "from        sender@example.org\n",
        "raw mail    s3://mail/mail/m1 is gone\n",
        "bounce      BOUNCED\n",
        "FAILED  bob@example.com\n",
        "info@example.com → bob@example.com (exact, an alias to 1 address)",
        "bob+lists@example.com → bob@example.com (without the tag 'lists', a mailbox)",
        "attempts  2\n",
        "2026-11-24T02:47:00.123Z received by SES; 2026-11-24T02:47:01.000Z first claimed; ",
        "; 2026-11-24T02:54:00.000Z last attempt failed\n",
        "StorageUnavailable opening the mail root; is the file system mounted?: ENOENT (no attempt since",
        "p/new/f",
        "REJECTED  gone@example.com\n",
    ):
        assert text in said, said
    assert "max@example.com" not in at.run("trace m1 --status failed")
    at.s3.put_object(Bucket="mail", Key="mail/m1", Body=b"mail")
    assert "raw mail    s3://mail/mail/m1\n" in at.run("trace m1")


def test_a_way_that_is_gone_or_too_long(at: Operator) -> None:
    record(at, "m1", "bob@example.com", "DELIVERED", recipients={"info@example.com"})
    assert "info@example.com (the directory leads elsewhere now)" in at.run("trace m1")
    chain = [alias(f"a{number}@example.com", f"a{number + 1}@example.com") for number in range(9)]
    at.put(*chain, mailbox("a9@example.com"), domain("example.com"))
    record(at, "m2", "a9@example.com", "DELIVERED", recipients={"a0@example.com"})
    assert "for    a0@example.com\n" in at.run("trace m2")


def test_the_mail_of_a_large_group_is_a_table(at: Operator) -> None:
    for number in range(30):
        record(at, "m1", f"x{number}@example.com", "DELIVERED", folder="INBOX")
    lines = at.run("trace m1").splitlines()
    assert sum("DELIVERED" in line for line in lines) == 30


def test_no_nothing_where_the_question_was_wrong(at: Operator) -> None:
    assert at.fails("trace --mailbox bob") == (
        "'bob' is not an address, and nothing is on record under it: an address needs an @."
    )
    record(at, "m1", "no address", "REJECTED", received_at=iso(datetime.now(UTC)))
    assert [row["message_id"] for row in at.json("trace --mailbox 'no address'")] == ["m1"]
    late = at.fails("trace --mailbox bob@example.com --since 2100-01-01")
    assert late == "--since is later than --until, or in the future."
    assert at.fails("trace --rfc-message-id m2@example.org --since 2100-01-01") == late


def test_colours_only_for_eyes(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    record(at, "m1", "bob@example.com", "FAILED", received_at=iso(datetime.now(UTC)))
    assert "\x1b[" not in at.run("trace --status FAILED")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[31mFAILED" in at.run("trace --status FAILED")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in at.run("trace --status FAILED")


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


def test_a_renamed_mailbox_has_its_mail_of_before_and_what_it_was_refused(at: Operator) -> None:
    at.put(mailbox("robert@example.com", path="bob", records_under="bob@example.com"))
    at.put(alias("bob@example.com", "robert@example.com"), domain("example.com"))
    record(at, "m1", "bob@example.com", "DELIVERED", received_at="2026-11-23T00:00:00.000Z")
    record(at, "m2", "robert@example.com", "REJECTED", received_at="2026-11-23T01:00:00.000Z")
    record(at, "m3", "bob@example.com", "DELIVERED", received_at="2026-11-23T02:00:00.000Z")
    record(at, "m4", "eve@example.com", "DELIVERED", received_at="2026-11-23T02:00:00.000Z")
    rows = at.json("trace --mailbox Robert@example.com --since 2026-10-01")
    assert [row["message_id"] for row in rows] == ["m3", "m2", "m1"]
    assert "bob@example.com → robert@example.com (exact, an alias to 1 address)" in at.run("trace m1")
