"""A stack of version 0.1.0 is upgraded and rolled back while mail is at every place where it can be: one copy each."""

import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mailroomctl.local import deploy, lifecycle
from mailroomctl.local.send import send
from mailroomctl.local.settings import Settings
from mailroomctl.main import app
from tests.e2e.ports import free_ports
from tests.e2e.world import World, until

VERSION_0_1 = Path(__file__).parents[1] / "version_0_1/project.tar.xz"
TARGET = "target@example.com"
RENAMED = (("anna@example.com", "anna.b@example.com"), ("carl@example.com", "carl.d@example.com"))


class Site:
    """An installation that is changed while mail comes in; a message's subject is its name."""

    def __init__(self, settings: Settings, old: Path) -> None:
        self.settings, self._old = settings, old
        self.ids: dict[str, str] = {}
        self._look("old")
        self.box = self.world.mailbox("box")

    def deploy(self, version: str) -> None:
        """Replace workflow and functions, with mail in the queue."""
        projects = {"old": self._old, "new": deploy.PROJECT}
        deploy.build(self.settings, projects[version])
        deploy.deploy(self.settings, projects[version])
        self._look(version)

    def _look(self, version: str) -> None:
        """The outputs of what is deployed now, which must be that version."""
        self.world = World(self.settings)
        machine = self.world.outputs["DeliverMailArn"]
        text = self.world.client("stepfunctions").describe_state_machine(stateMachineArn=machine)["definition"]
        assert ("RecordHeldCopy" in text) == (version == "new")

    def send(self, name: str, recipient: str = "", **found: str) -> None:
        content = f"Subject: {name}\r\n\r\n".encode()
        sent = send(self.settings, "sender@example.org", [recipient or self.box], content, found)
        assert sent.message_id
        self.ids[name] = sent.message_id

    def statuses(self, name: str) -> set[str]:
        return {record["status"] for record in self.world.records(self.ids[name])}

    def wait_for(self, name: str, status: str) -> None:
        until(lambda: self.statuses(name) == {status})

    def mail_everywhere(self, version: str) -> None:
        """Leave mail delivered, in quarantine, failed, interrupted between file and record, and in the queue."""
        self.send(f"{version} delivered")
        self.send(f"{version} quarantined", virus="FAIL")
        self.send(f"{version} interrupted")
        for name, status in (("delivered", "DELIVERED"), ("quarantined", "QUARANTINED"), ("interrupted", "DELIVERED")):
            self.wait_for(f"{version} {name}", status)
        with self.world.without_mail_root():
            self.send(f"{version} failed")
            self.wait_for(f"{version} failed", "FAILED")
            self.world.stop_pipe()
        self._interrupt(f"{version} interrupted")
        self.send(f"{version} waiting")

    def _interrupt(self, name: str) -> None:
        """As if the execution had died after the file was written, and SQS had its message still."""
        dynamodb, table = self.world.client("dynamodb"), self.world.outputs["DeliveriesTableName"]
        [item] = dynamodb.query(
            TableName=table,
            KeyConditionExpression="message_id = :id",
            ExpressionAttributeValues={":id": {"S": self.ids[name]}},
        )["Items"]
        for field in ("file_name", "size", "delivered_at", "verdict"):
            item.pop(field, None)
        item |= {"status": {"S": "CLAIMED"}, "lease_owner": {"S": "gone"}, "lease_until": {"N": "1"}}
        dynamodb.put_item(TableName=table, Item=item)
        action = {"type": "S3", "bucketName": item["bucket"]["S"], "objectKey": item["key"]["S"]}
        mail = {"messageId": self.ids[name], "source": "sender@example.org", "timestamp": item["received_at"]["S"]}
        receipt = {"recipients": [self.box], "action": action}
        self.world.publish({"notificationType": "Received", "mail": mail, "receipt": receipt})

    def operator(self, *arguments: str) -> str:
        environment: dict[str, Any] = {**self.settings.environment(), "AWS_PROFILE": None}
        result = CliRunner().invoke(app, [*arguments, "--stack-name", self.settings.stack_name], env=environment)
        assert result.exit_code == 0, result.output
        return result.output

    def copies(self, address: str = "") -> Counter[str]:
        """How many copies of each message are in a mailbox, by subject."""
        found = [path.read_text() for path in self.world.copies(address or self.box)]
        return Counter(text.partition("Subject: ")[2].splitlines()[0] for text in found)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A stack of version 0.1.0."""
    old = tmp_path / "old"
    with tarfile.open(VERSION_0_1) as archive:
        archive.extractall(old, filter="data")
    aws_port, smtp_port = free_ports(2)
    parameters = {"MaxReceiveCount": "200"}
    settings = Settings(
        state=tmp_path / "local",
        aws_port=aws_port,
        smtp_port=smtp_port,
        stack_name="mailroom-rolled-back",
        redelivery=1,
        parameters=parameters,
    )
    lifecycle.up(settings, project=old)
    try:
        yield Site(settings, old)
    finally:
        lifecycle.down(settings)


def test_one_copy_each_whatever_the_mail_was_doing(site: Site) -> None:
    site.mail_everywhere("old")
    site.deploy("new")
    site.world.start_pipe()
    for name in ("old failed", "old interrupted", "old waiting"):
        site.wait_for(name, "DELIVERED")

    site.world.put({"address": "@example.com", "type": "domain"})
    site.world.put({"address": "alias@example.com", "type": "alias", "targets": [TARGET]})
    site.send("new held", "alias@example.com")
    site.wait_for("new held", "HELD")
    # Two mailboxes are renamed; one gets its first address back before the old version comes, as the page says.
    for first, second in RENAMED:
        site.operator("mailbox", "add", first)
        site.send(f"to {first}", first)
        site.wait_for(f"to {first}", "DELIVERED")
        site.operator("mailbox", "rename", first, second)
        site.send(f"to {second}", second)
        site.wait_for(f"to {second}", "DELIVERED")
    site.mail_everywhere("new")
    (stays, _), (returns, renamed) = RENAMED
    site.operator("alias", "remove", returns)
    site.operator("mailbox", "rename", renamed, returns)
    site.deploy("old")
    site.world.start_pipe()
    for name in ("new failed", "new interrupted", "new waiting"):
        site.wait_for(name, "DELIVERED")
    site.world.idle()
    states = ("delivered", "interrupted", "failed", "waiting")
    here = Counter(f"{version} {state}" for version in ("old", "new") for state in states)
    assert site.copies() == here
    assert site.statuses("new held") == {"HELD"}

    # Mail to a renamed mailbox arrives under both addresses, in the same place.
    for first, second in RENAMED:
        for address in (first, second):
            site.send(f"later to {address}", address)
            site.wait_for(f"later to {address}", "DELIVERED")
        once = Counter(f"{when}to {address}" for when in ("", "later ") for address in (first, second))
        assert site.copies(first) == once
        # What was delivered before, and comes again: the old version knows no name of records but the address.
        site.operator("replay", site.ids[f"to {first}"], site.ids[f"to {second}"])
        twice = Counter([f"to {first}", f"to {second}"]) if first == stays else Counter[str]()
        assert site.copies(first) == once + twice

    # What waits for an operator, by the commands of today on the stack of before.
    site.operator("mailbox", "add", TARGET)
    site.operator("replay", site.ids["new held"])
    for version in ("old", "new"):
        site.operator("quarantine", "release", site.ids[f"{version} quarantined"])
        here[f"{version} quarantined"] += 1
    site.operator("replay", *(one for name, one in site.ids.items() if "to " not in name))
    assert site.copies() == here
    assert site.copies(TARGET) == Counter(["new held"])
    assert site.statuses("new held") == {"REPLAYED", "DELIVERED"}
