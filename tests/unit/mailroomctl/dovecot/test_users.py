"""The list of users: who is in it, where, under which names, and with which password."""

import idna
import pytest

from mailroomctl.directory.table import Item
from mailroomctl.dovecot.passwords import Password
from mailroomctl.dovecot.users import Account, Users, make_users, passwd_file
from mailroomctl.errors import CommandError
from tests.fakes.dynamodb import alias, domain, mailbox

TEMPLATE = "{domain}/{local_part}/Maildir"


def made(items: list[Item], *passwords: Password, template: str = TEMPLATE) -> Users:
    return make_users(items, passwords, template=template, mail_root="/mnt/mail")


def lines(items: list[Item], *passwords: Password, template: str = TEMPLATE) -> list[str]:
    return passwd_file(made(items, *passwords, template=template), Account("5000", "vmail")).splitlines()


def test_each_mailbox_is_a_line_with_its_true_path() -> None:
    items = [
        mailbox("bob@example.com"),
        mailbox("eve@example.com", path="staff/eve"),
        alias("i@example.com", "bob@example.com"),
    ]
    given = [Password("Bob@example.com", "{CRYPT}b"), Password("eve@example.com", "{CRYPT}e")]
    assert lines(items, *given) == [
        "bob@example.com:{CRYPT}b:5000:vmail::/mnt/mail/example.com/bob::",
        "eve@example.com:{CRYPT}e:5000:vmail::/mnt/mail/staff/eve::userdb_mail=maildir:~ userdb_mail_path=~",
    ]


def test_the_order_is_that_of_domains_and_names_whatever_the_table_s_is() -> None:
    items = [mailbox(one) for one in ("b@b.example", "a@b.example", "z@a.example")]
    assert lines(items) == lines(items[::-1])
    assert [line.split(":")[0] for line in lines(items)] == ["z@a.example", "a@b.example", "b@b.example"]


def test_nobody_gets_in_without_a_hash() -> None:
    """An empty field would be the empty password to Dovecot 2.4."""
    users = made([mailbox("bob@example.com")])
    assert passwd_file(users, Account()) == "bob@example.com:{CRYPT}*:vmail:vmail::/mnt/mail/example.com/bob::\n"
    assert users.without_password == ["bob@example.com"]


def test_a_disabled_mailbox_is_closed_and_stays_known() -> None:
    items = [mailbox("bob@example.com", enabled=False)]
    users = made(items, Password("bob@example.com", "{CRYPT}b"))
    assert lines(items, Password("bob@example.com", "{CRYPT}b")) == [
        "bob@example.com:{CRYPT}*:5000:vmail::/mnt/mail/example.com/bob::nologin"
    ]
    assert users.notes() == []


def test_other_spellings_lead_to_the_same_name() -> None:
    found = lines(
        [mailbox("müller@example.com", path="example.com/müller/Maildir")], Password("Müller@example.com", "{CRYPT}m")
    )
    fields = ":{CRYPT}m:5000:vmail::/mnt/mail/example.com/müller::"
    assert found == [
        f"müller@example.com{fields}",
        f"mu\u0308ller@example.com{fields}user=müller@example.com",
        f"mÜller@example.com{fields}user=müller@example.com",
    ]


def test_a_spelling_of_the_password_file_is_a_name_too() -> None:
    found = lines([mailbox("strasse@example.com")], Password("Straße@Example.com", "{CRYPT}s"))
    assert [line.split(":")[:2] for line in found] == [
        ["strasse@example.com", "{CRYPT}s"],
        ["straße@example.com", "{CRYPT}s"],
    ]
    assert found[1].endswith(":user=strasse@example.com")


def test_a_password_of_a_spelling_s_own_counts_for_that_spelling() -> None:
    given = [Password("strasse@example.com", "{CRYPT}1"), Password("straße@example.com", "{CRYPT}2")]
    assert [line.split(":")[1] for line in lines([mailbox("strasse@example.com")], *given)] == ["{CRYPT}1", "{CRYPT}2"]


