"""``mailroomctl import``: the command, its options, its mistakes, and what it prints."""

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from mailroomctl.commands import import_mail
from mailroomctl.main import app
from mailroomctl.moving import importing
from tests.integration.command_line import Operator
from tests.unit.mailroomctl.moving.one_import import mbox, put

MAIL = b"Subject: x\n\nbody\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mail root in which root, too, writes as itself: nobody else may enter pytest's folders."""
    monkeypatch.setattr(import_mail, "owner_for", lambda *_: None)
    root = tmp_path / "mail"
    root.mkdir()
    return root


@pytest.fixture
def bob(at: Operator, root: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """An operator whose directory knows bob, and who has mounted the mail."""
    monkeypatch.setenv("MAILROOM_MAIL_ROOT", str(root))
    at.run("mailbox add bob@example.com")
    return at


def found(root: Path) -> list[str]:
    """The folders in which messages are, one entry each."""
    return sorted(str(path.parent.parent.relative_to(root)) for path in root.glob("**/new/*"))


def test_the_directory_says_where_the_mailbox_is(bob: Operator, root: Path, tmp_path: Path) -> None:
    bob.run("mailbox add carol@example.com --path old/carol")
    source = put(tmp_path, "a.mbox", mbox(MAIL))
    assert "bob@example.com at example.com/bob/Maildir" in bob.run(f"import {source} --to Bob@Example.com")
    bob.run(f"import {source} --to carol@example.com")
    assert found(root) == ["example.com/bob/Maildir", "old/carol"]


def test_a_path_needs_no_aws(root: Path, tmp_path: Path, at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    source = put(tmp_path, "a.mbox", mbox(MAIL))
    at.run(f"import {source} --to bob@example.com --path bob/Maildir --mail-root {root}")
    assert found(root) == ["bob/Maildir"]


def test_the_numbers_add_up(bob: Operator, tmp_path: Path) -> None:
    put(tmp_path, "source/Inbox/1.eml", MAIL)
    put(tmp_path, "source/Sent/2.eml", MAIL)
    put(tmp_path, "source/Trash/3.eml", MAIL)
    put(tmp_path, "source/picture.png", b"\x89PNG")
    (tmp_path / "source/link.eml").symlink_to("/etc/passwd")
    line = f"import {tmp_path / 'source'} --to bob@example.com --leave-out Trash"
    [told] = bob.json(line, code=1)["imports"]
    numbers = {name: told[name] for name in ("found", "imported", "present", "known", "left_out", "set_aside")}
    assert numbers == {"found": 4, "imported": 2, "present": 0, "known": 0, "left_out": 1, "set_aside": 1}
    assert told["messages_set_aside"] == [{"where": "link.eml", "reason": "a symbolic link"}]
    assert [one["where"] for one in told["files_passed_over"]] == ["picture.png"]
    assert (told["mailbox"], told["complete"], told["bytes"]) == ("bob@example.com", True, 2 * len(MAIL))
    assert bob.stderr.endswith("mailroomctl: 1 message was set aside and is not in the mailbox\n")

    table = bob.run(line, code=1)
    assert [row.split() for row in table.splitlines()[1:-1] if row.strip()][-1] == ["all", "4", "0", "2", "1", "1"]
    assert "warning: link.eml: a symbolic link" in bob.stderr
    assert "warning: picture.png: no mail" in bob.stderr


def test_a_dry_run_writes_nothing(bob: Operator, root: Path, tmp_path: Path) -> None:
    source = put(tmp_path, "a.mbox", mbox(MAIL))
    assert "would go to bob@example.com" in bob.run(f"import {source} --to bob@example.com --dry-run")
    assert list(root.iterdir()) == []


def test_options_reach_the_import(bob: Operator, root: Path, tmp_path: Path) -> None:
    put(tmp_path, "source/Sent Items/1.eml", MAIL)
    put(tmp_path, "source/Calendar/2.eml", b"Content-Type: text/calendar\n\n")
    put(tmp_path, "source/x.mbox", mbox(b"\nFrom x\n"))
    bob.run(
        f"import {tmp_path / 'source'} --to bob@example.com --folder Old --folder-map 'Sent Items=Sent' --seen"
        " --calendar leave-out --mbox none --jobs 3 --skip-by message-id"
    )
    assert found(root) == ["example.com/bob/Maildir/.Old.Sent", "example.com/bob/Maildir/.Old.x"]
    assert {path.name[-4:] for path in root.glob("**/new/*")} == {":2,S"}
    assert [path.read_bytes() for path in root.glob("**/.Old.x/new/*")] == [b"\n>From x\n"]
    assert "doveadm mailbox subscribe -u bob@example.com FOLDER" in bob.stderr


def test_what_became_another_folder_and_keywords_are_told(bob: Operator, tmp_path: Path) -> None:
    put(tmp_path, "source/a.b/cur/1.x:2,a", MAIL)
    bob.run(f"import {tmp_path / 'source'} --to bob@example.com")
    assert "the folder 'a.b' cannot have this name; it becomes 'a_b'" in bob.stderr
    assert "keywords were not written: keyword a (1)" in bob.stderr


def test_gmail_s_labels_are_translated_by_the_map(bob: Operator, root: Path, tmp_path: Path) -> None:
    mail = b"X-GM-THRID: 1\nX-Gmail-Labels: Posteingang,Ungelesen\n\nbody\n"
    source = put(tmp_path, "a.mbox", mbox(mail))
    bob.run(f"import {source} --to bob@example.com --folder-map Posteingang=Inbox --folder-map Ungelesen=Unread")
    [path] = root.glob("**/new/*")
    assert ":2," not in path.name
    assert path.parent.parent.name == "Maildir"


def test_many_sources_by_a_map(bob: Operator, root: Path, tmp_path: Path) -> None:
    bob.run("mailbox add carol@example.com")
    put(tmp_path, "b.mbox", mbox(MAIL))
    put(tmp_path, "c/1.eml", MAIL)
    put(tmp_path, "broken.zip", b"PK\3\4")
    lines = ("b.mbox,bob@example.com", "broken.zip,bob@example.com", "c,carol@example.com")
    file = put(tmp_path, "map.csv", "\n".join(lines).encode())
    told = bob.json(f"import --map {file}", code=1)["imports"]
    assert [(one["mailbox"], one["imported"], one["complete"]) for one in told] == [
        ("bob@example.com", 1, True),
        ("bob@example.com", 0, False),
        ("carol@example.com", 1, True),
    ]
    assert "not complete" in bob.stderr
    assert found(root) == ["example.com/bob/Maildir", "example.com/carol/Maildir"]


def test_all_that_is_wrong_in_a_map_is_told_at_once_with_its_line(bob: Operator, root: Path, tmp_path: Path) -> None:
    bob.run("alias add info@example.com bob@example.com")
    bob.run("group add-member team@example.com bob@example.com")
    put(tmp_path, "a.mbox", mbox(MAIL))
    lines = (
        "a.mbox,bob@example.com",
        "a.mbox,nobody@example.com",
        "a.mbox,info@example.com",
        "a.mbox,team@example.com",
        "a.mbox,no address",
        "a.mbox,bob@example.com,../out",
        "b.mbox,bob@example.com",
        "a.mbox",
    )
    file = put(tmp_path, "map.csv", "\n".join(lines).encode())
    assert bob.fails(f"import --map {file}") == f"nothing was imported: 7 lines are wrong in {file}."
    told = bob.stderr.splitlines()[:-1]
    assert [line.partition(":")[0] for line in told] == [f"line {number}" for number in range(2, 9)]
    for text, line in zip(
        ("no mailbox nobody@", "is an alias", "is a group", "no address", "'..'", "there is no", "is not SOURCE"),
        told,
        strict=True,
    ):
        assert text in line
    assert list(root.iterdir()) == []


def test_what_was_imported_before_a_rename_is_there_after_it(bob: Operator, root: Path, tmp_path: Path) -> None:
    source = put(tmp_path, "a.mbox", mbox(MAIL))
    bob.run(f"import {source} --to bob@example.com")
    bob.run("mailbox rename bob@example.com robert@example.com")
    [told] = bob.json(f"import {source} --to robert@example.com")["imports"]
    assert (told["mailbox"], told["imported"], told["present"]) == ("robert@example.com", 0, 1)
    assert found(root) == ["example.com/bob/Maildir"]


def test_a_disabled_mailbox_is_told(bob: Operator, root: Path, tmp_path: Path) -> None:
    bob.run("mailbox disable bob@example.com")
    bob.run(f"import {put(tmp_path, 'a.mbox', mbox(MAIL))} --to bob@example.com")
    assert "warning: bob@example.com is disabled: mail is imported, and nobody can log in" in bob.stderr
    assert found(root) == ["example.com/bob/Maildir"]


def test_ctrl_c_says_how_far_it_came(bob: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = put(tmp_path, "a.mbox", mbox(*(b"%d\n" % number for number in range(9))))
    real, numbers = importing.message_name, iter(range(99))

    def interrupting(*arguments: Any) -> Any:
        if next(numbers) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return real(*arguments)

    monkeypatch.setattr(importing, "message_name", interrupting)
    [told] = bob.json(f"import {source} --to bob@example.com", code=130)["imports"]
    assert (told["imported"], told["problem"]) == (4, "interrupted")
    assert "interrupted; the command may be repeated" in bob.stderr
    [told] = bob.json(f"import {source} --to bob@example.com")["imports"]
    assert (told["imported"], told["present"]) == (5, 4)


def test_a_full_disk_ends_it_and_leaves_the_rest_for_later(
    bob: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = put(tmp_path, "a.mbox", mbox(*(b"%d\n" % number for number in range(9))))

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", full)
        bob.run(f"import {source} --to bob@example.com", code=1)
    assert "the file system is full" in bob.stderr
    assert "the command may be repeated" in bob.stderr
    [told] = bob.json(f"import {source} --to bob@example.com")["imports"]
    assert told["imported"] == 9


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("import", "give a SOURCE and --to MAILBOX, or --map FILE"),
        ("import x", "give a SOURCE and --to MAILBOX"),
        ("import x --to bob@example.com", "x: No such file or directory"),
        ("import x --to bob", "bob"),
        ("import x --to nobody@example.com", "nobody@example.com"),
        ("import x --to info@example.com", "info@example.com is"),
        ("import x --to bob@example.com --path ../x", "holds '..'"),
        ("import x --map y", "--map says what goes where"),
        ("import --map y", "y: No such file"),
        ("import x --to bob@example.com --folder-map x", "--folder-map takes FROM=TO"),
        ("import x --to bob@example.com --owner root", "Dovecot opens no mailbox as root"),
        ("import x --to bob@example.com --mail-root /nowhere", "is the file system mounted?"),
    ],
)
def test_mistakes_are_one_line(bob: Operator, line: str, says: str) -> None:
    bob.run("alias add info@example.com bob@example.com")
    assert says in bob.fails(line)


def test_the_mail_root_has_to_be_given(at: Operator) -> None:
    assert "give --mail-root" in at.fails("import x --to bob@example.com --path bob")


def test_a_source_that_holds_the_mailbox_is_refused(bob: Operator, root: Path) -> None:
    assert "is the mailbox itself" in bob.fails(f"import {root} --to bob@example.com")


def test_the_page_explains_every_field_of_the_json(bob: Operator, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/import.md").read_text()
    rows = re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    [told] = bob.json(f"import {put(tmp_path, 'a.mbox', mbox(MAIL))} --to bob@example.com")["imports"]
    assert set(told) <= explained


def test_the_page_names_options_that_exist() -> None:
    page = (Path(__file__).parents[2] / "docs/import.md").read_text()
    command: Any = get_command(app)
    options = {option for one in command.commands["import"].params for option in one.opts}
    named = set(re.findall(r"(?<![a-z-])--[a-z][a-z-]+", page))
    assert len(named) > 10
    assert named <= options
