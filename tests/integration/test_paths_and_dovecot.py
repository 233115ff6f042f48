"""Where a mailbox without a chosen path lies, and what the commands say when Dovecot does not look there."""

from typing import Any

import pytest

from mailroomctl.directory.table import DirectoryTable
from mailroomctl.errors import ChangedMeanwhileError
from tests.fakes.dynamodb import alias, domain, mailbox
from tests.integration.command_line import Operator

OLD = "example.com/o%27brien/Maildir"
NEW = "example.com/o'brien/Maildir"
ADVICE = f"Dovecot's %d and %n lead to {NEW}; give Dovecot its home, or choose another --path"


def add(at: Operator, address: str, *options: str) -> str:
    return str(at.json(" ".join(("mailbox add", f"'{address}'", *options)))["path"])


def paths(at: Operator) -> dict[str, str | None]:
    """What the entries themselves say."""
    return {key: item.get("path") for key, item in at.entries().items() if item["type"] == "mailbox"}


def test_a_new_mailbox_lies_where_dovecot_looks(at: Operator) -> None:
    for address in ("bob@example.com", "r&d@example.com", "Müller@example.com", "straße@example.com"):
        add(at, address)
        assert at.stderr == ""
    # Only what an entry without a path would not mean is written.
    assert paths(at) == {
        "bob@example.com": None,
        "r&d@example.com": "example.com/r&d/Maildir",
        "müller@example.com": "example.com/müller/Maildir",
        "strasse@example.com": None,
    }


@pytest.mark.parametrize(
    ("address", "path", "dovecot"),
    [
        ("a%b@example.com", "example.com/a%25b/Maildir", "example.com/a%b/Maildir"),
        ("a/b@example.com", "example.com/a%2Fb/Maildir", "example.com/a/b/Maildir"),
        ('"a:b"@example.com', 'example.com/"a%3Ab"/Maildir', 'example.com/"a:b"/Maildir'),
        ('"a@b"@example.com', 'example.com/"a%40b"/Maildir', 'b"@example.com/"a/Maildir'),
    ],
)
def test_commands_warn_where_dovecot_does_not_look(at: Operator, address: str, path: str, dovecot: str) -> None:
    warning = (
        f"warning: {address} is at {path}, but Dovecot's %d and %n lead to {dovecot}; "
        "give Dovecot its home, or choose another --path\n"
    )
    assert add(at, address) == path
    assert at.stderr == warning
    for line in ("mailbox list", f"mailbox show '{address}'"):
        assert path in at.run(line)
        assert at.stderr == warning
    at.run(f"mailbox set '{address}' --path chosen/one")
    assert at.stderr == f"warning: mail already delivered stays at {path}; move it yourself\n"
    at.run("mailbox list")
    assert at.stderr == ""
    at.run(f"mailbox set '{address}' --path ''")
    assert at.stderr == f"warning: mail already delivered stays at chosen/one; move it yourself\n{warning}"


def test_a_mailbox_of_version_0_1_moves_only_when_somebody_says_so(at: Operator) -> None:
    at.put(mailbox("o'brien@example.com"))
    at.run("mailbox set o\\'brien@example.com --policy spam_fail=reject")
    at.run("mailbox disable o\\'brien@example.com")
    assert at.json("mailbox show o\\'brien@example.com")["path"] == OLD
    assert at.stderr == f"warning: o'brien@example.com is at {OLD}, but {ADVICE}\n"
    assert paths(at) == {"o'brien@example.com": None}
    at.run("mailbox set o\\'brien@example.com --path ''")
    assert at.stderr == f"warning: mail already delivered stays at {OLD}; move it yourself\n"
    assert paths(at) == {"o'brien@example.com": NEW}


def test_many_mailboxes_make_one_warning(at: Operator) -> None:
    at.put(*(mailbox(f"{name}%x@example.com") for name in "abcdefg"))
    at.run("mailbox list")
    names = ", ".join(f"{name}%x@example.com" for name in "abcde")
    assert at.stderr == (
        f"warning: Dovecot's %d and %n do not lead to {names} and 2 more; "
        "give Dovecot their homes, or choose a --path for each\n"
    )


def test_a_component_that_is_too_long_is_refused(at: Operator, tmp_path: Any) -> None:
    at.parameters["MailboxPathTemplate"] = "{domain}.{local_part}"
    address = "b" * 64 + "@" + ".".join(["y" * 60] * 4)
    said = at.fails(f"mailbox add {address}")
    assert said == f"{address}: the mailbox path holds a component of more than 255 bytes."
    file = tmp_path / "directory.yaml"
    file.write_text(f"mailboxes:\n  {address}:\n")
    assert at.fails(f"directory import {file}") == said
    assert at.entries() == {}
    at.run(f"mailbox add {address} --path staff/b")


