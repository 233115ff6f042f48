"""What SES puts in front of a mail, and what it notifies of it: for the SMTP server."""

import email
import email.policy
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from email.header import decode_header, make_header
from email.utils import format_datetime, getaddresses
from typing import Any

from mailroomctl.verdicts import CHECKS

#: SES puts at most 10 KB of headers into a notification.
HEADERS_LIMIT = 10 * 1024


def added_headers(
    message_id: str, sender: str, recipients: list[str], client: tuple[str, str], found: dict[str, str], now: datetime
) -> bytes:
    """The header lines that SES puts in front of a mail, in its order and with CRLF."""
    host, address = client
    domain = sender.rpartition("@")[2] or host
    spf, dkim, dmarc = (_result(found, name) for name in ("spf", "dkim", "dmarc"))
    origin = f"client-ip={address}; envelope-from={sender}; helo={host};"
    check = f"(spfCheck: the local SMTP server was told so for {domain})"
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
    receipt |= {f"{name}Verdict": {"status": found.get(name, "PASS")} for name in CHECKS}
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
