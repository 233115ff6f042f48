"""A stack in which version 0.1.0 has worked: its mail, queues and records under the application of today."""

from collections import Counter
from pathlib import Path
from typing import Any

from tests.e2e.dovecot import Dovecot
from tests.e2e.world import World, until
from tests.version_0_1 import kept

IDS = kept.MESSAGES
OLD_PATH = "kept.example/o%27brien/Maildir"


def upgrade(world: World) -> None:
    """Put in what 0.1.0 left behind, as if it had been here; what had been waiting arrives last."""
    bucket = world.outputs["MailBucketName"]
    kept.restore_mail(world.mail_root)
    for key, content in kept.objects().items():
        world.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    for table, items in (("DirectoryTableName", kept.entries()), ("DeliveriesTableName", kept.records(bucket))):
        for item in items:
            world.client("dynamodb").put_item(TableName=world.outputs[table], Item=item)
    for queue in reversed(kept.QUEUES):
        for body in kept.bodies(queue, bucket):
            world.client("sqs").send_message(QueueUrl=world.outputs[f"{queue}QueueUrl"], MessageBody=body)


def outcomes(world: World, message: str) -> dict[str, str]:
    return {record["mailbox"]: record["status"] for record in world.records(IDS[message])}


def subjects(folder: Path) -> Counter[str]:
    """How many copies of each message are in a Maildir."""
    copies = [*folder.glob("new/*"), *folder.glob("cur/*")]
    return Counter(copy.read_text().partition("Subject: ")[2].splitlines()[0] for copy in copies)


def test_everything_of_before_ends_as_one_copy_where_the_mail_is(world: World, dovecot: Dovecot, operator: Any) -> None:
    upgrade(world)
    brien, bob = "o'brien@kept.example", "bob@kept.example"

    # What waited in the queue: a failed copy, one whose record was lost, one that nobody had looked at.
    until(lambda: outcomes(world, "failed") == {"müller@kept.example": "DELIVERED"})
    until(lambda: outcomes(world, "interrupted") == {brien: "DELIVERED"})
    everybody = dict.fromkeys((brien, bob, "a%b@kept.example"), "DELIVERED")
    until(lambda: outcomes(world, "waiting") == everybody)
    world.idle()

    # What waited for an operator.
    operator("parked", "replay", IDS["parked"])
    assert outcomes(world, "parked") == {brien: "DELIVERED"}
    [nothing] = operator("parked", "list")
    assert nothing["error"] == "InvalidEvent"
    operator("parked", "delete", nothing["id"])
    operator("dead-letters", "redrive", IDS["dead"])
    until(lambda: outcomes(world, "dead") == {brien: "DELIVERED", bob: "DELIVERED"})
    operator("quarantine", "release", IDS["quarantined"])
    operator("mailbox", "enable", "off@kept.example")
    operator("replay", IDS["rejected"], "--recipient", "off@kept.example")
    world.idle()

    # Mail that was delivered is not delivered again.
    operator("replay", IDS["delivered"])

    in_brien = ("delivered", "interrupted", "waiting", "parked", "dead", "quarantined")
    assert subjects(world.mail_root / OLD_PATH) == Counter(in_brien)
    assert subjects(world.mail_root / "kept.example/bob/Maildir") == Counter(("delivered", "waiting", "dead"))
    assert subjects(world.mail_root / "kept.example/m%C3%BCller/Maildir") == Counter(("delivered", "failed"))
    assert subjects(world.mail_root / "kept.example/m%C3%BCller/Maildir/.Junk") == Counter(("junk",))
    assert subjects(world.mail_root / "kept.example/a%25b/Maildir") == Counter(("waiting",))
    assert subjects(world.mail_root / "kept-staff/eve") == Counter(("delivered",))
    assert subjects(world.mail_root / "kept.example/off/Maildir") == Counter(("rejected",))
    # No second tree under the name that a new mailbox would get.
    assert {one.name for one in (world.mail_root / "kept.example").iterdir()} == {
        *("bob", "o%27brien", "m%C3%BCller", "a%25b", "off"),
    }

    dovecot.set_home(brien, "kept.example/o%27brien")
    with dovecot.login(brien) as imap:
        assert imap.select("INBOX", readonly=True) == ("OK", [str(len(in_brien)).encode()])
    with dovecot.login(bob) as imap:
        assert imap.select("INBOX", readonly=True) == ("OK", [b"3"])
        assert imap.search(None, "SEEN") == ("OK", [b"1"])