def test_a_name_that_no_field_can_hold_is_not_led_to() -> None:
    items = [mailbox('"jö %"@example.com', path="j")]
    assert all("user=" not in line and line.split(":")[5] == "/mnt/mail/j" for line in lines(items))
    assert len(lines(items)) > 1


def test_a_name_that_the_list_cannot_hold_needs_another() -> None:
    items = [mailbox('"a:b"@example.com'), mailbox("#1@example.com")]
    users = made(items)
    assert users.lines == []
    assert users.without_name == ['"a:b"@example.com', "#1@example.com"]
    given = [Password('"a:b"@example.com', "{CRYPT}a", "A.Colon"), Password("#1@example.com", "{CRYPT}1", "one")]
    assert [line.split(":")[:2] for line in lines(items, *given)] == [["a.colon", "{CRYPT}a"], ["one", "{CRYPT}1"]]
    assert not any("user=" in line for line in lines(items, *given)), "nobody could be found under that name"
    assert made(items, *given).notes() == []


def test_the_domain_that_is_an_alias_may_be_used() -> None:
    items = [
        mailbox("bob@example.com"),
        domain("partner.example", alias_of="mid.example"),
        domain("mid.example", alias_of="example.com"),
    ]
    found = lines(items, Password("Bob@partner.example", "{CRYPT}b"))
    assert [line.split(":")[:2] for line in found] == [
        ["bob@example.com", "{CRYPT}b"],
        ["bob@partner.example", "{CRYPT}b"],
    ]


def test_domains_that_are_aliases_of_each_other_lead_nowhere() -> None:
    items = [
        mailbox("bob@example.com"),
        domain("a.example", alias_of="b.example"),
        domain("b.example", alias_of="a.example"),
    ]
    assert made(items, Password("bob@a.example", "{CRYPT}b")).strangers == ["bob@a.example"]


def test_two_mailboxes_cannot_have_one_login() -> None:
    items = [mailbox("bob@example.com"), mailbox("eve@example.com")]
    with pytest.raises(
        CommandError, match=r"^bob@example\.com would be the login of bob@example\.com and of eve@example\.com;"
    ):
        made(items, Password("eve@example.com", "{CRYPT}e", "Bob@example.com"))


def test_what_cannot_be_listed_is_told() -> None:
    items = [mailbox("bob@example.com", path="a:b"), mailbox("eve@example.com", path="../x")]
    assert made(items).lines == []
    assert made(items, Password("zoe@example.com", "{CRYPT}z")).notes() == [
        "not in the list: bob@example.com: Dovecot's list cannot hold the colon in the path a:b; choose another,"
        " eve@example.com: the mailbox path holds '..'",
        "in the password file, but no mailbox: zoe@example.com",
    ]


def test_many_names_make_one_note() -> None:
    notes = made([mailbox(f"{name}@example.com") for name in "abcdefgh"]).notes()
    assert notes == [
        "no password, so nobody can log in: " + ", ".join(f"{one}@example.com" for one in "abcde") + " and 3 more"
    ]


def test_where_the_template_has_no_folder_the_home_is_the_maildir() -> None:
    assert lines([mailbox("bob@example.com")], template="{domain}/{local_part}")[0].endswith(
        "::/mnt/mail/example.com/bob::"
    )


def test_a_domain_s_spellings_are_worked_out_once_however_many_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what makes it seconds for a hundred thousand: benchmarks/people.py."""
    encoded: list[str] = []
    real = idna.encode
    monkeypatch.setattr(idna, "encode", lambda text, **how: encoded.append(text) or real(text, **how))
    items = [mailbox(f"m\u00fcller{number}@xn--zrich-kva.example") for number in range(200)]
    given = [Password(f"M\u00fcller{number}@Z\u00fcrich.example", "{CRYPT}x") for number in range(200)]
    assert len(lines(items, *given)) >= 200 * 8
    assert 1 <= len(encoded) == len(set(encoded)) < 10
