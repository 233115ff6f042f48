"""restore: what is on record since a backup and nowhere in its mailbox is delivered again, once."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailroomctl.audit import restore
from mailroomctl.deliveries import execution
from mailroomctl.deliveries.execution import Execution
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack
from mailroomctl.times import iso
from tests.fakes.dynamodb import mailbox
from tests.integration.command_line import Operator
from tests.integration.test_audit import copy_of, place
from tests.integration.waiting_messages import record, records

BOB, EVE, ROBERT = "bob@example.com", "eve@example.com", "robert@example.com"
BACKUP = "2026-11-20"
BEFORE, SINCE, LATER = (f"2026-11-{day}T02:47:00.123Z" for day in (19, 21, 22))
MAIL = b"X-SES-Spam-Verdict: FAIL\r\n\r\nbody\r\n"


class Restored:
    """A mail root as a backup had it, and a workflow that delivers what it may claim."""

    def __init__(self, at: Operator, root: Path) -> None:
        self.at, self.root = at, root
        self.events: list[dict[str, Any]] = []
        self.end = "DELIVERED"
        self.command = f"restore --since {BACKUP} --mail-root {root}"
        for address in (BOB, EVE):
            at.put(mailbox(address))
            (root / self.path(address) / "new").mkdir(parents=True)

    @staticmethod
    def path(address: str) -> str:
        local_part, _, domain = address.partition("@")
        return f"{domain}/{local_part}/Maildir"

    def delivered(self, message_id: str, address: str = BOB, *, there: str = "", **fields: Any) -> None:
        """A copy on record; ``there`` is the folder in which it is, if it is."""
        self.at.s3.put_object(Bucket="mail", Key=f"mail/{message_id}", Body=MAIL)
        name = copy_of(message_id, address)
        known: dict[str, Any] = {"path": self.path(address), "folder": "INBOX", "file_name": name, "size": 4}
        known |= {"delivered_at": SINCE, "attempts": 1, **fields}
        record(self.at, message_id, address, known.pop("status", "DELIVERED"), **known)
        if there:
            place(self.root, self.path(address), f"{there}/{name}")

    def run(self, _stack: Stack, notification: dict[str, Any]) -> Execution:
        """Stand in for the workflow."""
        self.events.append(notification)
        [address] = notification["mailroom"]["restore"]
        message_id = notification["mail"]["messageId"]
        table = self.at.dynamodb.Table("deliveries")
        key = {"message_id": message_id, "mailbox": address}
        item = table.get_item(Key=key)["Item"]
        assert item["status"] == "RESTORING", "the workflow's claim refuses DELIVERED records"
        if self.end == "cannot start":
            raise CommandError("cannot start")
        if self.end == "DELIVERED":
            place(self.root, item["path"], f"new/{copy_of(message_id, address)}")
            item |= {"delivered_at": iso(datetime.now(UTC))}
        if self.end:
            table.put_item(Item={**item, "status": self.end})
        return Execution(execution.FAILED if self.end == "FAILED" else execution.DELIVERED, self.end)

    def files(self, address: str = BOB) -> list[str]:
        return sorted(path.name for path in (self.root / self.path(address)).rglob("*") if path.is_file())


@pytest.fixture
def restored(at: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Restored:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    one = Restored(at, tmp_path / "root")
    monkeypatch.setattr(execution, "run", one.run)
    return one


def test_what_was_written_since_and_is_nowhere_comes_back_once(at: Operator, restored: Restored) -> None:
    restored.delivered("lost", verdict="spam=FAIL; policy=junk", findings=["spam=FAIL"], folder="Junk")
    restored.delivered("there", there="cur")
    restored.delivered("filed", there=".Lists/new")
    restored.delivered("before", delivered_at=BEFORE)
    # Held, or in quarantine, for long: received before the backup, written after it.
    restored.delivered("late", EVE, received_at=BEFORE)
    record(at, "rejected", BOB, "REJECTED", delivered_at=LATER)

    planned = at.json(f"{restored.command} --dry-run")
    assert (planned["absent"], [(row["mailbox"], row["copies"]) for row in planned["mailboxes"]]) == (
        2,
        [(BOB, 1), (EVE, 1)],
    )
    assert "2 copies would be restored" in at.run(f"{restored.command} --dry-run")
    assert not restored.events

    assert at.run(f"{restored.command} --yes") == "restored 2 of 2 absent copies\n"
    events = {one["mail"]["messageId"]: one for one in restored.events}
    assert events.keys() == {"lost", "late"}
    lost = events["lost"]
    assert lost["mailroom"] == {"restore": [BOB], "no_bounce": True}
    # What is on record, not what the raw mail says: a released message has nothing on record.
    assert lost["receipt"]["spamVerdict"] == {"status": "FAIL"}
    assert "spamVerdict" not in events["late"]["receipt"]
    assert restored.files() == sorted(copy_of(name, BOB) for name in ("lost", "there", "filed"))

    assert at.run(f"{restored.command} --yes") == "restored 0 of 0 absent copies\n"
    assert len(restored.events) == 2


def test_it_asks_first(at: Operator, restored: Restored) -> None:
    restored.delivered("lost")
    assert at.fails(restored.command) == (
        "absent: 1 copy in 1 mailbox. Add --yes to deliver them again without being asked."
    )
    assert not restored.events
    assert records(at)["lost", BOB]["status"] == "DELIVERED"


def test_what_its_reader_deletes_after_a_restore_stays_deleted(at: Operator, restored: Restored) -> None:
    restored.delivered("lost")
    at.run(f"{restored.command} --yes")
    for file in (restored.root / restored.path(BOB) / "new").iterdir():
        file.unlink()
    assert at.json(f"{restored.command} --yes")["restored_before"] == 1
    assert "restored before" in at.run(f"{restored.command} --yes") + at.stderr
    assert len(restored.events) == 1
    # A second loss, for which the same backup has to be used.
    assert at.json(f"{restored.command} --again --yes")["restored"] == 1
    assert restored.files() == [copy_of("lost", BOB)]


def test_only_some_mailboxes_and_only_until(at: Operator, restored: Restored) -> None:
    restored.delivered("m1")
    restored.delivered("m2", EVE)
    restored.delivered("m3", delivered_at=LATER)
    assert at.json(f"{restored.command} --mailbox Eve@example.com --dry-run")["absent"] == 1
    assert at.json(f"{restored.command} --until 2026-11-21T12:00Z --dry-run")["absent"] == 2
    assert at.json(f"{restored.command} --until 2026-11-21T12:00Z --mailbox {BOB} --yes")["restored"] == 1
    assert [one["mail"]["messageId"] for one in restored.events] == ["m1"]


@pytest.mark.parametrize("status", ["FAILED", "CLAIMED"])
def test_what_fails_is_left_to_the_workflows_own_ways(at: Operator, restored: Restored, status: str) -> None:
    restored.delivered("lost")
    restored.end = status
    answer = at.json(f"{restored.command} --yes", 1)
    assert (answer["restored"], answer["left"]) == (0, 1)
    assert records(at)["lost", BOB]["status"] == status
    assert at.json(f"{restored.command} --yes")["restored"] == 0


@pytest.mark.parametrize("end", ["", "cannot start"])
def test_what_was_not_claimed_is_as_it_was(at: Operator, restored: Restored, end: str) -> None:
    restored.delivered("lost")
    restored.end = end
    at.run(f"{restored.command} --yes", 1)
    assert ("cannot start" if end else "the directory leads bob@example.com elsewhere now") in at.stderr
    assert records(at)["lost", BOB]["status"] == "DELIVERED"
    restored.end = "DELIVERED"
    assert at.json(f"{restored.command} --yes")["restored"] == 1


def test_a_restore_that_died_is_taken_up(at: Operator, restored: Restored) -> None:
    """Killed between the change of the record and the execution; for a copy that is there, and for one that is not."""
    restored.delivered("lost", status="RESTORING", restored_at=LATER)
    restored.delivered("there", there="cur", status="RESTORING", restored_at=LATER)
    assert at.json("audit --until 2100-01-01", 1)["findings"][0]["count"] == 2
    assert at.json(f"{restored.command} --yes")["restored"] == 1
    assert {key[0]: item["status"] for key, item in records(at).items()} == {"lost": "DELIVERED", "there": "DELIVERED"}
    assert restored.files() == sorted([copy_of("lost", BOB), copy_of("there", BOB)])
    assert at.json("audit --until 2100-01-01")["clean"]


def test_two_restores_deliver_once(
    at: Operator, restored: Restored, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On two hosts: the second one has read the records before the first one changed them."""
    restored.delivered("lost")
    real = restore._check_place
    others = []

    def check_place(*arguments: Any) -> None:
        if not others:
            others.append(at.stderr)
            monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another"))
            assert at.run(f"{restored.command} --yes") == "restored 1 of 1 absent copies\n"
        real(*arguments)

    monkeypatch.setattr(restore, "_check_place", check_place)
    answer = at.json(f"{restored.command} --yes", 1)
    assert (answer["restored"], [one["reason"] for one in answer["reasons"]]) == (
        0,
        [f"{BOB}: it has changed meanwhile: DELIVERED."],
    )
    assert len(restored.events) == 1


