"""A mailbox that is renamed between two executions for one message gets one copy, in a true Maildir."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mailroom.delivery import Delivery, written_state
from mailroom.errors import StorageUnavailable
from mailroom.resolve.mailboxes import Rules
from mailroom.stopwatch import Stopwatch

from mailroomctl.deliveries.rebuild import notification_from_records
from tests.fakes.dynamodb import FakeDynamoDB, alias, directory, mailbox
from tests.fakes.resolve_step import resolve_step
from tests.workflow.engines import Engine
from tests.workflow.mail import NOW, address, functions, queued, ses_notification
from tests.workflow.script import Script

WORKFLOW = "deliver_mail"
BOB, ROBERT = address("bob"), address("robert")
BEFORE = [mailbox(BOB, path="bob")]
AFTER = [mailbox(ROBERT, path="bob", records_under=BOB), alias(BOB, ROBERT)]
MAIL: Any = SimpleNamespace(open=lambda _key, **_: nullcontext(SimpleNamespace(chunks=[b"A: b\n\n"])))


def run(engine: Engine, root: Path, entries: list[dict[str, Any]], event: Any, *, lost: bool = False) -> None:
    """One execution; with ``lost`` the copy is written, and nothing hears of it."""
    lookups = directory(FakeDynamoDB(entries))

    def write(item: dict[str, Any]) -> Any:
        one = Delivery.from_state(item, request_id="request")
        written = one.write(MAIL, str(root), publish_seconds=10**9, patience=1, reading=Stopwatch())
        if lost:
            raise StorageUnavailable("the answer is lost")
        return written_state(written)

    lambdas = functions(now=NOW, bounces=False) | {"WriteMailbox": write}
    lambdas["ResolveMailboxes"] = lambda state: resolve_step(state, lookups, Rules())
    script = Script({}, lambdas)
    assert engine.run(event, script).status == ("FAILED" if lost else "SUCCEEDED")


def copies(root: Path) -> list[str]:
    return [path.read_text() for path in root.rglob("new/*")]


@pytest.mark.parametrize("name", ["bob", "robert"])
@pytest.mark.parametrize("lost", [False, True])
def test_a_redelivery_after_a_rename_makes_no_second_copy(
    engine: Engine, tmp_path: Path, name: str, lost: bool
) -> None:
    """Whether the first copy is on record or not, and by whichever address the second notification comes."""
    run(engine, tmp_path, BEFORE, queued(ses_notification("bob")), lost=lost)
    run(engine, tmp_path, AFTER, queued(ses_notification(name)))
    [copy] = copies(tmp_path)
    assert copy.startswith(f"Delivered-To: {BOB}\n")
    [record] = engine.records().values()
    assert (record["mailbox"], record["status"]) == (BOB, "DELIVERED")


def test_a_replay_after_a_rename_makes_no_second_copy(engine: Engine, tmp_path: Path) -> None:
    run(engine, tmp_path, BEFORE, queued(ses_notification("bob")))
    run(engine, tmp_path, AFTER, notification_from_records([*engine.records().values()]))
    assert len(copies(tmp_path)) == 1


def test_new_mail_of_a_renamed_mailbox_says_whose_it_is_now(engine: Engine, tmp_path: Path) -> None:
    run(engine, tmp_path, AFTER, queued(ses_notification("robert", "bob")))
    [copy] = copies(tmp_path)
    assert copy.startswith(f"Delivered-To: {ROBERT}\n")
    assert [record["mailbox"] for record in engine.records().values()] == [BOB]


def test_what_is_held_names_the_entry_that_there_is(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "bob").symlink_to("/")
    run(engine, tmp_path, AFTER, queued(ses_notification("robert")))
    held = {mailbox: one for (message, mailbox), one in engine.records().items() if message == "m1"}
    assert [(name, one["status"], one["entry"]) for name, one in held.items()] == [(BOB, "HELD", ROBERT)]
