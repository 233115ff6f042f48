"""A mailbox that was renamed keeps the name of its records, and no two mailboxes share one."""

import pytest

from tests.fakes.dynamodb import alias, domain, group, mailbox
from tests.unit.mailroom.resolve.resolving import held, rejected, resolve, ways

BOB, ROBERT, EVE = "bob@example.com", "robert@example.com", "eve@example.com"
PATH = "example.com/bob/Maildir"
RENAMED = mailbox(ROBERT, path=PATH, records_under=BOB)


def test_the_records_stay_and_all_else_is_the_new_ones() -> None:
    entries = [mailbox(ROBERT, path=PATH, records_under=BOB, policy={"spam_fail": "reject"}), alias(BOB, ROBERT)]
    [delivery] = resolve(entries, BOB, ROBERT)["deliveries"]
    assert (delivery["mailbox"], delivery["address"], delivery["path"]) == (BOB, ROBERT, PATH)
    assert delivery["recipients"] == [BOB, ROBERT]
    refused = resolve(entries, ROBERT, message={"id": "m1", "verdicts": {"spam": "FAIL"}})
    assert rejected(refused) == {ROBERT: "5.7.1"}


def test_an_entry_of_an_earlier_version_is_on_record_under_its_address() -> None:
    [delivery] = resolve([mailbox(ROBERT, path=PATH)], ROBERT)["deliveries"]
    assert (delivery["mailbox"], delivery["address"]) == (ROBERT, ROBERT)


def test_a_release_names_the_records() -> None:
    entries = [RENAMED, group("all@example.com", ROBERT, EVE), mailbox(EVE)]
    assert ways(resolve(entries, "all@example.com", released=[BOB])) == {BOB: ["all@example.com"]}
    assert ways(resolve(entries, "all@example.com", released=[ROBERT])) == {}


def test_a_rename_that_is_half_known_makes_one_copy() -> None:
    assert ways(resolve([mailbox(BOB), RENAMED], BOB, ROBERT)) == {BOB: [BOB, ROBERT]}


def test_mailboxes_in_different_places_with_one_name_of_records_wait() -> None:
    """A copy for one would count as the other's."""
    entries = [mailbox(BOB, path="new/bob"), RENAMED, mailbox(EVE), domain("example.com")]
    result = resolve(entries, BOB, ROBERT, EVE)
    assert ways(result) == {EVE: [EVE]}
    assert held(result) == {BOB: ("5.3.5", BOB), ROBERT: ("5.3.5", ROBERT)}
    reason = result["undelivered"][0]["reason"]
    assert "its records stand under bob@example.com, and so do those of another mailbox; remove one of" in reason


def test_a_path_that_cannot_be_is_no_reason_to_deliver_the_other() -> None:
    entries = [mailbox(BOB, path="../bob"), RENAMED, domain("example.com")]
    assert held(resolve(entries, BOB, ROBERT)) == {BOB: ("5.3.5", BOB), ROBERT: ("5.3.5", ROBERT)}


@pytest.mark.parametrize("odd", [7, ["bob@example.com"], True])
def test_a_name_that_is_no_text_holds(odd: object) -> None:
    result = resolve([mailbox(ROBERT, records_under=odd), domain("example.com")], ROBERT)
    assert held(result) == {ROBERT: ("5.3.5", ROBERT)}
    assert "its records_under is not a text" in result["undelivered"][0]["reason"]
