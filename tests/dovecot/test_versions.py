"""Whoever installs what Mailroom prints, in Dovecot 2.3 or 2.4, can open every mailbox that Mailroom delivers to."""

import json
import socket
from collections.abc import Iterator
from imaplib import IMAP4

import pytest
from mailroom import maildir
from mailroom.addresses import parse

from tests.dovecot.company import VERSIONS, Company, a_company
from tests.dovecot.server import folders
from tests.fakes.dynamodb import domain
from tests.unit.mailroom.test_addresses import SAME

MAIL = b"From: alice@example.org\r\nSubject: for any name\r\n\r\nhello\r\n"
ODD_JUNK = "100%{off} #$junk {"
JUNK = "Verdächtig/Spam"

#: As people write themselves: every spelling of the directory's address tests, and more.
SPELLINGS = [
    *(written for written, _ in SAME),
    "O'Brien@example.com",
    "Müller@example.com",
    "anna@bücher.example",
    "jo+work@example.com",
    "r&d@example.com",
    "a/b@example.com",
    "a%b@example.com",
    "~root@example.com",
    "a*b@example.com",
    '"100 %"@example.com',
    "bob@partner.example",  # an alias domain of example.com
]
#: Nobody wrote these into the password file; they are other spellings of what stands there.
UNWRITTEN = {
    "MÜLLER@EXAMPLE.COM": "Müller@example.com",
    "mu\u0308ller@example.com": "Müller@example.com",
    "Anna@BÜCHER.example": "anna@bücher.example",
    "anna@xn--bcher-kva.example": "anna@bücher.example",
    "bob@EXAMPLE.com": "Bob@Example.COM",
    "strasse@example.com": "Straße@example.com",
}
#: A passwd-file cannot hold these names, so their users have others.
RENAMED = {'"a:b"@example.com': "a.colon.b", "#1@example.com": "number-one@example.com"}
CHOSEN = {"eve@example.com": "staff/eve", "zoe@example.com": "zoe's box 100%", "kim@example.com": "kim/Maildir"}


def password_of(spelling: str) -> str:
    return f'secret, of "{spelling}": {{PLAIN}}'


class FromElsewhere(IMAP4):
    """A client at another address than the server's: to Dovecot, one at its own needs no TLS."""

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout, ("127.0.0.2", 0))


@pytest.fixture(scope="module", params=VERSIONS)
def company(request: pytest.FixtureRequest) -> Iterator[Company]:
    with a_company(request.param) as company:
        yield from _filled(company)


def _filled(company: Company) -> Iterator[Company]:
    server, at = company.server, company.at
    at.parameters["JunkFolder"] = JUNK
    at.put(domain("partner.example", separators="+", alias_of="example.com"))
    at.put(domain("other.example", separators="+", policy={"junk_folder": "Rubbish"}))
    at.put(domain("odd.example", separators="+", policy={"junk_folder": ODD_JUNK}))
    addresses = {parse(one).text for one in (*SPELLINGS, *RENAMED, "old@example.com", "none@example.com")}
    mailboxes: dict[str, dict[str, str]] = {one: {} for one in addresses - {"bob@partner.example"}}
    mailboxes |= {address: {"path": path} for address, path in CHOSEN.items()}
    at.run("directory import -", stdin=json.dumps({"mailboxes": mailboxes}))
    at.run("mailbox disable old@example.com")

    for row in at.json("mailbox list"):
        for folder in ("INBOX", JUNK):
            headers = [("Delivered-To", row["address"])]
            maildir.deliver(
                server.mail_root,
                mailbox_path=row["path"],
                folder=folder,
                delivery_id=f"1\n{row['address']}",
                received_at=1795506420,
                headers=headers,
                content=[MAIL],
                attempt="first",
                recovering=False,
            )
        company.delivered[row["address"]] = f"Delivered-To: {row['address']}\r\n".encode() + MAIL
    company.take_over()

    written = [(one, password_of(one)) for one in (*SPELLINGS, *CHOSEN, "old@example.com")]
    company.export([*written, *((one, password_of(one), login) for one, login in RENAMED.items())])
    with server.serving(at.run(f"dovecot config --version {server.dovecot.version} --quota 10M {server.options}")):
        yield company


