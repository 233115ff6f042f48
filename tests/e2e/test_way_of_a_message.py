"""Mail in by SMTP, through the whole deployed application, out of the Maildir and by IMAP."""

import re
import smtplib
import socket
from datetime import UTC, datetime
from imaplib import IMAP4, Internaldate2tuple
from time import mktime

import pytest

from tests.e2e.dovecot import Dovecot
from tests.e2e.world import World

ARBITRARY = (
    b"Subject: =?utf-8?q?arbitrary?=\r\nX-8bit: \xff\xfe\xc3\xa9\r\n\r\n"
    b"lone LF\nlone CR\rNUL\0 8 bit \x80\xff\r\n.\r\n..two dots\n.dot after LF\r\n" + b"x" * 100_000 + b"\r\n"
    b"\xe2\x82" + bytes(range(256)) * 40 + b"\r\n" + b"y" * 100_000 + b"\rthe end, without a newline"
)


def split(copy: bytes) -> tuple[list[bytes], bytes]:
    """The lines that Mailroom puts in front of an object, and what follows them."""
    added = re.match(rb"((?:(?:Delivered-To|X-Original-To|X-Mailroom-Verdict):[^\r\n]*\r?\n)+)", copy)
    assert added
    return added[1].splitlines(), copy[added.end() :]


def stored(world: World, message_id: str) -> bytes:
    key = f"mail/{message_id}"
    answer = world.client("s3").get_object(Bucket=world.outputs["MailBucketName"], Key=key)
    return bytes(answer["Body"].read())


def test_arbitrary_bytes_reach_two_mailboxes_unchanged(world: World, dovecot: Dovecot) -> None:
    mailboxes = [world.mailbox(), world.mailbox()]
    sent, rows = world.deliver(ARBITRARY, *mailboxes)
    assert [(row.recipient, row.outcome) for row in rows] == [(address, "DELIVERED") for address in mailboxes]
    assert sent.message_id
    thing = stored(world, sent.message_id)
    assert thing.startswith(b"Return-Path: <sender@example.org>\r\nReceived: from ")
    assert thing.endswith(ARBITRARY)
    [record] = {record["received_at"] for record in world.records(sent.message_id)}
    received = datetime.fromisoformat(record)
    for address, row in zip(mailboxes, rows, strict=True):
        [copy] = world.copies(address)
        assert str(copy.relative_to(world.mail_root)) == row.file
        content = copy.read_bytes()
        added, rest = split(content)
        assert rest == thing
        assert added == [f"Delivered-To: {address}".encode(), f"X-Original-To: {address}".encode()]
        bare = len(re.findall(rb"(?<!\r)\n", content))
        assert copy.name.endswith(f",S={len(content)},W={len(content) + bare}")
        assert copy.stat().st_mtime == pytest.approx(received.timestamp(), abs=1)
        with dovecot.login(address) as imap:
            assert imap.select("INBOX", readonly=True) == ("OK", [b"1"])
            size, internal_date, body = fetch(imap)
        # IMAP shows every line end as CRLF, and cannot show a NUL (RFC 3501, 4.3): Dovecot puts 0x80 in its place.
        assert body == re.sub(rb"(?<!\r)\n", b"\r\n", content).replace(b"\0", b"\x80")
        assert size == len(content) + bare
        assert internal_date == int(received.timestamp())


def fetch(imap: IMAP4) -> tuple[int, int, bytes]:
    """RFC822.SIZE, INTERNALDATE and the body of the first mail."""
    _, [(head, body), *_] = imap.fetch("1", "(RFC822.SIZE INTERNALDATE BODY.PEEK[])")  # type: ignore[misc]
    size = re.search(rb"RFC822\.SIZE (\d+)", head)
    date = Internaldate2tuple(head)
    assert size
    assert date
    return int(size[1]), int(mktime(date)), body


