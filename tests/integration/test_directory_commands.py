"""mailbox, alias, group, catch-all, domain: what they write, what they say, and what they refuse."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from mailroomctl.directory.table import DirectoryTable
from tests.fakes.dynamodb import alias, domain, group, mailbox
from tests.integration.command_line import REGION, Operator


def fields(item: dict[str, Any], *names: str) -> list[Any]:
    return [item.get(name) for name in names]


def test_mailbox_from_add_to_remove(at: Operator) -> None:
    said = at.run("mailbox add Bob@Example.com --policy spam_fail=reject --subaddress-folders")
    assert said == "added the mailbox bob@example.com at example.com/bob/Maildir\n"
    known = {"address": "@example.com", "type": "domain", "separators": "+", "version": 1}
    assert at.entries() == {
        "@example.com": known,
        "bob@example.com": {
            "address": "bob@example.com",
            "type": "mailbox",
            "enabled": True,
            "subaddress_folders": True,
            "policy": {"spam_fail": "reject"},
            "version": 1,
        },
    }
    assert at.json("mailbox show BOB@example.com") == {
        "address": "bob@example.com",
        "path": "example.com/bob/Maildir",
        "enabled": True,
        "subaddress_folders": True,
        "policy": {"spam_fail": "reject"},
        "version": 1,
    }
    assert at.run("mailbox disable bob@example.com") == "disabled the mailbox bob@example.com\n"
    assert "was disabled already" in at.run("mailbox disable bob@example.com")
    assert at.run("mailbox enable bob@example.com") == "enabled the mailbox bob@example.com\n"
    said = at.run("mailbox set bob@example.com --policy spam_fail= --policy virus_fail=reject --no-subaddress-folders")
    assert said == "changed the mailbox bob@example.com: subaddress folders no, policy virus_fail=reject\n"
    assert "is like that already" in at.run("mailbox set bob@example.com")
    assert at.run("mailbox set bob@example.com --path old/bob") == "changed the mailbox bob@example.com: path old/bob\n"
    assert "move it yourself" in at.stderr
    assert fields(at.entries()["bob@example.com"], "path", "policy", "enabled", "version") == [
        "old/bob",
        {"virus_fail": "reject"},
        True,
        5,
    ]
    at.run("mailbox set bob@example.com --path ''")
    assert "path" not in at.entries()["bob@example.com"]
    assert at.run("mailbox remove bob@example.com") == (
        "removed the mailbox bob@example.com; its mail is still at example.com/bob/Maildir\n"
    )
    assert at.entries() == {"@example.com": known}, "the domain stays known"


def test_list_is_sorted_by_domain(at: Operator) -> None:
    assert "there are no mailboxes" in at.run("mailbox list")
    for address in ("zoe@example.com", "ann@example.org", "ann@example.com"):
        at.run(f"mailbox add {address}")
    names = [row["address"] for row in at.json("mailbox list")]
    assert names == ["ann@example.com", "zoe@example.com", "ann@example.org"]
    assert [row["address"] for row in at.json("mailbox list --domain example.ORG")] == ["ann@example.org"]
    table = at.run("mailbox list")
    assert "zoe@example.com" in table
    assert "subaddress folders" in table


def test_a_long_list_is_printed_at_once_and_aligned(at: Operator) -> None:
    at.put(*(mailbox(f"m{n}@example.com", policy={"spam_fail": "junk"} if n == 7 else {}) for n in range(1001)))
    lines = at.run("mailbox list").splitlines()
    assert len(lines) == 1002
    assert lines[0].split("  ")[0] == "address"
    place = lines[0].index("path")
    assert all(line[place:].startswith("example.com/m") for line in lines[1:])
    assert [line for line in lines if line.endswith("spam_fail=junk")] == [line for line in lines if "/m7/" in line]


def test_the_template_of_the_stack_is_used(at: Operator) -> None:
    at.parameters["MailboxPathTemplate"] = "{domain}/{local_part}"
    assert "at example.com/bob\n" in at.run("mailbox add bob@example.com")


def test_alias(at: Operator) -> None:
    at.run("mailbox add bob@example.com")
    assert at.run("alias add info@example.com BOB@example.com bob@example.com") == (
        "added the alias info@example.com to bob@example.com\n"
    )
    assert at.stderr == ""
    at.run("alias add help@example.com gone@example.com info@example.com")
    assert "warning: gone@example.com: not in the directory (there is no such address" in at.stderr
    assert at.json("alias show help@example.com")["targets"] == ["gone@example.com", "info@example.com"]
    assert [row["address"] for row in at.json("alias list")] == ["help@example.com", "info@example.com"]
    at.run("mailbox remove bob@example.com")
    assert "warning: the alias info@example.com still leads to bob@example.com" in at.stderr
    assert at.run("alias remove help@example.com") == "removed the alias help@example.com\n"
    assert sorted(at.entries()) == ["@example.com", "info@example.com"]


def test_group(at: Operator) -> None:
    for name in ("ann", "bob", "eve"):
        at.run(f"mailbox add {name}@example.com")
    said = at.run("group add-member all@example.com bob@example.com ann@example.com")
    assert said == "added the group all@example.com with bob@example.com, ann@example.com\n"
    said = at.run("group add-member all@example.com eve@example.com bob@example.com")
    assert said == "added eve@example.com to the group all@example.com\n"
    assert "nothing was changed" in at.run("group add-member all@example.com Eve@example.com")
    at.run("group remove-member all@example.com bob@example.com")
    assert at.json("group show all@example.com")["targets"] == ["ann@example.com", "eve@example.com"]
    said = at.run("group remove-member all@example.com ann@example.com eve@example.com")
    assert said == "removed the group all@example.com with its last members\n"
    at.run("group add-member all@example.com ann@example.com")
    assert [row["address"] for row in at.json("group list")] == ["all@example.com"]
    assert at.run("group remove all@example.com") == "removed the group all@example.com\n"


def test_catch_all_and_domain(at: Operator) -> None:
    at.run("mailbox add bob@example.com")
    at.run("alias add info@example.com bob@example.com")
    assert (
        at.run("catch-all set @Example.com bob@example.com") == "set the catch-all of example.com to bob@example.com\n"
    )
    at.run("catch-all set example.com info@example.com")
    assert at.entries()["*@example.com"]["targets"] == ["info@example.com"]
    assert at.run("domain add bücher.example --alias-of Example.com --policy spam_fail=reject") == (
        "added the domain bücher.example\n"
    )
    at.run("domain add example.com --separators -")
    said = at.run("domain set example.com --separators +-+ --policy spam_fail=junk")
    assert said == "changed the domain example.com: separators +-, policy spam_fail=junk\n"
    at.run("domain set example.com --separators ''")
    shown = at.json("domain show example.com")
    assert shown == {
        "domain": "example.com",
        "separators": "",
        "alias_of": None,
        "policy": {"spam_fail": "junk"},
        "version": 4,
        "catch_all": ["info@example.com"],
    }
    rows = {row["domain"]: row for row in at.json("domain list")}
    assert fields(rows["example.com"], "mailboxes", "aliases_and_groups", "catch_all") == [1, 1, ["info@example.com"]]
    assert rows["bücher.example"]["alias_of"] == "example.com"
    assert [row["address"] for row in at.json("catch-all list")] == ["*@example.com"]
    assert at.run("domain set bücher.example --alias-of ''").startswith(
        "changed the domain bücher.example: separators +,"
    )
    said = at.run("domain remove bücher.example")
    assert said == "removed the domain bücher.example; mail that still arrives for it is held\n"
    assert at.run("catch-all unset example.com") == "removed the catch-all of example.com\n"


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
    assert fields(at.entries()["@example.com"], "separators", "version") == ["-", 2]
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


@pytest.mark.parametrize(
    "command",
    [
        "mailbox set bob@example.com --policy spam_fail=reject",
        "mailbox disable bob@example.com",
        "mailbox remove bob@example.com",
        "group add-member all@example.com max@example.com",
        "group remove-member all@example.com bob@example.com",
        "domain set example.com --separators -",
        "catch-all set example.com bob@example.com",
    ],
)
def test_two_operators_cannot_overwrite_each_other(at: Operator, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    at.put(
        mailbox("bob@example.com"),
        mailbox("eve@example.com"),
        group("all@example.com", "bob@example.com", "eve@example.com"),
        domain("example.com"),
        alias("*@example.com", "eve@example.com"),
    )
    read = DirectoryTable.get

    def read_and_be_too_slow(self: DirectoryTable, key: str) -> Any:
        item = read(self, key)
        at.put(*({**entry, "version": 2} for entry in at.entries().values()))
        return item

    monkeypatch.setattr(DirectoryTable, "get", read_and_be_too_slow)
    before = {key: {**item, "version": 2} for key, item in at.entries().items()}
    assert "was changed by somebody else just now" in at.fails(command)
    assert at.entries() == before


def test_an_entry_without_version_can_be_changed(at: Operator) -> None:
    at.put({"address": "bob@example.com", "type": "mailbox"})
    at.run("mailbox disable bob@example.com")
    assert fields(at.entries()["bob@example.com"], "enabled", "version") == [False, 1]


def test_stack_is_found_or_the_reason_is_said(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    assert at.fails("mailbox list --stack-name other") == (
        "there is no stack other at eu-central-1: give --stack-name, --region or --endpoint-url."
    )
    monkeypatch.setenv("MAILROOM_STACK_NAME", "another")
    assert "there is no stack another" in at.fails("mailbox list")
    at.run("mailbox list --stack-name mailroom")
    assert "The config profile (nobody) could not be found" in at.fails("mailbox list --profile nobody")


def test_no_region_and_no_credentials(at: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_REGION")
    assert at.fails("mailbox list") == "no region: give --region, or set AWS_REGION or the profile's region."
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "")
    assert "no AWS credentials" in at.fails("mailbox list --region eu-central-1")
    # The embedded AWS takes any: no credentials are needed to reach it.
    assert "--stack-name" in at.fails("mailbox list --stack-name x --endpoint-url http://127.0.0.1:4566")


def test_the_targets_of_an_alias_are_changed(at: Operator) -> None:
    at.put(mailbox("bob@example.com"), mailbox("eve@example.com"), alias("info@example.com", "bob@example.com"))
    at.put(domain("example.com"))

    def targets() -> Any:
        return at.entries()["info@example.com"]["targets"]

    said = at.run("alias set info@example.com --add eve@example.com")
    assert said == "the alias info@example.com leads to bob@example.com, eve@example.com\n"
    assert targets() == ["bob@example.com", "eve@example.com"]
    at.run("alias set info@example.com --remove bob@example.com")
    assert targets() == ["eve@example.com"]
    at.run("alias set info@example.com BOB@example.com")
    assert targets() == ["bob@example.com"]
    assert at.run("alias set info@example.com bob@example.com").endswith("is like that already\n")
    at.run("alias set info@example.com gone@example.com")
    assert "gone@example.com: not in the directory" in at.stderr


def test_a_mailbox_is_renamed(at: Operator) -> None:
    at.put(mailbox("bob@example.com", subaddress_folders=True), alias("info@example.com", "bob@example.com"))
    at.put(domain("example.com"))
    said = at.run("mailbox rename bob@example.com robert@example.com")
    path = "example.com/bob/Maildir"
    assert said == f"renamed the mailbox to robert@example.com, at {path}; bob@example.com is an alias of it\n"
    entries = at.entries()
    robert = entries["robert@example.com"]
    assert (robert["type"], robert["path"], robert["subaddress_folders"]) == ("mailbox", path, True)
    assert (entries["bob@example.com"]["type"], entries["bob@example.com"]["targets"]) == (
        "alias",
        ["robert@example.com"],
    )
    found = at.json("explain info@example.com")
    assert [one["path"] for one in found["deliveries"]] == [path]


def test_a_mailbox_is_renamed_and_its_old_address_given_up(at: Operator) -> None:
    at.put(mailbox("bob@example.com"), alias("info@example.com", "bob@example.com"), domain("example.com"))
    assert "bob@example.com is gone" in at.run("mailbox rename bob@example.com robert@example.com --no-alias")
    assert "bob@example.com" not in at.entries()
    assert "the alias info@example.com still leads to bob@example.com" in at.stderr


def test_the_records_of_a_renamed_mailbox_stay_under_its_first_address(at: Operator) -> None:
    at.run("mailbox add bob@example.com")
    at.run("mailbox rename bob@example.com robert@example.com --no-alias")
    at.run("mailbox rename robert@example.com rob@example.com")
    at.run("mailbox set rob@example.com --subaddress-folders")
    at.run("mailbox disable rob@example.com")
    assert at.entries()["rob@example.com"]["records_under"] == "bob@example.com"
    assert at.json("mailbox show rob@example.com")["records_under"] == "bob@example.com"
    at.run("mailbox enable rob@example.com")
    assert [one["mailbox"] for one in at.json("explain robert@example.com")["deliveries"]] == ["bob@example.com"]
    assert "✓ rob@example.com: example.com/bob/Maildir" in at.run("explain robert@example.com")
    at.run("mailbox rename rob@example.com bob@example.com")
    assert "records_under" not in at.entries()["bob@example.com"]


def test_nobody_gets_the_address_under_which_the_records_of_another_mailbox_stand(at: Operator) -> None:
    at.put(mailbox("bob@example.com"), mailbox("eve@example.com"), domain("example.com"))
    at.run("mailbox rename bob@example.com robert@example.com --no-alias")
    refused = (
        "the records of robert@example.com stand under bob@example.com, so bob@example.com cannot be a mailbox with"
        " that name; give the mailbox another address, and make bob@example.com an alias of it.\n"
    )
    at.run("mailbox add bob@example.com --path other/bob", code=1)
    assert at.stderr == f"mailroomctl: {refused}"
    at.run("mailbox rename eve@example.com bob@example.com", code=1)
    assert "the records of robert@example.com stand under bob@example.com, so bob@example.com cannot" in at.stderr
    assert "bob@example.com" not in at.entries()
    at.run("alias add bob@example.com eve@example.com")
    at.run("alias remove bob@example.com")
    at.run("mailbox remove robert@example.com")
    at.run("mailbox add bob@example.com")


def test_no_mailboxes_in_a_domain_says_which(at: Operator) -> None:
    at.put(mailbox("bob@example.com"))
    assert at.run("mailbox list --domain bücher.example").startswith("there are no mailboxes in bücher.example;")
