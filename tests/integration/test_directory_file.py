"""directory export, import and check: the whole directory as one file, in and out, repeated and interrupted."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mailroomctl.directory.table import DirectoryTable
from tests.fakes.dynamodb import alias, domain, group, mailbox
from tests.integration.command_line import Operator

FILE = """
domains:
  example.com: {separators: +-, policy: {spam_fail: reject}}
  bücher.example: {alias_of: Example.com}
  plain.example:
mailboxes:
  Bob@example.com:
  '"bob smith"@example.com': {subaddress_folders: true}
  eve@bücher.example: {path: old//eve/, enabled: false, policy: {junk_folder: Spam}}
aliases:
  info@example.com: bob@example.com
groups:
  all@example.com: [info@example.com, Bob@example.com]
catch_alls:
  example.com: [bob@example.com]
"""

EXPORT = """\
# The directory of Mailroom. Change it and bring it back with: mailroomctl directory import FILE --dry-run

domains:
  example.com:
    separators: +-
    policy:
      spam_fail: reject
  plain.example: {}
  bücher.example:
    alias_of: example.com

mailboxes:
  '"bob smith"@example.com':
    path: example.com/"bob smith"/Maildir
    subaddress_folders: true
  bob@example.com: {}
  eve@bücher.example:
    path: old/eve
    enabled: false
    policy:
      junk_folder: Spam

aliases:
  info@example.com:
  - bob@example.com

groups:
  all@example.com:
  - info@example.com
  - bob@example.com

catch_alls:
  example.com:
  - bob@example.com
"""


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An import that removes much writes into the current folder."""
    monkeypatch.chdir(tmp_path)


def test_import_export_and_import_again(at: Operator, tmp_path: Path) -> None:
    file = tmp_path / "directory.yaml"
    file.write_text(FILE)
    said = at.run(f"directory import {file} --dry-run").splitlines()
    assert said == [
        "+ domain example.com",
        "+ domain bücher.example",
        "+ domain plain.example",
        "+ mailbox bob@example.com",
        '+ mailbox "bob smith"@example.com',
        "+ mailbox eve@bücher.example",
        "+ alias info@example.com",
        "+ group all@example.com",
        "+ catch-all example.com",
        "9 would be added, 0 would be changed, 0 would be removed, 0 as they were",
    ]
    assert at.entries() == {}
    assert "9 added, 0 changed, 0 removed, 0 as they were\n" in at.run(f"directory import {file}")
    entries = at.entries()
    assert entries["eve@xn--bcher-kva.example"] == {
        "address": "eve@xn--bcher-kva.example",
        "type": "mailbox",
        "path": "old/eve",
        "enabled": False,
        "subaddress_folders": False,
        "policy": {"junk_folder": "Spam"},
        "version": 1,
    }
    assert at.run(f"directory import {file}") == "0 added, 0 changed, 0 removed, 9 as they were\n"
    assert at.run("directory export") == EXPORT
    copy = tmp_path / "copy.yaml"
    assert at.run(f"directory export -o {copy}") == ""
    assert at.stderr == f"wrote 9 entries to {copy}\n"
    assert copy.read_text() == EXPORT
    assert at.run(f"directory import {copy} --delete") == "0 added, 0 changed, 0 removed, 9 as they were\n"
    assert at.entries() == entries
    assert len(at.json("directory export")["entries"]) == 9


def test_from_standard_input(at: Operator) -> None:
    assert "+ domain example.com\n+ mailbox bob@example.com\n2 added" in at.run(
        "directory import -", stdin="mailboxes: {bob@example.com: }"
    )


COMPANY = [
    mailbox("bob@example.com"),
    mailbox("eve@example.com", path="old/eve"),
    group("all@example.com", "bob@example.com", "eve@example.com"),
    domain("example.com", separators="+"),
]

CHANGED = """
mailboxes:
  bob@example.com: {enabled: false}
  max@example.com:
aliases:
  all@example.com: [max@example.com, bob@example.com]
groups:
  some@example.com: [bob@example.com]
"""


def test_diff_shows_what_changes(at: Operator) -> None:
    at.put(*COMPANY)
    before = at.entries()
    said = at.run("directory import - --dry-run --delete", stdin=CHANGED)
    assert said.splitlines() == [
        "+ mailbox max@example.com",
        "+ group some@example.com",
        "~ mailbox bob@example.com: enabled yes → no",
        "~ alias all@example.com: was a group",
        "- mailbox eve@example.com",
        "2 would be added, 2 would be changed, 1 would be removed, 0 as they were",
    ]
    assert at.entries() == before
    said = at.run("directory import -", stdin=CHANGED)
    assert "1 entries are not in the file and stay; --delete would remove them" in said
    assert "eve@example.com" in at.entries()
    assert at.entries()["all@example.com"]["version"] == 2
    at.run("directory import - --delete --yes", stdin=CHANGED)
    names = ["@example.com", "all@example.com", "bob@example.com", "max@example.com", "some@example.com"]
    assert sorted(at.entries()) == names


def test_a_domain_is_removed_with_its_last_address_only(at: Operator) -> None:
    at.put(*COMPANY, domain("example.org", separators="-"), mailbox("ann@example.org"))
    content = "mailboxes: {ann@example.org: }"
    said = at.run("directory import - --delete --dry-run", stdin=content).splitlines()
    assert "- domain example.com" in said
    assert "~ domain example.org: separators - → +" in said
    at.run("directory import - --delete --yes", stdin=content)
    assert sorted(at.entries()) == ["@example.org", "ann@example.org"]


def test_domains_are_written_first_and_removed_last(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    at.put(*COMPANY)
    put, delete = DirectoryTable._put_alone, DirectoryTable.delete
    order: list[str] = []

    def put_in_order(self: DirectoryTable, item: Any, *condition: Any) -> bool:
        order.append(f"+{item['address']}")
        return put(self, item, *condition)

    def delete_in_order(self: DirectoryTable, seen: Any) -> None:
        order.append(f"-{seen['address']}")
        delete(self, seen)

    monkeypatch.setattr(DirectoryTable, "_put_alone", put_in_order)
    monkeypatch.setattr(DirectoryTable, "delete", delete_in_order)
    at.run(
        "directory import - --delete --yes",
        stdin="aliases: {a@new.example: b@new.example}\nmailboxes: {b@new.example: }",
    )
    assert order[0] == "+@new.example"
    assert order[-1] == "-@example.com"
    assert len(order) == 3 + len(COMPANY)


def test_targets_are_compared_one_by_one(at: Operator) -> None:
    at.put(*COMPANY)
    said = at.run("directory import - --dry-run", stdin="groups: {all@example.com: [eve@example.com, max@example.com]}")
    assert "~ group all@example.com: +max@example.com, -bob@example.com\n" in said
    said = at.run("directory import - --dry-run", stdin="groups: {all@example.com: [eve@example.com, bob@example.com]}")
    assert "~ group all@example.com: order\n" in said


def test_an_interrupted_import_leaves_whole_entries_and_can_be_repeated(
    at: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at.put(*COMPANY)
    file = tmp_path / "directory.yaml"
    wanted = {f"m{n}@example.com": {"enabled": n % 2 == 0} for n in range(40)}
    file.write_text(yaml.safe_dump({"mailboxes": {**wanted, "bob@example.com": {"path": "new/bob"}}}))
    put = DirectoryTable._put_alone
    writes: list[str] = []

    def put_until_interrupted(self: DirectoryTable, item: Any, *condition: Any) -> bool:
        if len(writes) >= 15:
            raise KeyboardInterrupt
        writes.append(item["address"])
        return put(self, item, *condition)

    with monkeypatch.context() as patch:
        patch.setattr(DirectoryTable, "_put_alone", put_until_interrupted)
        said = at.fails(f"directory import {file}", code=130)
    assert said == "interrupted: what was written stays, and repeating the command does the rest"
    entries = at.entries()
    assert len(COMPANY) < len(entries) < len(COMPANY) + 40
    for address, item in entries.items():
        if address in wanted:
            assert (item["enabled"], item["version"]) == (wanted[address]["enabled"], 1)
    assert "path" not in entries["bob@example.com"]
    said = at.run(f"directory import {file}")
    written = len(entries) - len(COMPANY)
    assert f"{40 - written} added, 1 changed, 0 removed, {written} as they were\n" in said
    assert at.entries()["bob@example.com"]["path"] == "new/bob"
    assert len(at.entries()) == len(COMPANY) + 40


def test_import_does_not_overwrite_a_change_made_meanwhile(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    at.put(*COMPANY)
    scan = DirectoryTable.scan

    def scan_and_be_too_slow(self: DirectoryTable) -> Any:
        items = list(scan(self))
        at.put({**mailbox("bob@example.com", path="theirs"), "version": 2}, mailbox("new@example.com", path="n"))
        return items

    monkeypatch.setattr(DirectoryTable, "scan", scan_and_be_too_slow)
    content = "mailboxes: {bob@example.com: {path: mine}, new@example.com: , max@example.com: }"
    why = at.fails("directory import -", stdin=content)
    assert why.startswith("2 entries stay as they are: ")
    assert "bob@example.com was changed by somebody else" in why
    assert "new@example.com is in the directory already." in why
    entries = at.entries()
    assert entries["bob@example.com"]["path"] == "theirs"
    assert entries["new@example.com"]["path"] == "n"
    assert "max@example.com" in entries


def test_export_says_what_it_leaves_out(at: Operator) -> None:
    odd = [
        {"address": "odd@example.com", "type": "list"},
        {"address": "Upper@example.com", "type": "mailbox"},
        {"address": "x@example.com", "type": "mailbox", "quota": 5},
        {"address": "all@example.com", "type": "group", "targets": {"b@example.com", "a@example.com"}},
    ]
    at.put(*odd)
    assert "a@example.com" in at.run("directory export", code=1)
    assert "3 entries were left out because they cannot be understood: " in at.stderr
    assert "no mail can find it, its normalised key is upper@example.com" in at.stderr


def test_a_large_removal_asks_and_writes_down_what_was_there(at: Operator, tmp_path: Path) -> None:
    at.put(*(mailbox(f"x{number}@example.com") for number in range(12)), domain("example.com"))
    before = at.entries()
    small = "mailboxes: {x0@example.com: }"
    said = at.fails("directory import - --delete", stdin=small)
    assert said == "Remove 11 of 13 entries, which are not in the file: add --yes to do that without being asked."
    assert at.entries() == before
    assert list(tmp_path.iterdir()) == []
    assert "11 would be removed" in at.run("directory import - --delete --dry-run", stdin=small)
    at.run("directory import - --delete --yes", stdin=small)
    assert set(at.entries()) == {"@example.com", "x0@example.com"}
    [kept] = tmp_path.iterdir()
    assert at.stderr == f"wrote the directory as it was to {kept.name}\n"
    at.run(f"directory import {kept}")
    assert set(at.entries()) == set(before)


def test_a_small_removal_does_not_ask(at: Operator, tmp_path: Path) -> None:
    names = [f"x{number}@example.com" for number in range(12)]
    at.put(*map(mailbox, names), domain("example.com"))
    at.run("directory import - --delete", stdin="mailboxes: {" + ": , ".join(names[1:]) + ": }")
    assert len(at.entries()) == 12
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_down_is_not_removed(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    at.put(*(mailbox(f"x{number}@example.com") for number in range(12)), domain("example.com"))
    said = at.fails("directory import - --delete --yes", stdin="mailboxes: {a@example.com: }")
    assert said.endswith("No space left on device.")
    assert len(at.entries()) == 13


def test_targets_that_lead_nowhere_are_named(at: Operator) -> None:
    at.run("directory import -", stdin="mailboxes: {b@x.de: }\naliases: {a@x.de: [b@x.de, gone@x.de]}")
    assert "warning: a@x.de: it leads to gone@x.de: there is no such address" in at.stderr


def test_an_export_for_programs_can_be_imported(at: Operator) -> None:
    at.put(*COMPANY)
    exported = at.run("directory export --json")
    assert at.run("directory import - --delete", stdin=exported) == "0 added, 0 changed, 0 removed, 4 as they were\n"


def test_domains_are_written_alike_in_all_of_the_file(at: Operator) -> None:
    at.put(mailbox("anna@xn--bcher-kva.example"), alias("a@x.de", "anna@xn--bcher-kva.example"))
    said = at.run("directory export")
    assert "xn--" not in said
    assert "- anna@bücher.example" in said


def test_the_name_of_a_mailboxs_records_goes_out_and_in(at: Operator, tmp_path: Path) -> None:
    at.put(mailbox("robert@example.com", path="bob", records_under="bob@example.com"), domain("example.com"))
    file = tmp_path / "directory.yaml"
    at.run(f"directory export --output {file}")
    assert "  robert@example.com:\n    path: bob\n    records_under: bob@example.com\n" in file.read_text()
    assert "2 as they were" in at.run(f"directory import {file}")
    file.write_text(file.read_text() + "  bob@example.com: {}\n")
    at.run(f"directory import {file}", code=1)
    assert "the records of robert@example.com stand under bob@example.com" in at.stderr
    assert "bob@example.com" not in at.entries()
