"""mailbox, alias, group, catch-all, domain: what they write, what they say, and what they refuse."""

from typing import Any

import pytest

from mailroomctl.directory.table import DirectoryTable
from tests.fakes.dynamodb import alias, domain, group, mailbox
from tests.integration.command_line import Operator


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


def test_no_mailboxes_in_a_domain_says_which(at: Operator) -> None:
    at.put(mailbox("bob@example.com"))
    assert at.run("mailbox list --domain bücher.example").startswith("there are no mailboxes in bücher.example;")
