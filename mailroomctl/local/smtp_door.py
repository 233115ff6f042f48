"""The SMTP door: does what SES does with a received mail.

It takes mail for the domains in the directory, puts the header lines in front that SES puts there, stores the object in
the mail bucket and publishes SES's notification to the topic. The message's bytes stay as they are; ``BDAT`` (RFC 3030)
carries what ``DATA`` cannot, such as a mail without a final newline. The extension ``XSES`` says what SES would have
found: ``XSES spam=FAIL notifications=2`` before ``MAIL``, for the next message.

Run as ``python -m mailroomctl.local.smtp_door STATE_FOLDER`` by ``processes.start``.
Delete this module when the emulator's SES receives mail by SMTP and runs receipt rules.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import logging
import re
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.utils import format_datetime, getaddresses
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from mailroom.domain_names import normalise_domain
from mailroom.errors import InvalidAddress

from mailroomctl.local import processes
from mailroomctl.local.findings import VERDICTS, checked_findings
from mailroomctl.local.settings import LocalError, Settings

log = logging.getLogger("smtp_door")

#: SES's limit for a received mail.
SIZE_LIMIT = 40 * 1024 * 1024
#: Seconds for which the directory's domains are remembered.
DOMAINS_FOR = 2.0
#: SES puts at most 10 KB of headers into a notification.
HEADERS_LIMIT = 10 * 1024


class Door(SMTP):
    """One SMTP session: aiosmtpd's, with BDAT, BODY=BINARYMIME, XSES and no limit on a line's length."""

    line_length_limit = SIZE_LIMIT + 2

    def __init__(self, receiving: Receiving) -> None:
        super().__init__(
            receiving,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="mailroom.local",
            ident="Mailroom SMTP door",
            loop=asyncio.get_running_loop(),
        )
        self.found: dict[str, str] = {}
        self._chunks = bytearray()

    def _set_post_data_state(self) -> None:
        super()._set_post_data_state()  # type: ignore[no-untyped-call]
        self._chunks = bytearray()
        self.found = {}

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's naming
        await super().smtp_MAIL(re.sub(r"(?i)\bBODY=BINARYMIME\b", "BODY=8BITMIME", arg) if arg else arg)

    async def smtp_XSES(self, arg: str | None) -> None:  # noqa: N802
        """Take down what SES would have found in the next message."""
        try:
            self.found = checked_findings(dict(item.split("=", 1) for item in (arg or "").split()))
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
        outputs = settings.outputs()
        self._bucket = outputs["MailBucketName"]
        self._topic = outputs["NotificationTopicArn"]
        self._directory = outputs["DirectoryTableName"]
        self._prefix = _key_prefix(settings)
        # SES writes no S3 checksums.
        self._s3 = settings.client("s3", request_checksum_calculation="when_required")
        self._sns = settings.client("sns")
        self._dynamodb = settings.client("dynamodb")
        self._domains: set[str] = set()
        self._domains_until = 0.0

    async def handle_EHLO(  # noqa: N802
        self, server: Door, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Announce what the door can do beyond aiosmtpd."""
        session.host_name = hostname
        return [*responses[:-1], "250-CHUNKING", "250-BINARYMIME", "250-ENHANCEDSTATUSCODES", "250-XSES", responses[-1]]

    async def handle_RCPT(  # noqa: N802
        self, server: Door, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take recipients of the directory's domains only, known or not, as a receipt rule for a domain does."""
        try:
            known = await asyncio.to_thread(self._knows, address)
        except Exception:
            log.exception("cannot read the directory")
            return "451 4.3.0 The directory cannot be read, see the log"
        if not known:
            return "550 5.7.1 Relaying denied: no mailbox of this domain is in the directory"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Door, session: Session, envelope: Envelope) -> str:  # noqa: N802
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
        client = (str(session.host_name or "unknown"), str(session.peer[0]) if session.peer else "127.0.0.1")
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