def opened(company: Company, login: str, password: str) -> str:
    """Log in, and look whether everything is as its user expects; returns whose mailbox it is."""
    with company.server.login(login, password) as imap:
        subscribed, listed = folders(imap, "lsub"), folders(imap)
        junk = "Verd&AOQ-chtig/Spam"
        assert {junk, "Rubbish", ODD_JUNK, "Sent", "Drafts", "Trash"} <= subscribed.keys()
        assert "\\Junk" in listed[junk] & listed["Rubbish"] & listed[ODD_JUNK]
        bodies = []
        for folder in ("INBOX", junk):
            assert imap.select(f'"{folder}"', readonly=True) == ("OK", [b"1"]), (login, folder)
            _, [(_, body), *_] = imap.fetch("1", "(BODY.PEEK[])")  # type: ignore[misc]
            bodies.append(body)
    assert bodies[0] == bodies[1]
    [owner] = [address for address, content in company.delivered.items() if content == bodies[0]]
    return owner


def test_people_log_in_as_they_spell_themselves(company: Company) -> None:
    for spelling in SPELLINGS:
        owner = "bob@example.com" if spelling == "bob@partner.example" else parse(spelling).text
        assert opened(company, spelling, password_of(spelling)) == owner
    for login, spelling in UNWRITTEN.items():
        [password] = [password_of(one) for one in SPELLINGS if one == spelling]
        assert opened(company, login, password) == parse(spelling).text, login
    assert company.server.errors() == []


def test_every_mailbox_can_be_opened_by_its_user(company: Company) -> None:
    owners = {parse(one).text for one in SPELLINGS if one != "bob@partner.example"}
    for address in CHOSEN:
        assert opened(company, address, password_of(address)) == address
    for address, login in RENAMED.items():
        assert opened(company, login, password_of(address)) == address
    assert owners | CHOSEN.keys() | RENAMED.keys() | {"old@example.com", "none@example.com"} == company.delivered.keys()
    # No folder but those of the mailboxes: Dovecot made none of its own.
    root = company.server.mail_root
    made = {str(one.parent.relative_to(root)) for one in root.rglob("dovecot.index.log")}
    assert made <= {row["path"] for row in company.at.json("mailbox list")} | {
        f"{row['path']}/.{folder}"
        for row in company.at.json("mailbox list")
        for folder in ("Rubbish", "Verd&AOQ-chtig.Spam")
    }
    assert company.server.errors() == []


@pytest.mark.parametrize("password", ["", "*", "!", "{CRYPT}*", "secret"])
def test_nobody_gets_in_without_a_password_or_into_a_disabled_mailbox(company: Company, password: str) -> None:
    for address in ("none@example.com", "old@example.com", "bob@example.com"):
        with pytest.raises(IMAP4.error, match="AUTHENTICATIONFAILED"), company.server.login(address, password):
            pass
    with pytest.raises(IMAP4.error), company.server.login("old@example.com", password_of("old@example.com")):
        pass


def test_a_new_password_counts_within_a_second(company: Company) -> None:
    company.export([("eve@example.com", "a new one")])
    assert opened(company, "eve@example.com", "a new one") == "eve@example.com"
    with pytest.raises(IMAP4.error), company.server.login("eve@example.com", password_of("eve@example.com")):
        pass
    company.export([("eve@example.com", password_of("eve@example.com"))])


def test_the_check_has_nothing_against_what_is_printed(company: Company) -> None:
    told = company.server.dovecot.run("doveconf", "-n", "-c", f"{company.server.inside}/printed.conf")
    assert company.at.run("dovecot check -", stdin=told) == "the configuration is in order\n"


def test_quota_counts_what_was_delivered(company: Company) -> None:
    with company.server.login("eve@example.com", password_of("eve@example.com")) as imap:
        _, [_, [usage]] = imap.getquotaroot("INBOX")
    assert usage.endswith(b"(STORAGE 1 10240)"), usage


def test_no_password_is_taken_without_tls(company: Company) -> None:
    with FromElsewhere("127.0.0.1", company.server.plain, timeout=20) as imap:
        assert "LOGINDISABLED" in imap.capabilities
        with pytest.raises(IMAP4.error):
            imap.login("eve@example.com", password_of("eve@example.com"))
