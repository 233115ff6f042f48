"""audit on the running application: what is missing is found and delivered, what its reader has deleted is not."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mailroomctl.local.ses.received_mail import added_headers
from mailroomctl.main import app
from tests.e2e.dovecot import Dovecot
from tests.e2e.world import World

MAIL = b"Subject: audited\r\n\r\nbody\r\n"


@pytest.fixture
def audit(as_operator: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run an audit of all mail; returns what it says of some messages."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def run(ids: dict[str, str], *options: str) -> dict[str, set[str]]:
        options = (*options, "--until", "2100-01-01", "--json")
        result = CliRunner().invoke(app, ["audit", *options])
        assert result.exit_code in (0, 1), result.output  # other tests leave mail behind
        found: dict[str, set[str]] = {}
        names = {message_id: name for name, message_id in ids.items()}
        for one in json.loads(result.stdout).get("messages", []):
            if one["message_id"] in names:
                found.setdefault(names[one["message_id"]], set()).add(one["kind"])
        return found

    return run


def lost(world: World, name: str, recipient: str) -> str:
    """Raw mail as SES stores it, whose notification does not come."""
    message_id = f"{name}{time.time_ns()}"
    headers = added_headers(message_id, "a@example.org", [recipient], ("mx", "192.0.2.1"), {}, datetime.now(UTC))
    world.stored(message_id, headers + MAIL)
    return message_id


def test_what_is_missing_is_found_and_delivered_once(world: World, audit: Any) -> None:
    names = ("lost", "open", "held", "deleted")
    boxes = {name: world.mailbox(name) for name in names}
    dangling = f"dangling{time.time_ns()}@example.com"
    world.put(
        {"address": "@example.com", "type": "domain"},
        {"address": dangling, "type": "alias", "targets": [f"not-yet-{boxes['held']}"]},
    )
    ids = {"lost": lost(world, "lost", boxes["lost"])}
    for name, recipient in (("open", boxes["open"]), ("held", dangling), ("deleted", boxes["deleted"])):
        sent, _ = world.deliver(MAIL, recipient)
        ids[name] = sent.message_id or ""
    # An execution that died after it had written the file, and whose message is gone.
    dynamodb, table = world.client("dynamodb"), world.outputs["DeliveriesTableName"]
    dynamodb.update_item(
        TableName=table,
        Key={"message_id": {"S": ids["open"]}, "mailbox": {"S": boxes["open"]}},
        UpdateExpression="SET #status = :claimed, lease_until = :past REMOVE file_name, delivered_at",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":claimed": {"S": "CLAIMED"}, ":past": {"N": "1"}},
    )
    [copy] = world.copies(boxes["deleted"])
    copy.unlink()

    wrong = {"lost": {"lost"}, "open": {"open"}, "held": {"held"}, "deleted": {"absent"}}
    assert audit(ids, "--mail-root", str(world.mail_root), "--list", "--limit", "100000") == wrong
    world.put({"address": dangling, "type": "alias", "targets": [boxes["held"]]})
    # What is remembered of the directory is read again where it says no.
    audit(ids, "--repair", "--yes", "--mail-root", str(world.mail_root))
    assert {name: len(world.copies(box)) for name, box in boxes.items()} == dict.fromkeys(names, 1) | {"deleted": 0}
    left = audit(ids, "--mail-root", str(world.mail_root), "--list", "--limit", "100000")
    assert left == {"deleted": {"absent"}}


def test_a_copy_is_found_wherever_its_reader_has_put_it(world: World, dovecot: Dovecot, audit: Any) -> None:
    box = world.mailbox("filing")
    names = ("read", "moved", "copied", "expunged")
    ids = {name: world.deliver(f"Subject: {name}\r\n\r\n".encode(), box)[0].message_id or "" for name in names}
    with dovecot.login(box) as imap:
        imap.create("Archive")
        imap.select("INBOX")
        # What has come in the same second is in no particular order.
        numbers = {name: imap.search(None, "SUBJECT", name)[1][0].decode() for name in names}
        assert sorted(numbers.values()) == ["1", "2", "3", "4"]
        imap.fetch(numbers["read"], "(BODY[])")
        imap.copy(numbers["copied"], "Archive")
        imap.copy(numbers["moved"], "Archive")
        for name in ("moved", "copied", "expunged"):
            imap.store(numbers[name], "+FLAGS", r"(\Deleted)")
        imap.expunge()
        assert imap.select("Archive", readonly=True) == ("OK", [b"2"])
    assert audit(ids, "--mail-root", str(world.mail_root), "--list", "--limit", "100000") == {"expunged": {"absent"}}
