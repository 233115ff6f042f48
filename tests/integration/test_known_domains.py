"""A domain is known with its first address, stays while it is used, and keeps its settings."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from mailroomctl.directory.table import DirectoryTable
from tests.fakes.dynamodb import alias, domain, group, mailbox
from tests.integration.command_line import REGION, Operator

KNOWN = {"address": "@new.example", "type": "domain", "separators": "+", "version": 1}


@pytest.mark.parametrize(
    "command",
    [
        "mailbox add eve@new.example",
        "mailbox set old@new.example --path x",
        "mailbox disable old@new.example",
        "alias add eve@new.example bob@example.com",
        "group add-member eve@new.example bob@example.com",
        "group add-member all@new.example bob@example.com",
        "group remove-member all@new.example max@new.example",
        "catch-all set new.example bob@example.com",
        "domain add new.example",
    ],
)
def test_every_command_that_writes_an_address_makes_its_domain_known(at: Operator, command: str) -> None:
    at.put(mailbox("bob@example.com"), mailbox("old@new.example"))
    at.put(group("all@new.example", "old@new.example", "max@new.example"))
    at.run(command)
    assert at.entries()["@new.example"] == KNOWN
    assert "@example.com" not in at.entries(), "what it leads to is no address that it writes"


def test_an_import_makes_domains_known(at: Operator) -> None:
    said = at.run("directory import -", stdin="aliases: {info@new.example: bob@example.com}")
    assert said.splitlines()[:2] == ["+ domain new.example", "+ alias info@new.example"]
    assert at.entries()["@new.example"] == KNOWN


@pytest.mark.parametrize("command", ["mailbox add eve@new.example", "mailbox set bob@new.example --path x"])
def test_a_domain_that_is_known_stays_as_it_is(at: Operator, command: str) -> None:
    theirs = domain("new.example", alias_of="example.com", separators="-", policy={"spam_fail": "junk"})
    at.put(theirs, mailbox("bob@new.example"))
    at.run(command)
    at.run("directory import -", stdin="mailboxes: {max@new.example: }")
    assert at.entries()["@new.example"] == theirs


def test_nothing_is_known_of_an_address_that_was_not_written(at: Operator) -> None:
    at.put(mailbox("bob@new.example"))
    assert "is in the directory already" in at.fails("alias add bob@new.example eve@new.example")
    assert list(at.entries()) == ["bob@new.example"]


@pytest.mark.parametrize("there", [False, True])
def test_a_domain_that_comes_or_goes_at_the_same_moment(
    at: Operator, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    table = at.dynamodb.Table("directory")
    transact = DirectoryTable._transact
    calls: list[Any] = []

    def change_and_transact(self: DirectoryTable, writes: list[Any]) -> list[bool]:
        calls.append(writes)
        if len(calls) == 2 - there:
            (table.delete_item(Key={"address": "@new.example"}) if there else at.put(KNOWN))
        return transact(self, writes)

    if there:
        at.put(KNOWN)
    monkeypatch.setattr(DirectoryTable, "_transact", change_and_transact)
    at.run("mailbox add bob@new.example")
    assert sorted(at.entries()) == ["@new.example", "bob@new.example"]


def test_a_write_that_meets_another_is_tried_again(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    conflicts = 3

    class Client:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def transact_write_items(self, **request: Any) -> Any:
            if len(waits) < conflicts:
                reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
                error: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
                raise ClientError(error, "TransactWriteItems")
            return real.transact_write_items(**request)

    real = boto3.client("dynamodb", region_name=REGION)
    at.replaced["dynamodb"] = Client()
    at.run("mailbox add bob@new.example")
    assert sorted(at.entries()) == ["@new.example", "bob@new.example"]
    assert len(waits) == conflicts
    conflicts = 100
    assert "TransactWriteItems" in at.fails("mailbox add eve@new.example")
    assert "eve@new.example" not in at.entries()


def test_a_domain_in_use_is_not_removed(at: Operator) -> None:
    at.put(domain("new.example"), mailbox("bob@example.com"))
    assert "removed the domain" in at.run("domain remove new.example")
    at.put(domain("new.example"), *(mailbox(f"m{n}@new.example") for n in range(7)), alias("*@new.example", "x@y.de"))
    at.put(domain("bücher.example".encode("idna").decode(), alias_of="new.example"))
    before = at.entries()
    assert at.fails("domain remove new.example") == (
        "new.example is still used by m0@new.example, m1@new.example, m2@new.example, m3@new.example, m4@new.example"
        " and 4 more: remove or change that first; nothing was changed."
    )
    assert at.entries() == before
    for n in range(7):
        at.run(f"mailbox remove m{n}@new.example")
    assert "is still used by the alias domain bücher.example, the catch-all *@new.example: " in (
        at.fails("domain remove new.example")
    )


def test_an_address_of_the_same_moment_keeps_the_domain(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    at.put(domain("new.example", policy={"spam_fail": "junk"}))
    delete = DirectoryTable.delete

    def add_and_delete(self: DirectoryTable, seen: Any) -> None:
        at.put(mailbox("bob@new.example"))
        delete(self, seen)

    monkeypatch.setattr(DirectoryTable, "delete", add_and_delete)
    assert "is still used by bob@new.example" in at.fails("domain remove new.example")
    assert at.entries()["@new.example"]["policy"] == {"spam_fail": "junk"}


def test_settings_can_be_added_to_a_domain_that_is_only_known(at: Operator) -> None:
    at.run("mailbox add bob@example.com")
    assert "has settings already" in at.fails("domain add example.com")
    assert at.run("domain add example.com --separators -") == "added the domain example.com\n"
    assert at.entries()["@example.com"].items() >= {"separators": "-", "version": 2}.items()
    assert "has settings already" in at.fails("domain add example.com --separators +-")


def test_an_alias_of_a_domain_that_is_not_known_is_warned_of(at: Operator) -> None:
    at.run("domain add bücher.example --alias-of example.com")
    warning = "warning: the directory does not know example.com; until it does, mail to unknown addresses is held\n"
    assert at.stderr == warning
    at.run("domain set bücher.example --separators -")
    assert at.stderr == warning
    at.run("domain add example.com")
    at.run("domain set bücher.example --separators +")
    assert at.stderr == ""
