from mailroomctl.moving import summary
from mailroomctl.moving.summary import Outcome, Summary


def test_sums_and_rows_say_the_same() -> None:
    one = Summary("a.zip", "bob@example.com", "bob")
    for outcome, folder in ((Outcome.IMPORTED, "INBOX"), (Outcome.KNOWN, "INBOX"), (Outcome.LEFT_OUT, "Trash")):
        one.count(outcome, folder)
    one.put_aside("b.eml", "it is empty")
    assert one.found == 4
    assert [(row["folder"], row["found"], row["imported"]) for row in one.rows()] == [
        ("-", 1, 0),
        ("INBOX", 2, 1),
        ("Trash", 1, 0),
        ("all", 4, 1),
    ]
    data = one.data()
    assert sum(data[str(outcome)] for outcome in Outcome) == data["found"] == 4
    assert list(data["folders"]) == ["INBOX", "Trash"]


def test_many_are_counted_and_some_are_told() -> None:
    one = Summary("a.zip", "bob@example.com", "bob")
    for number in range(summary.MOST_TOLD + 5):
        one.pass_over(str(number), "no mail")
    assert one.data()["no_mail"] == summary.MOST_TOLD + 5
    assert len(one.no_mail) == summary.MOST_TOLD
    assert one.found == 0
