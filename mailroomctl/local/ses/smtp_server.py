"""The SMTP server: does what SES does with a received mail.

It takes mail for the domains in the directory, puts the header lines in front that SES puts there, stores the object in
the mail bucket and publishes SES's notification to the topic. The message's bytes stay as they are; ``BDAT`` (RFC 3030)
carries what ``DATA`` cannot, such as a mail without a final newline. The extension ``XSES`` says what SES would have
found: ``XSES spam=FAIL notifications=2`` before ``MAIL``, for the next message.

Run as ``python -m mailroomctl.local.ses.smtp_server STATE_FOLDER`` by ``processes.start``.
Delete this package when the emulator's SES receives mail by SMTP and runs receipt rules.
"""

import asyncio
import json
import logging
import re
import secrets
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from mailroom.domain_names import normalise_domain
from mailroom.errors import InvalidAddress

from mailroomctl.errors import CommandError
from mailroomctl.local import processes
from mailroomctl.local.ses.findings import parse_findings
from mailroomctl.local.ses.received_mail import added_headers, notification
from mailroomctl.local.settings import Settings

log = logging.getLogger("smtp_server")

#: SES's limit for a received mail.
SIZE_LIMIT = 40 * 1024 * 1024
#: Seconds for which the directory's domains are remembered.
DOMAINS_FOR = 2.0


class Server(SMTP):
    """One SMTP session: aiosmtpd's, with BDAT, BODY=BINARYMIME, XSES and no limit on a line's length."""

    line_length_limit = SIZE_LIMIT + 2

    def __init__(self, receiving: "Receiving") -> None:
        """Begin a session whose messages go to ``receiving``."""
        super().__init__(
            receiving,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="mailroom.local",
            ident="Mailroom SMTP server",
            loop=asyncio.get_running_loop(),
        )
        self.found: dict[str, str] = {}
        self._chunks = bytearray()

    def _set_post_data_state(self) -> None:
        super()._set_post_data_state()  # type: ignore[no-untyped-call]
        self._chunks = bytearray()
        self.found = {}

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's naming
        """Begin a message; BINARYMIME (RFC 3030) changes nothing for us."""
        await super().smtp_MAIL(re.sub(r"(?i)\bBODY=BINARYMIME\b", "BODY=8BITMIME", arg) if arg else arg)

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        """Take the message, unless a part of it has come by BDAT already."""
        if self._chunks:
            await self.push("503 5.5.1 Error: DATA and BDAT do not mix")
            return
        await super().smtp_DATA(arg)

    async def smtp_XSES(self, arg: str | None) -> None:  # noqa: N802
        """Take down what SES would have found in the next message."""
        try:
            self.found = parse_findings(arg or "")
        except ValueError as error:
            await self.push(f"501 5.5.4 {error}")
            return
        await self.push("250 2.0.0 OK")

    async def smtp_BDAT(self, arg: str | None) -> None:  # noqa: N802
        """Take a chunk of the message as it is (RFC 3030)."""
        match = re.fullmatch(r"(\d{1,10})( +LAST)?", (arg or "").strip(), re.IGNORECASE)
        if not match:
            await self.push("501 5.5.4 Syntax: BDAT size [LAST]")
            return
        size, last = int(match[1]), bool(match[2])
        envelope = self.envelope
        assert envelope is not None
        # RFC 3030, 2: the octets follow whatever the answer is.
        too_much = len(self._chunks) + size > SIZE_LIMIT
        await self._take(size, keep=not too_much and bool(envelope.rcpt_tos))
        if not envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
        elif too_much:
            self._set_post_data_state()
            await self.push("552 5.3.4 Error: Too much mail data")
        elif not last:
            await self.push(f"250 2.0.0 {size} octets received")
        else:
            envelope.content = envelope.original_content = bytes(self._chunks)
            status = await self._call_handler_hook("DATA")
            self._set_post_data_state()
            await self.push(status)

    async def _take(self, size: int, *, keep: bool) -> None:
        while size:
            piece = await self._reader.read(min(size, 1 << 20))
            if not piece:
                raise ConnectionResetError
            size -= len(piece)
            if keep:
                self._chunks += piece


