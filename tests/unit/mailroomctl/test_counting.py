"""Numbers of things."""

from mailroomctl.counting import how_many


def test_one_is_one() -> None:
    things = ("messages", "entries", "mailboxes")
    assert [how_many(1, one) for one in things] == ["1 message", "1 entry", "1 mailbox"]
    assert [how_many(0, one) for one in things] == ["0 messages", "0 entries", "0 mailboxes"]
    assert how_many(2, "copies") == "2 copies"
