"""What a page says first of a message: why a copy is missing, and what to click."""

from typing import Any

import pytest
from mailroom.resolve.entries import Mailbox
from mailroom.resolve.look_up import LookUp
from mailroom.resolve.problems import Kind, Problem
from mailroom.statuses import Status

from mailroomctl.web.advice import AGAIN, Advice, advise

INFO, BOB = "info@example.com", "bob@example.com"
MISSING = LookUp(BOB, None, problem=Problem(Kind.UNKNOWN, (BOB,)))
FOUND = LookUp(BOB, Mailbox(BOB))
THROUGH = LookUp(INFO, None)


def one(status: str, mailbox: str = BOB, **fields: Any) -> dict[str, Any]:
    return {"message_id": "m1", "mailbox": mailbox, "status": status, "recipients": [mailbox]} | fields


def advice(*records: dict[str, Any], stored: bool = True, **rules: list[LookUp]) -> list[Advice]:
    return advise("m1", records, {f"{name}@example.com": found for name, found in rules.items()}, stored=stored)


def steps(advice: Advice) -> list[tuple[str, bool]]:
    return [(step.text, step.main) for step in advice.steps]


def test_rejected_because_nobody_knows_the_address() -> None:
    [found] = advice(one("REJECTED", code="5.1.1", reason="there is no such address"), bob=[MISSING])
    assert found.text == f"No copy for {BOB}, it was rejected: 5.1.1 there is no such address."
    assert steps(found) == [(f"Add the mailbox {BOB}", True), ("Deliver again…", False)]
    assert found.steps[0].address == "/directory?add=mailbox-add&address=bob%40example.com&message=m1#add"


def test_once_the_directory_is_mended_delivering_comes_first() -> None:
    for record in (one("REJECTED", code="5.1.1"), one("HELD", INFO, entry=INFO, code="5.1.1")):
        [found] = advice(record, bob=[FOUND], info=[THROUGH, FOUND])
        assert "The directory has been mended since." in found.text
        assert steps(found)[0] == ("Deliver again…", True)


def test_held_by_an_alias_that_leads_nowhere() -> None:
    [found] = advice(one("HELD", INFO, entry=INFO, reason="it leads to nobody"), info=[THROUGH, MISSING])
    assert "a fault of our own holds it: it leads to nobody." in found.text
    assert steps(found) == [
        (f"Add the mailbox {BOB}", True),
        (f"Change {INFO}", False),
        ("Deliver again…", False),
        (f"Deliver all that {INFO} holds…", False),
    ]
    assert found.steps[1].address == "/directory/entry?key=info%40example.com&message=m1"


def test_a_loop_is_mended_at_its_entry() -> None:
    [found] = advice(one("HELD", INFO, entry=INFO, code="5.4.6"), info=[THROUGH])
    assert steps(found)[0] == (f"Change {INFO}", True)


def test_a_domain_that_is_not_known_is_added() -> None:
    unknown = LookUp(BOB, None, problem=Problem(Kind.UNKNOWN_DOMAIN, ("example.com",), entry="@example.com"))
    [found] = advice(one("HELD", entry="@example.com", code="5.1.2"), bob=[unknown])
    assert steps(found)[:2] == [("Add the domain example.com", True), ("Deliver again…", False)]
    assert "add=domain-add&domain=example.com" in found.steps[0].address


def test_a_disabled_mailbox_is_changed() -> None:
    disabled = LookUp(BOB, None, problem=Problem(Kind.DISABLED, (BOB,)))
    assert steps(advice(one("REJECTED", code="5.2.1"), bob=[disabled])[0])[0] == (f"Change {BOB}", True)


def test_a_policy_is_changed_where_it_rejects() -> None:
    [found] = advice(one("REJECTED", code="5.7.1", reason="spam=FAIL"), bob=[FOUND])
    assert "mended" not in found.text
    assert steps(found)[0] == (f"Change {BOB}", True)


def test_a_copy_that_the_disk_refused() -> None:
    [found] = advice(one("HELD", error="MailboxPathRejected"), bob=[FOUND])
    assert steps(found)[0] == (f"Change {BOB}", True)
    [found] = advice(one("HELD", error="MessageUnreadable"), bob=[FOUND])
    assert steps(found)[0] == ("Deliver again…", True)


def test_quarantine_is_released_for_its_mailboxes_only() -> None:
    verdict = "spam=FAIL; policy=quarantine"
    found = advice(one("DELIVERED", INFO), one("QUARANTINED", verdict=verdict), one("QUARANTINED", "eve@example.com"))
    assert [two.status for two in found] == ["QUARANTINED", "QUARANTINED", "DELIVERED"]
    assert f"holds it back: {verdict}." in found[0].text
    release, delete = found[0].steps
    assert (release.text, release.main) == ("Release from quarantine…", True)
    assert release.address == "/do/release?message_id=m1&mailbox=bob%40example.com"
    assert delete.address.startswith("/do/delete-quarantined?")


def test_many_that_fail_are_told_in_one_sentence() -> None:
    records = [one("FAILED", f"box{number}@example.com", error="StorageUnavailable") for number in range(60)]
    [found] = advice(*records)
    assert "box0@example.com, box1@example.com, box2@example.com and 57 more yet: StorageUnavailable." in found.text
    assert steps(found) == [("Deliver again…", True)]


def test_nothing_is_delivered_without_its_raw_mail() -> None:
    for status in AGAIN:
        assert "Deliver again…" not in dict(steps(advice(one(status, entry=BOB), stored=False)[0]))


@pytest.mark.parametrize("status", [one for one in Status if one not in ("DUPLICATE", "REPLAYED")])
def test_every_outcome_has_a_sentence(status: Status) -> None:
    found = advice(one(status))
    assert [two.status for two in found] == ([] if status in ("BOUNCED", "BOUNCE_FAILED") else [status])


def test_the_bounce_is_no_copy() -> None:
    assert advice(one("BOUNCED", "(bounce)")) == []