class Receiving:
    """What SES's receipt rule with an S3 action does."""

    def __init__(self, settings: Settings) -> None:
        """Find the stack's bucket, topic and directory."""
        stack = settings.stack()
        self._bucket = stack.output("MailBucketName")
        self._topic = stack.output("NotificationTopicArn")
        self._directory = stack.output("DirectoryTableName")
        # What the receipt rule would be given as its key prefix.
        self._prefix = stack.parameter("MailKeyPrefix", "")
        # SES writes no S3 checksums.
        self._s3 = settings.client("s3", request_checksum_calculation="when_required")
        self._sns = settings.client("sns")
        self._dynamodb = settings.client("dynamodb")
        self._domains: set[str] = set()
        self._domains_until = 0.0

    async def handle_EHLO(  # noqa: N802
        self, server: Server, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Announce what the server can do beyond aiosmtpd."""
        session.host_name = hostname
        return [*responses[:-1], "250-CHUNKING", "250-BINARYMIME", "250-ENHANCEDSTATUSCODES", "250-XSES", responses[-1]]

    async def handle_MAIL(  # noqa: N802
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take any sender that is text."""
        if not address.isprintable():
            return "553 5.1.7 That is not an address"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take recipients of the directory's domains only, known or not, as a receipt rule for a domain does."""
        if not address.isprintable():
            return "553 5.1.3 That is not an address"
        try:
            known = await asyncio.to_thread(self._knows, address)
        except Exception:
            log.exception("cannot read the directory")
            return "451 4.3.0 The directory cannot be read, see the log"
        if not known:
            return "550 5.7.1 Relaying denied: no mailbox of this domain is in the directory"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Store the mail and publish its notification; the answer ends with the SES message id, as SES's does."""
        sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
        content = envelope.original_content or b""
        try:
            message_id = await asyncio.to_thread(
                self._receive, sender, envelope.rcpt_tos, content, session, dict(server.found)
            )
        except Exception:
            log.exception("cannot store or publish")
            return "451 4.3.0 The mail cannot be stored, see the log"
        return f"250 OK {message_id}"

    def _receive(
        self, sender: str, recipients: list[str], content: bytes, session: Session, found: dict[str, str]
    ) -> str:
        message_id = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(40))
        key = f"{self._prefix}{message_id}"
        now = datetime.now(UTC)
        host = re.sub(r"[^A-Za-z0-9.:\[\]_-]", "?", str(session.host_name or "unknown"))
        client = (host, str(session.peer[0]) if session.peer else "127.0.0.1")
        stored = added_headers(message_id, sender, recipients, client, found, now) + content
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=stored)
        action = {"type": "S3", "topicArn": self._topic, "bucketName": self._bucket}
        action |= {"objectKeyPrefix": self._prefix, "objectKey": key}
        text = json.dumps(notification(message_id, sender, recipients, stored, found, now, action))
        for _ in range(int(found.get("notifications", 1))):
            self._sns.publish(TopicArn=self._topic, Subject="Amazon SES Email Receipt Notification", Message=text)
        log.info("%s: %d bytes for %d recipients", message_id, len(content), len(recipients))
        return message_id

    def _knows(self, address: str) -> bool:
        """Whether the directory has the domain; what it had a moment ago is remembered, what it had not is not."""
        domain = _domain(address)
        if domain not in self._domains or time.monotonic() > self._domains_until:
            pages = self._dynamodb.get_paginator("scan").paginate(
                TableName=self._directory, ProjectionExpression="address"
            )
            self._domains = {_domain(item["address"]["S"]) for page in pages for item in page["Items"]}
            self._domains_until = time.monotonic() + DOMAINS_FOR
        return domain in self._domains


def _domain(address: str) -> str:
    domain = address.rpartition("@")[2].lower()
    with suppress(InvalidAddress):
        return normalise_domain(domain)
    return domain


async def _serve(settings: Settings) -> None:
    receiving = Receiving(settings)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: Server(receiving), "127.0.0.1", settings.smtp_port)
    log.info("listening on 127.0.0.1:%d", settings.smtp_port)
    processes.say_ready(settings, "smtp_server")
    await stop.wait()
    server.close()


def main(state: str) -> None:
    """Serve until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's, with addresses in it
    asyncio.run(_serve(Settings.load(Path(state))))


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except CommandError as failure:
        sys.exit(str(failure))
