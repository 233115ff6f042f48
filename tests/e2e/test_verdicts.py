"""Mail that SES found something in: Junk over IMAP, quarantine, and out of it again with the operator's commands."""

from typing import Any

from tests.e2e.dovecot import Dovecot
from tests.e2e.world import World

MAIL = b"From: sender@example.org\r\nSubject: an offer\r\n\r\nbuy now\r\n"


def folder(dovecot: Dovecot, address: str, name: str) -> list[bytes]:
    """The messages in a folder, as IMAP gives them; none when there is no such folder."""
    with dovecot.login(address) as imap:
        if imap.select(name, readonly=True)[0] != "OK":
            return []
        _, [found] = imap.search(None, "ALL")
        numbers = (found or b"").split()
        return [imap.fetch(number.decode(), "(BODY.PEEK[])")[1][0][1] for number in numbers]  # type: ignore[index,misc]


def test_spam_is_in_junk(world: World, dovecot: Dovecot) -> None:
    address = world.mailbox()
    world.deliver(MAIL, address, spam="FAIL")
    [mail] = folder(dovecot, address, "Junk")
    assert b"\r\nX-Mailroom-Verdict: spam=FAIL; policy=junk\r\n" in mail
    assert mail.endswith(MAIL)
    assert folder(dovecot, address, "INBOX") == []


def test_a_virus_is_in_quarantine_until_it_is_released(world: World, dovecot: Dovecot, operator: Any) -> None:
    address = world.mailbox()
    sent, rows = world.deliver(MAIL, address, virus="FAIL")
    assert sent.message_id
    assert [row.outcome for row in rows] == ["QUARANTINED"]
    assert folder(dovecot, address, "INBOX") == folder(dovecot, address, "Junk") == []
    [held] = [row for row in operator("quarantine", "list") if row["message_id"] == sent.message_id]
    assert (held["mailbox"], held["verdict"]) == (address, "virus=FAIL; policy=quarantine")
    assert operator("quarantine", "show", sent.message_id)["headers"]["Subject"] == "an offer"

    [released] = operator("quarantine", "release", sent.message_id)
    assert released["status"] == "DELIVERED"
    [mail] = folder(dovecot, address, "INBOX")
    assert mail.startswith(b"Delivered-To: ")
    assert mail.endswith(MAIL)
    assert sent.message_id not in [row["message_id"] for row in operator("quarantine", "list")]


def test_released_from_the_copy_when_the_original_has_expired(world: World, dovecot: Dovecot, operator: Any) -> None:
    address = world.mailbox()
    sent, _ = world.deliver(MAIL, address, virus="FAIL")
    assert sent.message_id
    world.client("s3").delete_object(Bucket=world.outputs["MailBucketName"], Key=f"mail/{sent.message_id}")
    operator("quarantine", "release", sent.message_id, "--mailbox", address)
    assert len(folder(dovecot, address, "INBOX")) == 1


def test_commands_decide_where_mail_goes(world: World, dovecot: Dovecot, operator: Any) -> None:
    bob, eve, max_ = "bob@verdicts.example", "eve@verdicts.example", "max@verdicts.example"
    operator("mailbox", "add", bob, "--subaddress-folders")
    operator("mailbox", "add", eve, "--policy", "spam_fail=reject")
    operator("mailbox", "add", max_, "--disabled")
    operator("domain", "add", "verdicts.example", "--separators", "+-")
    operator("alias", "add", "info@verdicts.example", bob)
    operator("group", "add-member", "all@verdicts.example", "info@verdicts.example", eve)
    operator("catch-all", "set", "verdicts.example", "info@verdicts.example")

    _, rows = world.deliver(MAIL, "all@verdicts.example", "nobody@verdicts.example", max_, spam="FAIL")
    assert {row.recipient: row.outcome for row in rows} == {
        "all@verdicts.example": "DELIVERED",
        "nobody@verdicts.example": "DELIVERED",
        max_: "REJECTED",
    }
    [mail] = folder(dovecot, bob, "Junk")
    assert b"X-Original-To: all@verdicts.example\r\nX-Original-To: nobody@verdicts.example\r\n" in mail
    assert not (world.mail_root / "verdicts.example/eve").exists()

    with dovecot.login(bob) as imap:
        assert imap.create("lists")[0] == "OK"
    world.deliver(MAIL, "bob-lists@verdicts.example")
    world.deliver(MAIL, "bob+other@verdicts.example")
    assert len(folder(dovecot, bob, "lists")) == 1
    assert len(folder(dovecot, bob, "INBOX")) == 1
    explained = operator("explain", "bob-lists@verdicts.example")
    assert explained["deliveries"][0]["folder"] == "lists"