def test_raw_mail_that_is_gone(at: Operator, restored: Restored) -> None:
    restored.delivered("lost")
    at.s3.delete_object(Bucket="mail", Key="mail/lost")
    at.run(f"{restored.command} --yes", 1)
    assert "the raw mail s3://mail/mail/lost is gone" in at.stderr
    assert records(at)["lost", BOB]["status"] == "DELIVERED"


def moved(at: Operator) -> None:
    at.put(mailbox(BOB, path="elsewhere/bob"))


def removed(at: Operator) -> None:
    at.dynamodb.Table("directory").delete_item(Key={"address": BOB})


@pytest.mark.parametrize(
    ("change", "says"), [(moved, "the mailbox is at elsewhere/bob now"), (removed, "has no such mailbox any more")]
)
def test_a_mailbox_that_has_moved_is_left_alone(
    at: Operator, restored: Restored, change: Callable[[Operator], None], says: str
) -> None:
    restored.delivered("lost")
    change(at)
    at.run(f"{restored.command} --yes", 1)
    assert says in at.stderr
    assert not restored.events


def test_a_mailbox_that_cannot_be_looked_into(at: Operator, restored: Restored) -> None:
    restored.delivered("lost", EVE)
    restored.delivered("m1")
    folder = restored.root / "example.com/eve"
    folder.rename(restored.root / "aside")
    folder.symlink_to(restored.root / "aside")
    assert at.json(f"{restored.command} --yes", 1)["restored"] == 1
    assert f"{EVE} could not be looked into" in at.stderr
    assert [one["mailroom"]["restore"] for one in restored.events] == [[BOB]]


def test_a_folder_without_any_mailbox_is_not_the_mail_root(at: Operator, restored: Restored, tmp_path: Path) -> None:
    restored.delivered("lost")
    (tmp_path / "empty").mkdir()
    said = at.fails(f"restore --since {BACKUP} --mail-root {tmp_path / 'empty'} --yes")
    assert said.endswith("is it mounted, and is this the mail root?")
    assert not restored.events


@pytest.mark.parametrize("options", ["", f" --mailbox {ROBERT}"])
def test_a_renamed_mailbox_gets_back_what_is_on_record_under_its_first_address(
    at: Operator, restored: Restored, options: str
) -> None:
    restored.delivered("lost")
    at.run(f"mailbox rename {BOB} {ROBERT}")
    assert at.run(f"{restored.command} --yes{options}") == "restored 1 of 1 absent copies\n"
    assert restored.files() == [copy_of("lost", BOB)]