def test_an_import_gives_new_mailboxes_new_paths_and_leaves_old_ones_where_they_are(
    at: Operator, tmp_path: Any
) -> None:
    old, pinned, moved = mailbox("o'brien@example.com"), mailbox("o'neil@example.com"), mailbox("r&d@example.com")
    at.put(domain("example.com"), old, pinned | {"path": "example.com/o%27neil/Maildir"}, moved | {"path": "research"})
    file = tmp_path / "directory.yaml"
    names = ("o'brien", "o'neil", "r&d", "müller", "a%b")
    file.write_text("domains: {example.com: }\nmailboxes:\n" + "".join(f"  {name}@example.com:\n" for name in names))
    plan = at.run(f"directory import {file}")
    assert plan == (
        "+ mailbox müller@example.com\n+ mailbox a%b@example.com\n"
        "~ mailbox r&d@example.com: path research → example.com/r&d/Maildir\n"
        "2 added, 1 changed, 0 removed, 3 as they were\n"
    )
    assert at.stderr.startswith("warning: a%b@example.com is at example.com/a%25b/Maildir, but ")
    assert paths(at) == {
        "o'brien@example.com": None,
        "o'neil@example.com": "example.com/o%27neil/Maildir",
        "r&d@example.com": "example.com/r&d/Maildir",
        "müller@example.com": "example.com/müller/Maildir",
        "a%b@example.com": None,
    }
    assert at.run(f"directory import {file}") == "0 added, 0 changed, 0 removed, 6 as they were\n"


def before(at: Operator) -> None:
    """A directory as version 0.1 left it, with an entry that nobody can read."""
    at.put(
        mailbox("bob@example.com"),
        mailbox("o'brien@example.com") | {"version": 3, "made_by": "another tool"},
        alias("info@one.example", "bob@example.com"),
        {"address": "odd@example.com", "type": "mailbx"},
    )


def test_fix_writes_what_is_missing_and_nothing_else(at: Operator) -> None:
    before(at)
    seen = at.entries()
    said = at.run("directory check --fix --dry-run", code=1)
    lines = ["+ domain example.com", "+ domain one.example", f"~ mailbox o'brien@example.com: path - → {OLD}"]
    assert said.splitlines()[:4] == [*lines, "2 would be added, 1 would be changed"]
    assert at.entries() == seen
    said = at.run("directory check --fix", code=1)
    assert said.splitlines()[:4] == [*lines, "2 added, 1 changed"]
    assert at.entries() == seen | {
        "o'brien@example.com": seen["o'brien@example.com"] | {"path": OLD, "version": 4},
        "@example.com": {"address": "@example.com", "type": "domain", "separators": "+", "version": 1},
        "@one.example": {"address": "@one.example", "type": "domain", "separators": "+", "version": 1},
    }
    fixed = at.entries()
    assert at.run("directory check --fix", code=1).splitlines()[0] == "0 added, 0 changed"
    assert at.entries() == fixed


def test_fix_for_programs(at: Operator) -> None:
    entry = mailbox("o'brien@example.com")
    at.put(entry)
    told = {
        "added": [{"address": "@example.com", "type": "domain", "separators": "+"}],
        "changed": [{"before": entry, "after": entry | {"path": OLD}}],
    }
    planned = at.json("directory check --fix --dry-run")
    assert planned == {"dry_run": True, **told, "findings": at.json("directory check")}
    assert [row["kind"] for row in planned["findings"]] == ["domain", "path"]
    fixed = at.json("directory check --fix")
    left = at.json("directory check")
    assert fixed == {"dry_run": False, **told, "findings": left}
    assert [(one["entry"], one["finding"]) for one in left] == [
        ("o'brien@example.com", f"it is at {OLD}, but {ADVICE}")
    ]


def test_fix_leaves_what_somebody_else_changes_meanwhile(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    before(at)

    def replace(_table: DirectoryTable, item: dict[str, Any], _seen: dict[str, Any], **_options: Any) -> None:
        raise ChangedMeanwhileError(f"{item['address']} was changed.")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(DirectoryTable, "replace", replace)
        assert at.fails("directory check --fix") == "1 entries stay as they are: o'brien@example.com was changed."
    at.run("directory check --fix", code=1)
    assert paths(at)["o'brien@example.com"] == OLD


def test_dry_run_alone_is_a_mistake(at: Operator) -> None:
    assert at.fails("directory check --dry-run") == "--dry-run shows what --fix would write; give both."
