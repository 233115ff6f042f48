"""Homes, and the Maildirs in them."""

import pytest

from mailroomctl.dovecot.layout import Home, home_of, maildir_in_home


@pytest.mark.parametrize(
    ("template", "folder"),
    [
        ("{domain}/{local_part}/Maildir", "Maildir"),
        ("{domain}/{local_part}/mail/", "mail"),
        ("{domain}/{local_part}", ""),
        ("{domain}.{local_part}", ""),
        ("{local_part}@{domain}/Maildir-{domain}", ""),
    ],
)
def test_the_last_part_of_the_template_is_in_the_home(template: str, folder: str) -> None:
    assert maildir_in_home(template) == folder


def test_a_mailbox_of_the_template_has_a_home_around_it() -> None:
    assert home_of("example.com/bob/Maildir", "/mnt/mail", "Maildir") == Home("/mnt/mail/example.com/bob", usual=True)
    assert home_of("example.com/bob", "/mnt/mail/", "") == Home("/mnt/mail/example.com/bob", usual=True)


@pytest.mark.parametrize("path", ["staff/eve", "Maildir", "example.com/bob/maildir"])
def test_a_mailbox_elsewhere_is_its_own_home(path: str) -> None:
    assert home_of(path, "/mnt/mail", "Maildir") == Home(f"/mnt/mail/{path}", usual=False)
