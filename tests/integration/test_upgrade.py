"""What version 0.1.0 leaves behind, met by the commands and functions of today, and what it meets after a roll-back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.integration.command_line import REGION, Operator
from tests.integration.handlers import fresh_worker, lambda_context
from tests.version_0_1 import kept

BUCKET = "mail"
OLD_PATHS = {
    "a%b@kept.example": "kept.example/a%25b/Maildir",
    "bob@kept.example": "kept.example/bob/Maildir",
    "eve@kept.example": "kept-staff/eve",
    "müller@kept.example": "kept.example/m%C3%BCller/Maildir",
    "o'brien@kept.example": "kept.example/o%27brien/Maildir",
    "off@kept.example": "kept.example/off/Maildir",
}


@pytest.fixture
def upgraded(at: Operator) -> Operator:
    """An operator of a stack that 0.1.0 has worked in."""
    client = boto3.client("dynamodb", region_name=REGION)
    for item in kept.entries():
        client.put_item(TableName="directory", Item=item)
    for item in kept.records(BUCKET):
        client.put_item(TableName="deliveries", Item=item)
    for queue in kept.QUEUES:
        url = at.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        for body in kept.bodies(queue, BUCKET):
            at.sqs.send_message(QueueUrl=url, MessageBody=body)
    for key, content in kept.objects().items():
        at.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    return at


@pytest.fixture
def call(upgraded: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, Any], Any]:
    """Call a function of today, in a worker that has just started."""
    environment = {
        "AWS_DEFAULT_REGION": REGION,
        "DIRECTORY_TABLE": "directory",
        "MAIL_BUCKET": BUCKET,
        "MAIL_KEY_PREFIX": "mail/",
        "LEASE_SECONDS": "370",
        "RECORD_RETENTION_DAYS": "400",
        "MAIL_ROOT": str(tmp_path),
    }

    def function(name: str, event: Any) -> Any:
        return fresh_worker(monkeypatch, name, environment).handler(event, lambda_context())

    return function


def where(at: Operator) -> dict[str, str]:
    return {row["address"]: row["path"] for row in at.json("mailbox list")}


def test_nothing_moves_and_fix_says_so_in_the_entries(upgraded: Operator, call: Any) -> None:
    at = upgraded
    before = at.entries()
    assert where(at) == OLD_PATHS
    found = [(row["severity"], row["kind"], row["entry"]) for row in at.json("directory check")]
    moved_in_new_installations = ["müller@kept.example", "o'brien@kept.example"]
    assert found == [
        ("warning", "domain", "@kept.example"),
        ("warning", "domain", "@other.kept.example"),
        ("warning", "path", "a%b@kept.example"),
        *(("warning", "path", address) for address in moved_in_new_installations),
    ]
    asked = kept.state("ResolveMailboxes", BUCKET)
    paths = {one["mailbox"]: one["path"] for one in call("resolve_mailboxes", asked)["deliveries"]}

    fixed = at.json("directory check --fix")
    assert [item["address"] for item in fixed["added"]] == ["@kept.example", "@other.kept.example"]
    assert {one["after"]["address"]: one["after"]["path"] for one in fixed["changed"]} == {
        address: OLD_PATHS[address] for address in moved_in_new_installations
    }
    assert where(at) == OLD_PATHS
    assert {one["mailbox"]: one["path"] for one in call("resolve_mailboxes", asked)["deliveries"]} == paths
    after = at.entries()
    assert at.json("directory check --fix")["changed"] == []
    assert at.entries() == after
    # Nothing went, and nothing else was written.
    assert {key for key in after if after[key] != before.get(key)} == {
        "@kept.example",
        "@other.kept.example",
        *moved_in_new_installations,
    }
    assert set(before) <= set(after)


def test_an_unknown_domain_is_held_once_the_directory_names_one(upgraded: Operator, call: Any) -> None:
    """Until then it is rejected, as it was: 0.1.0 wrote no entries of domains."""
    asked = kept.state("ResolveMailboxes", BUCKET) | {"recipients": ["x@elsewhere.example"]}
    assert [one["status"] for one in call("resolve_mailboxes", asked)["undelivered"]] == ["REJECTED"]
    upgraded.json("directory check --fix")
    [held] = call("resolve_mailboxes", asked)["undelivered"]
    assert (held["status"], held["entry"]) == ("HELD", "@elsewhere.example")


def test_a_new_mailbox_beside_the_old_ones(upgraded: Operator) -> None:
    upgraded.run("mailbox add o\\'neil@kept.example")
    assert where(upgraded) == OLD_PATHS | {"o'neil@kept.example": "kept.example/o'neil/Maildir"}


def test_functions_take_the_states_of_before(call: Any, tmp_path: Path) -> None:
    """An execution that is under way while the functions are replaced, and events that have waited."""
    received = call("validate_event", kept.state("ValidateEvent", BUCKET))
    before = kept.state("ValidateEvent", BUCKET, "output")
    assert [received[name] for name in ("kind", "recipients", "released", "concurrency", "bounce")] == [
        before[name] for name in ("kind", "recipients", "released", "concurrency", "bounce")
    ]
    assert before["message"].items() <= received["message"].items()

    resolved = call("resolve_mailboxes", kept.state("ResolveMailboxes", BUCKET))
    for now, then in zip(
        resolved["deliveries"], kept.state("ResolveMailboxes", BUCKET, "output")["deliveries"], strict=True
    ):
        assert then.items() <= now.items()

    written = call("write_mailbox", kept.state("WriteMailbox", BUCKET))
    [copy] = tmp_path.rglob("*.mailroom,*")
    assert copy == tmp_path / "kept.example/o%27brien/Maildir/new" / written["file_name"]
    assert copy.read_bytes().endswith(kept.objects()[f"mail/{kept.MESSAGES['waiting']}"])


def test_the_writer_of_before_finds_all_that_it_reads_in_what_it_is_given_now() -> None:
    """After a roll-back, an execution that is under way calls the functions of before."""
    machine = json.loads((Path(__file__).parents[2] / "statemachine/deliver_mail.asl.json").read_text(encoding="utf-8"))
    items = machine["States"]["DeliverToMailboxes"]["ItemProcessor"]["States"]
    given = names(items["WriteMailbox"]["Parameters"]["Payload"])
    assert names(kept.state("WriteMailbox", BUCKET)) <= given


def names(state: dict[str, Any], above: str = "") -> set[str]:
    """All keys of a state, with the way to them."""
    found: set[str] = set()
    for key, value in state.items():
        name = f"{above}{key.removesuffix('.$')}"
        found |= names(value, f"{name}.") if isinstance(value, dict) else {name}
    return found


def test_resolve_mailboxes_of_before_finds_all_that_it_reads(call: Any) -> None:
    received = call("validate_event", kept.state("ValidateEvent", BUCKET))
    assert names(kept.state("ResolveMailboxes", BUCKET)) <= names(received)


@pytest.mark.parametrize(
    ("status", "more", "claimed"),
    [
        ("FAILED", {"error": "StorageUnavailable", "attention": "2026-11-24T02#a"}, True),
        ("CLAIMED", {"lease_owner": "another", "lease_until": 1}, True),
        ("CLAIMED", {"lease_owner": "another", "lease_until": 10**10}, False),
        ("HELD", {"entry": "o'brien@kept.example", "error": "MessageMissing"}, True),
        ("DELIVERED", {"file_name": "1.x.mailroom"}, False),
        ("QUARANTINED", {"quarantine_key": "quarantine/m1"}, False),
    ],
)
def test_the_claim_of_before_keeps_to_records_of_today(
    at: Operator, status: str, more: dict[str, Any], claimed: bool
) -> None:
    table = at.dynamodb.Table("deliveries")
    key = {"message_id": "m1", "mailbox": "o'brien@kept.example"}
    first = {"path": "kept.example/o'brien/Maildir", "folder": "Junk", "received_at": "2026-11-24T02:47:00.123Z"}
    today = {"month": "2026-11#0", "first_claimed_at": 1_795_506_494, "attempts": 1, "status": status}
    table.put_item(Item=key | first | today | more)
    values = {
        ":delivered": "DELIVERED",
        ":quarantined": "QUARANTINED",
        ":claimed": "CLAIMED",
        ":owner": "execution of 0.1.0",
        ":now": 1_795_530_457,
        ":until": 1_795_530_827,
        ":folder": "INBOX",
        ":path": "kept.example/o%27brien/Maildir",
        ":received_at": "2026-11-24T03:00:00.000Z",
        ":source": "sender@example.org",
        ":rfc_message_id": "",
        ":bucket": BUCKET,
        ":key": "mail/m1",
        ":expires_at": 1_830_090_457,
        ":one": 1,
        ":recipients": {"o'brien@kept.example"},
    }
    claim = {**kept.load("calls.json")["ClaimDelivery"], "ExpressionAttributeValues": values}
    if not claimed:
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            table.update_item(Key=key, **claim)
        return
    record = table.update_item(Key=key, ReturnValues="ALL_NEW", **claim)["Attributes"]
    # A recovery looks where the first attempt wrote, whatever version that was.
    assert {name: record[name] for name in first} == first
    assert record["attempts"] == 2


def test_commands_read_what_is_on_record(upgraded: Operator) -> None:
    at, ids = upgraded, kept.MESSAGES
    for name, outcomes in {
        "delivered": ["DELIVERED"] * 4,
        "junk": ["DELIVERED"],
        "rejected": ["REJECTED"] * 2,
        "quarantined": ["QUARANTINED"],
        "parked": ["REJECTED"],
        "dead": ["FAILED"] * 2,
        "failed": ["FAILED"],
        "interrupted": ["CLAIMED"],
    }.items():
        assert [row["outcome"] for row in at.json(f"trace {ids[name]}")] == outcomes, name
    assert ids["quarantined"] in [row["message_id"] for row in at.json("quarantine list")]
    parked = at.json("parked list")
    assert sorted(row["error"] for row in parked) == ["CopyRefused", "InvalidEvent"]
    assert [row["message_id"] for row in at.json("dead-letters list")] == [ids["dead"]]
