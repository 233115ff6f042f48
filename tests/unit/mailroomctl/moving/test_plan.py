from pathlib import Path

import pytest

from mailroomctl.errors import CommandError
from mailroomctl.moving.plan import Move, Target, read_map, refuse_own_mailbox, targets
from tests.unit.mailroomctl.moving.one_import import put


def test_a_map_names_sources_beside_itself(tmp_path: Path) -> None:
    put(tmp_path, "exports/bob, 1.zip", b"")
    put(tmp_path, "carol.mbox", b"")
    text = 'source,mailbox\n# old\n\n"exports/bob, 1.zip",bob@example.com\ncarol.mbox, carol@example.com , c/Maildir\n'
    file = put(tmp_path, "map.csv", text.encode("utf-8-sig"))
    assert read_map(file) == (
        [
            Move(str(tmp_path / "exports/bob, 1.zip"), "bob@example.com", None, 4),
            Move(str(tmp_path / "carol.mbox"), "carol@example.com", "c/Maildir", 5),
        ],
        [],
    )


def test_every_wrong_line_is_told_before_anything_is_done(tmp_path: Path) -> None:
    put(tmp_path, "a.mbox", b"")
    file = put(tmp_path, "map.csv", b"one field\nmissing.zip,bob@example.com\n,\na,b,c,d\na.mbox,nobody\n")
    moves, wrong = read_map(file)

    def find(move: Move) -> Target:
        if move.address == "nobody":
            raise CommandError("there is no mailbox nobody.")
        return Target(move.address, "bob", move.address)

    [(move, target)] = targets(moves, find, wrong)
    assert (move.line, target.address) == (2, "bob@example.com")
    assert [str(one) for one in wrong] == [
        "line 1: it is not SOURCE,MAILBOX or SOURCE,MAILBOX,PATH.",
        f"line 2: there is no {tmp_path}/missing.zip.",
        "line 4: it is not SOURCE,MAILBOX or SOURCE,MAILBOX,PATH.",
        "line 5: there is no mailbox nobody.",
    ]


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe", b'"no end,x\ny,z\n'])
def test_a_map_without_sources_is_a_mistake(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CommandError):
        read_map(put(tmp_path, "map.csv", content))
    with pytest.raises(CommandError, match="No such file"):
        read_map(tmp_path / "none.csv")


def test_a_source_that_is_the_mailbox_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "mail/bob/Maildir/cur/1", b"")
    (tmp_path / "link").symlink_to(tmp_path / "mail/bob")
    for source in ("mail", "mail/bob/Maildir", "mail/bob/Maildir/cur/1", "link"):
        with pytest.raises(CommandError, match="is the mailbox itself"):
            refuse_own_mailbox(str(tmp_path / source), tmp_path / "mail", ["bob/Maildir"])
    refuse_own_mailbox(str(tmp_path / "mail/bobby"), tmp_path / "mail", ["bob/Maildir"])
