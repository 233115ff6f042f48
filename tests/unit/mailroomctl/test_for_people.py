"""Addresses as people write them, and nothing else changed."""

import json

import pytest
from rich.cells import cell_len
from rich.tree import Tree

from mailroomctl.command import FailedError, fail
from mailroomctl.console import Console
from mailroomctl.for_people import for_people

ADDRESS = "anna@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (ADDRESS, "anna@bücher.example"),
        (
            f"added the mailbox {ADDRESS}, and {ADDRESS}.",
            "added the mailbox anna@bücher.example, and anna@bücher.example.",
        ),
        ("@xn--bcher-kva.example", "@bücher.example"),
        ("*@mail.xn--bcher-kva.xn--p1ai: HELD", "*@mail.bücher.рф: HELD"),
        (f"anna@example.com → {ADDRESS} (exact)", "anna@example.com → anna@bücher.example (exact)"),
        (f"nothing is on record of {ADDRESS!r}", "nothing is on record of 'anna@bücher.example'"),
        # The folder is called so.
        ("xn--bcher-kva.example/anna/Maildir", "xn--bcher-kva.example/anna/Maildir"),
        (f"mail/{ADDRESS}/Maildir", f"mail/{ADDRESS}/Maildir"),
        # Message-IDs are searched for as they are.
        ("<1@xn--bcher-kva.example>", "<1@xn--bcher-kva.example>"),
        # What DNS and SES are told.
        ("xn--bcher-kva.example. MX 10 inbound-smtp", "xn--bcher-kva.example. MX 10 inbound-smtp"),
        # Not what it claims to be.
        ("anna@xn--0.example", "anna@xn--0.example"),
        ("anna@example.com", "anna@example.com"),
    ],
)
def test_only_domains_of_addresses_change(text: str, shown: str) -> None:
    assert for_people(text) == shown


def test_people_see_what_was_written_and_programs_what_dns_has(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"mailbox": ADDRESS, "recipients": [ADDRESS], "path": "xn--bcher-kva.example/anna/Maildir"}]
    console = Console()
    console.say(ADDRESS)
    console.say(ADDRESS, "red")
    console.table(("mailbox", "recipients", "path"), rows, empty="")
    console.table(("mailbox", "recipients", "path"), rows, empty="", wide=True)
    console.table((), [], empty=f"nothing of {ADDRESS}")
    console.record(rows[0])
    tree = Tree(ADDRESS)
    tree.add(f"→ {ADDRESS}")
    console.tree(tree, None)
    console.warn(ADDRESS)
    console.note(ADDRESS)
    with pytest.raises(FailedError):
        fail(f"{ADDRESS} is not there")
    said = "".join(capsys.readouterr())
    assert "@xn--" not in said
    assert said.count("anna@bücher.example") == 14
    assert said.count("xn--bcher-kva.example/anna/Maildir") == 3
    Console(as_json=True).table((), rows, empty="")
    assert ADDRESS in capsys.readouterr().out


TRICKS = "a\x1b]0;owned\x07\x9b31m\u202egpj.exe\u2066\x00\r\nz"


def test_nothing_that_a_stranger_wrote_plays_tricks(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"from": TRICKS, "to": ADDRESS}]
    console = Console()
    console.table(("from", "to"), rows, empty="", uncut=("to",))
    console.table(("from", "to"), rows, empty="", wide=True)
    console.record(rows[0])
    console.say(TRICKS)
    console.note(TRICKS)
    Console(as_json=True).record(rows[0])
    said = "".join(capsys.readouterr())
    assert not {*said} & {*TRICKS} - {*"a]0;owned31mgpj.exe\nz"}
    found = json.loads(said[said.index("{") : said.index("}") + 1])
    assert found == rows[0], "programs get what there is"


def test_wide_characters_are_cut_for_terminals_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"subject": "漢字" * 30 + "x", "id": "m1"}, {"subject": "short", "id": "m2"}]
    Console().table(("subject", "id"), rows, empty="", uncut=("id",))
    assert "漢字" * 30 + "x" in capsys.readouterr().out, "a pipe gets whole values"
    Console().table(("subject", "id"), rows, empty="", wide=True)
    lines = capsys.readouterr().out.splitlines()
    assert {cell_len(line[: line.index(" m")]) for line in lines[1:]} == {122}
    monkeypatch.setattr(Console, "narrow", True)
    monkeypatch.setenv("COLUMNS", "60")
    Console().table(("subject", "id"), rows, empty="", uncut=("id",))
    assert max(map(cell_len, capsys.readouterr().out.splitlines())) <= 60
