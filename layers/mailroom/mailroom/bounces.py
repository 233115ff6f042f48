"""Whether a bounce would reach the person who sent a message, and start no loop.

Sources: RFC 3834 (automatic responses), RFC 5321 section 6.1 (never to an empty reverse-path). A forged sender must
not get a bounce for mail it never sent (backscatter), so SPF or DKIM must have passed, and DMARC must not have failed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_ROBOT = re.compile(
    r"(mailer[-_.]?daemon|postmaster|no[-_.]?reply|do[-_.]?not[-_.]?reply|bounces?|.*[-+=._]bounces?|bounces?[-+=._].*"
    r"|owner-.*|.*-request|.*-owner|listserv|majordomo)",
    re.IGNORECASE,
)
_LIST_HEADERS = frozenset({"list-id", "list-unsubscribe", "list-post", "x-loop"})
_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})


def why_not_bounce(mail: Mapping[str, Any], receipt: Mapping[str, Any]) -> str:
    """Say why the sender of this mail must not get a bounce; the empty text means that it may.

    ``mail`` and ``receipt`` are those of an SES notification. What the notification leaves open (headers missing or
    cut off, a verdict missing) counts against the bounce.
    """
    sender = mail.get("source")
    if not isinstance(sender, str) or sender.strip() in ("", "<>"):
        return "The envelope sender is empty."
    if _ROBOT.fullmatch(sender.rpartition("@")[0].strip('<" ')):
        return "The envelope sender is a robot."
    if _status(receipt, "dmarcVerdict") == "FAIL":
        return "DMARC failed: the sender may be forged."
    if "PASS" not in (_status(receipt, "spfVerdict"), _status(receipt, "dkimVerdict")):
        return "Neither SPF nor DKIM passed: the sender may be forged."
    headers = mail.get("headers")
    if not isinstance(headers, list) or mail.get("headersTruncated") not in (False, None):
        return "The notification does not show all headers."
    for name, value in _headers(headers):
        if name in _LIST_HEADERS:
            return "The mail comes from a mailing list."
        if name == "auto-submitted" and value != "no":
            return "The mail was sent automatically."
        if name == "precedence" and value in _BULK:
            return "The mail is bulk mail."
    return ""


def _status(receipt: Mapping[str, Any], name: str) -> str:
    verdict = receipt.get(name)
    status = verdict.get("status") if isinstance(verdict, Mapping) else None
    return status.upper() if isinstance(status, str) else ""


def _headers(headers: list[Any]) -> Iterator[tuple[str, str]]:
    for header in headers:
        if isinstance(header, Mapping):
            name, value = header.get("name"), header.get("value")
            if isinstance(name, str) and isinstance(value, str):
                # A parameter or comment may follow the keyword: "auto-replied; owner-email=…".
                yield name.strip().lower(), re.split(r"[;\s(]", value.strip().lower(), maxsplit=1)[0]