def added_headers(
    message_id: str, sender: str, recipients: list[str], client: tuple[str, str], found: dict[str, str], now: datetime
) -> bytes:
    """The header lines that SES puts in front of a mail, in its order and with CRLF."""
    host, address = client
    domain = sender.rpartition("@")[2] or host
    spf, dkim, dmarc = (_result(found, name) for name in ("spf", "dkim", "dmarc"))
    origin = f"client-ip={address}; envelope-from={sender}; helo={host};"
    check = f"(spfCheck: the local SMTP door was told so for {domain})"
    opaque = secrets.token_urlsafe(96)
    lines = [
        f"Return-Path: <{sender}>",
        f"Received: from {host} ({host} [{address}])",
        f" by inbound-smtp.mailroom.local with SMTP id {message_id}",
        f" for {recipients[0]};",
        f" {format_datetime(now)} (UTC)",
        f"X-SES-Spam-Verdict: {found.get('spam', 'PASS')}",
        f"X-SES-Virus-Verdict: {found.get('virus', 'PASS')}",
        f"Received-SPF: {spf} {check} {origin}",
        "Authentication-Results: amazonses.com;",
        f" spf={spf} {check} {origin}",
        f" dkim={dkim} header.i=@{domain};",
        f" dmarc={dmarc} header.from={domain};",
        f"X-SES-RECEIPT: {opaque}",
        f"X-SES-DKIM-SIGNATURE: a=rsa-sha256; q=dns/txt; b={opaque[:64]}; c=relaxed/simple; d=amazonses.com; v=1;",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")


def notification(
    message_id: str,
    sender: str,
    recipients: list[str],
    stored: bytes,
    found: dict[str, str],
    now: datetime,
    action: dict[str, str],
) -> dict[str, Any]:
    """SES's notification of an S3 action, as captured from the real thing."""
    timestamp = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z"
    headers, truncated = _headers(stored)
    first: dict[str, str] = {}
    for header in headers:
        first.setdefault(header["name"].lower(), header["value"])
    common: dict[str, Any] = {"returnPath": sender}
    common |= {name: _addresses(first[name]) for name in ("from", "to", "cc") if name in first}
    common |= {name: first[name] for name in ("date", "subject") if name in first}
    if "message-id" in first:
        common["messageId"] = first["message-id"]
    receipt: dict[str, Any] = {"timestamp": timestamp, "processingTimeMillis": 500, "recipients": recipients}
    receipt |= {f"{name}Verdict": {"status": found.get(name, "PASS")} for name in VERDICTS}
    if found.get("dmarc") == "FAIL":
        receipt["dmarcPolicy"] = found.get("dmarc-policy", "none")
    mail = {
        "timestamp": timestamp,
        "source": sender,
        "messageId": message_id,
        "destination": [*common.get("to", []), *common.get("cc", [])],
        "headersTruncated": truncated,
        "headers": headers,
        "commonHeaders": common,
    }
    return {"notificationType": "Received", "mail": mail, "receipt": receipt | {"action": action}}


def _headers(stored: bytes) -> tuple[list[dict[str, str]], bool]:
    """The first headers of a mail, decoded as well as they can be, and whether some were left out."""
    head = re.split(rb"\r?\n\r?\n", stored[: 2 * HEADERS_LIMIT], maxsplit=1)[0]
    parsed = email.message_from_bytes(head, policy=email.policy.compat32)
    headers: list[dict[str, str]] = []
    size = 0
    for name, value in _pairs(parsed):
        size += len(name) + len(value)
        if size > HEADERS_LIMIT:
            return headers, True
        headers.append({"name": name, "value": value})
    return headers, len(head) >= 2 * HEADERS_LIMIT


def _pairs(parsed: Any) -> Iterator[tuple[str, str]]:
    for name, raw in parsed.items():
        value = re.sub(r"\r?\n(?=[ \t])", "", str(raw)).encode("utf-8", "replace").decode()
        with suppress(Exception):  # a broken encoded word stays as it is
            value = str(make_header(decode_header(value)))
        yield name.encode("utf-8", "replace").decode(), value


def _addresses(value: str) -> list[str]:
    return [f"{name} <{address}>" if name else address for name, address in getaddresses([value]) if address]


def _result(found: dict[str, str], name: str) -> str:
    return {"PASS": "pass", "FAIL": "fail", "GRAY": "softfail"}.get(found.get(name, "PASS"), "none")


def _domain(address: str) -> str:
    domain = address.rpartition("@")[2].lower()
    with suppress(InvalidAddress):
        return normalise_domain(domain)
    return domain


def _key_prefix(settings: Settings) -> str:
    """What the receipt rule would be given as key prefix: the stack's parameter."""
    stack = settings.client("cloudformation").describe_stacks(StackName=settings.stack_name)["Stacks"][0]
    values = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    return str(values.get("MailKeyPrefix", ""))


async def _serve(settings: Settings) -> None:
    receiving = Receiving(settings)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: Door(receiving), "127.0.0.1", settings.smtp_port)
    log.info("listening on 127.0.0.1:%d", settings.smtp_port)
    processes.say_ready(settings, "smtp_door")
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
    except LocalError as failure:
        sys.exit(str(failure))