def test_mail_of_an_ordinary_client(world: World) -> None:
    """DATA, dot-stuffing and all: what smtplib makes of a text, SMTP's line ends included."""
    address = world.mailbox()
    with smtplib.SMTP("127.0.0.1", world.settings.smtp_port) as smtp:
        smtp.sendmail("erika@example.org", [address], "Subject: hi\n\n.\n..\n.dotted\nlast line without newline")
    world.idle()
    [copy] = world.copies(address)
    _, rest = split(copy.read_bytes())
    assert rest.endswith(b"\r\nSubject: hi\r\n\r\n.\r\n..\r\n.dotted\r\nlast line without newline\r\n")


def test_data_with_bare_line_ends_and_long_lines(world: World) -> None:
    """DATA typed manually: only CRLF ends a line, so only after CRLF does a dot have to go (RFC 5321, 4.5.2)."""
    address = world.mailbox()
    message = b"Subject: raw\r\n\r\nlone\n.dot\rCR\r.dot\0" + b"z" * 100_000 + b"\n.\nnot the end\r\n"
    with socket.create_connection(("127.0.0.1", world.settings.smtp_port), timeout=30) as connection:
        answers = connection.makefile("rb")
        assert answers.readline().startswith(b"220")
        for command in (b"HELO me", b"MAIL FROM:<a@example.org>", b"RCPT TO:<" + address.encode() + b">", b"DATA"):
            connection.sendall(command + b"\r\n")
            assert answers.readline()[:3] in (b"250", b"354")
        connection.sendall(message.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert answers.readline().startswith(b"250 OK ")
    world.idle()
    [copy] = world.copies(address)
    assert split(copy.read_bytes())[1].endswith(b"d=amazonses.com; v=1;\r\n" + message)


def test_bounce_with_empty_sender(world: World) -> None:
    address = world.mailbox()
    with smtplib.SMTP("127.0.0.1", world.settings.smtp_port) as smtp:
        smtp.sendmail("", [address], b"Subject: it failed\r\n\r\n")
    world.idle()
    [copy] = world.copies(address)
    assert b"\r\nReturn-Path: <>\r\n" in b"\r\n" + split(copy.read_bytes())[1]


def test_one_copy_per_mailbox_however_many_recipients_lead_there(world: World) -> None:
    address = world.mailbox("tag")
    local_part = address.partition("@")[0]
    tagged = f"{local_part}+lists@example.com"
    _, rows = world.deliver(b"Subject: twice\r\n\r\n", address, tagged)
    assert {row.recipient: row.outcome for row in rows} == {address: "DELIVERED", tagged: "DELIVERED"}
    [copy] = world.copies(address)
    assert split(copy.read_bytes())[0][:1] == [f"Delivered-To: {address}".encode()]


def test_unknown_recipient_is_on_record_and_the_other_gets_the_mail(world: World) -> None:
    address = world.mailbox()
    sent, rows = world.deliver(b"Subject: half\r\n\r\n", address, "nobody.here@example.com")
    assert [(row.recipient, row.outcome) for row in rows] == [
        (address, "DELIVERED"),
        ("nobody.here@example.com", "REJECTED"),
    ]
    assert len(world.copies(address)) == 1
    world.idle()
    assert {record["status"] for record in world.records(sent.message_id or "")} == {"DELIVERED", "REJECTED"}


def test_mail_of_the_size_that_ses_takes(world: World) -> None:
    """40 MB, with the workflow's real timeouts."""
    address = world.mailbox()
    content = b"Subject: large\r\n\r\n" + (b"0123456789abcdef" * 64 + b"\r\n") * (39 * 1024)
    assert len(content) > 38 * 1024 * 1024
    sent, [row] = world.deliver(content, address)
    assert row.outcome == "DELIVERED"
    [copy] = world.copies(address)
    assert split(copy.read_bytes())[1] == stored(world, sent.message_id or "")


def test_received_time_is_now(world: World) -> None:
    before = datetime.now(UTC)
    sent, _ = world.deliver(b"Subject: now\r\n\r\n", world.mailbox())
    [record] = world.records(sent.message_id or "")
    assert before.timestamp() - 1 <= datetime.fromisoformat(record["received_at"]).timestamp()
    assert datetime.fromisoformat(record["received_at"]) <= datetime.now(UTC)
