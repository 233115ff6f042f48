"""Who may get a bounce: a real sender, authenticated, whose mail was not itself automatic."""

from typing import Any

import pytest
from mailroom.bounces import why_not_bounce

SOURCE = "alice@sender.test"


def why(source: object = SOURCE, headers: object = (), truncated: object = False, **verdicts: str) -> str:
    mail: dict[str, Any] = {
        "source": source,
        "headersTruncated": truncated,
        "headers": [{"name": name, "value": value} for name, value in headers]
        if isinstance(headers, tuple)
        else headers,
    }
    statuses = {"spf": "PASS", "dkim": "PASS", "dmarc": "PASS"} | verdicts
    return why_not_bounce(mail, {f"{name}Verdict": {"status": status} for name, status in statuses.items()})


def test_a_person_may_get_a_bounce() -> None:
    assert why() == ""
    assert why(headers=(("Auto-Submitted", "no"), ("Precedence", "first-class"))) == ""


@pytest.mark.parametrize("source", ["", " ", "<>", None, 7])
def test_never_to_an_empty_sender(source: object) -> None:
    assert "empty" in why(source)


@pytest.mark.parametrize(
    "local_part",
    [
        "MAILER-DAEMON",
        "mailer_daemon",
        "postmaster",
        "noreply",
        "no-reply",
        "No.Reply",
        "do-not-reply",
        "donotreply",
        "bounce",
        "bounces+123=bob=example.com",
        "lists-bounces",
        "bounce-42",
        "owner-list",
        "list-request",
        "list-owner",
        '"no-reply"',
    ],
)
def test_never_to_a_robot(local_part: str) -> None:
    assert "robot" in why(f"{local_part}@sender.test")


@pytest.mark.parametrize("local_part", ["alice", "reply", "noreplyhere", "daemon", "bouncer", "request"])
def test_people_with_similar_names_are_people(local_part: str) -> None:
    assert why(f"{local_part}@sender.test") == ""


@pytest.mark.parametrize(
    ("verdicts", "allowed"),
    [
        ({"spf": "PASS", "dkim": "FAIL"}, True),
        ({"spf": "FAIL", "dkim": "PASS"}, True),
        ({"spf": "pass", "dkim": "GRAY"}, True),
        ({"spf": "FAIL", "dkim": "GRAY"}, False),
        ({"spf": "", "dkim": ""}, False),
        ({"dmarc": "FAIL"}, False),
        ({"dmarc": "GRAY"}, True),
        ({"dmarc": ""}, True),
    ],
)
def test_only_to_an_authenticated_sender(verdicts: dict[str, str], allowed: bool) -> None:
    assert (why(**verdicts) == "") == allowed


def test_without_verdicts_there_is_no_bounce() -> None:
    mail = {"source": SOURCE, "headers": []}
    assert "forged" in why_not_bounce(mail, {})
    assert "forged" in why_not_bounce(mail, {"spfVerdict": "PASS", "dkimVerdict": {"status": None}})


@pytest.mark.parametrize(
    "header",
    [
        ("Auto-Submitted", "auto-generated"),
        ("auto-submitted", "Auto-Replied; owner-email=x"),
        ("AUTO-SUBMITTED", " auto-notified (by cron)"),
        ("Precedence", "bulk"),
        ("Precedence", "LIST"),
        ("precedence", " junk "),
        ("List-Id", "<l.example>"),
        ("List-Unsubscribe", "<mailto:x@y.z>"),
    ],
)
def test_never_to_automatic_mail(header: tuple[str, str]) -> None:
    assert why(headers=(("Subject", "x"), header)) != ""


@pytest.mark.parametrize(("headers", "truncated"), [(None, False), ("text", False), ((), True), ((), "yes")])
def test_what_cannot_be_seen_counts_against_it(headers: object, truncated: object) -> None:
    assert "headers" in why(headers=headers, truncated=truncated)


def test_odd_headers_do_not_disturb() -> None:
    assert (
        why(headers=[None, {"name": 1, "value": "x"}, {"name": "List-Id"}, {"name": "Precedence", "value": ""}]) == ""
    )
