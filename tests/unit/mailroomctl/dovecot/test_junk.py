"""Every folder into which the stack puts junk."""

from mailroomctl.dovecot.junk import junk_folders
from tests.fakes.dynamodb import domain, mailbox


def test_the_stack_s_is_first_and_each_is_there_once() -> None:
    items = [
        domain("a.example", policy={"junk_folder": "Spam"}),
        mailbox("bob@a.example", policy={"junk_folder": "Bulk", "spam_fail": "junk"}),
        mailbox("eve@a.example", policy={"junk_folder": "Spam"}),
        mailbox("max@a.example"),
    ]
    assert junk_folders(items, "Rubbish") == ["Rubbish", "Bulk", "Spam"]


def test_what_the_functions_do_not_take_is_left_out() -> None:
    items = [domain("a.example", policy={"junk_folder": "a.b"}), mailbox("bob@a.example", policy={"junk_folder": ""})]
    assert junk_folders(items, "Junk") == ["Junk"]
    assert junk_folders(items, ".") == ["Junk"]
