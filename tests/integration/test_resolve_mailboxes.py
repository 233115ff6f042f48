"""The function ResolveMailboxes against DynamoDB's API, with entries that the commands have written."""

import json
from typing import Any

import pytest
from mailroom.errors import DirectoryUnavailable, FanOutLimitExceeded
from mailroom.observability import logger

from tests.integration.command_line import Operator
from tests.integration.handlers import fresh_worker, lambda_context


@pytest.fixture
def call(at: Operator, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The handler, as a fresh worker has it."""
    environment = {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "DIRECTORY_TABLE": "directory",
        "FAN_OUT_LIMIT": "150",
        "VERDICT_POLICY": "spam_fail=quarantine,junk_folder=Spam",
    }
    app = fresh_worker(monkeypatch, "resolve_mailboxes", environment)

    def resolve(*recipients: Any, **message: Any) -> Any:
        event = {"kind": "mail", "message": {"id": "m1", **message}, "recipients": list(recipients), "released": []}
        return app.handler(event, lambda_context())

    resolve.directory = app.directory  # type: ignore[attr-defined]
    return resolve


def test_what_the_commands_write_the_function_reads(at: Operator, call: Any) -> None:
    for line in (
        "mailbox add bob@example.com --path old/bob --subaddress-folders --policy spam_gray=junk",
        "mailbox add eve@example.com --disabled",
        "domain add example.com --separators -",
        "domain add bücher.example --alias-of example.com",
        "alias add info@example.com bob@example.com",
        "group add-member all@example.com info@example.com eve@example.com",
        "catch-all set example.com info@example.com",
    ):
        at.run(line)
    recipients = ("bob-lists@bücher.example", "all@example.com", "nobody@example.com", "eve@example.com", "x@y", '"')
    result = call(*recipients, verdicts={"spam": "GRAY"})
    assert result["deliveries"] == [
        {
            "mailbox": "bob@example.com",
            "address": "bob@example.com",
            "path": "old/bob",
            "folder": "Spam",
            "recipients": ["bob-lists@xn--bcher-kva.example", "all@example.com", "nobody@example.com"],
            "action": "deliver",
            "verdict": "spam=GRAY; policy=junk",
            "optional_folder": False,
            "findings": [{"S": "spam=GRAY"}],
            "mailbox_number": 89_389,
        }
    ]
    assert [(one["recipient"], one["status"], one["entry"], one["code"]) for one in result["undelivered"]] == [
        ('"', "REJECTED", "", "5.1.3"),
        ("eve@example.com", "REJECTED", "", "5.2.1"),
        ("x@y", "HELD", "@y", "5.1.2"),
    ]
    [delivery] = call("bob-lists@example.com")["deliveries"]
    assert (delivery["folder"], delivery["optional_folder"]) == ("lists", True)
    [delivery] = call("bob@example.com", verdicts={"spam": "FAIL"})["deliveries"]
    assert (delivery["action"], delivery["verdict"]) == ("quarantine", "spam=FAIL; policy=quarantine")


def test_many_recipients(at: Operator, call: Any) -> None:
    names = [f"m{n}@example.com" for n in range(140)]
    at.put(*({"address": name, "type": "mailbox"} for name in names))
    at.put({"address": "all@example.com", "type": "group", "targets": names})
    assert len(call("all@example.com")["deliveries"]) == 140
    assert call.directory.calls == 3
    assert len(call(*names[:100])["deliveries"]) == 100
    assert call.directory.calls == 3, "the cache has them"
    at.put({"address": "more@example.com", "type": "group", "targets": [f"n{n}@example.com" for n in range(151)]})
    at.put(*({"address": f"n{n}@example.com", "type": "mailbox"} for n in range(151)))
    with pytest.raises(FanOutLimitExceeded):
        call("more@example.com")


def test_mail_in_the_seconds_after_a_command_arrives(at: Operator, call: Any) -> None:
    at.run("mailbox add bob@example.com")
    assert [one["code"] for one in call("eve@example.com", "x@new.example")["undelivered"]] == ["5.1.1", "5.1.2"]
    at.run("mailbox add eve@example.com")
    at.run("catch-all set new.example bob@example.com")
    result = call("eve@example.com", "x@new.example")
    assert [one["mailbox"] for one in result["deliveries"]] == ["eve@example.com", "bob@example.com"]
    at.run("mailbox disable eve@example.com")
    at.run("mailbox enable bob@example.com")
    assert call("eve@example.com")["undelivered"] == [], "a yes may be as old as the cache allows"


def test_outcomes_and_the_work_of_the_directory_are_measured(
    at: Operator, call: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    at.run("mailbox add bob@example.com")

    def measured(*recipients: str, **verdicts: str) -> dict[str, float]:
        capsys.readouterr()
        call(*recipients, verdicts=verdicts)
        lines = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "_aws" in line]
        assert all(line["correlation_id"] == "m1" for line in lines)
        found: dict[str, float] = {}
        for line in lines:
            for directive in line["_aws"]["CloudWatchMetrics"]:
                for metric in directive["Metrics"]:
                    outcome = [line[key] for key in directive["Dimensions"][0] if key == "Outcome"]
                    found[" ".join([metric["Name"], *outcome])] = line[metric["Name"]]
        return found

    first = measured("bob@example.com")
    assert first.pop("DirectoryTime") > 0
    assert (first["KeysRemembered"], first["KeysRead"] > 0) == (0, True)
    assert set(first) == {"KeysRemembered", "KeysRead"}
    again = measured("bob@example.com")
    assert again == {"KeysRemembered": again["KeysRemembered"], "KeysRead": 0}
    assert again["KeysRemembered"] > 0
    outcomes = measured("nobody@example.com", "x@unknown.example", "y@unknown.example", "bob@example.com", spam="FAIL")
    assert outcomes["Recipients REJECTED"] == 1
    assert outcomes["Recipients HELD"] == 2
    assert outcomes["Copies QUARANTINED"] == 1


def test_no_domain_is_known_until_the_directory_names_one(at: Operator, call: Any) -> None:
    assert [one["status"] for one in call("bob@example.com")["undelivered"]] == ["HELD"]
    at.put({"address": "ann@example.org", "type": "mailbox"})
    call.directory._any_domain_until = 0
    assert [one["status"] for one in call("bob@example.com")["undelivered"]] == ["REJECTED"]
    at.run("mailbox add eve@example.com")
    call("eve@example.com")
    statuses = {one["recipient"]: one["status"] for one in call("bob@example.com", "bob@example.org")["undelivered"]}
    assert statuses == {"bob@example.com": "REJECTED", "bob@example.org": "HELD"}


def test_the_envelope_goes_on_as_outcomes_name_it(call: Any) -> None:
    """Each once and none empty: the workflow puts it into a set of texts."""
    resolved = call("Bob@EXAMPLE.com", "bob@example.com", "", "\u0000x")
    assert resolved["recipients"] == ["bob@example.com", "(empty)", "\\x00x"]
    assert {one["recipient"] for one in resolved["undelivered"]} == set(resolved["recipients"])


def test_a_state_of_an_earlier_version_gets_its_month(call: Any) -> None:
    assert call("bob@example.com", received_at="2026-11-24T02:47:00.123Z")["message"]["month"] == "2026-11#0"


def test_how_the_directory_is_read_and_remembered_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "DIRECTORY_TABLE": "directory",
        "CACHE_SECONDS": "0",
        "CACHE_NEGATIVE_SECONDS": "7",
        "CACHE_ENTRIES": "0",
        "DIRECTORY_ATTEMPTS": "3",
        "DIRECTORY_WAIT_MILLISECONDS": "20",
        "DIRECTORY_CONNECT_SECONDS": "4",
        "DIRECTORY_READ_SECONDS": "5",
        "SDK_ATTEMPTS": "1",
    }
    made: list[dict[str, Any]] = []
    monkeypatch.setattr("mailroom.resolve.directory.Directory", lambda *_, **named: made.append(named))
    config = fresh_worker(monkeypatch, "resolve_mailboxes", environment).client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (4, 5)
    assert config.retries["total_max_attempts"] == 1
    assert made == [
        {
            "cache_seconds": 0,
            "cache_negative_seconds": 7,
            "cache_entries": 0,
            "attempts": 3,
            "wait_seconds": 0.02,
        }
    ]


def test_only_debug_names_a_mailbox(at: Operator, call: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at.run("mailbox add bob@example.com")
    capsys.readouterr()
    call("bob@example.com")
    assert "bob@" not in capsys.readouterr().out
    level = logger.log_level
    logger.setLevel("DEBUG")
    try:
        call("bob@example.com")
    finally:
        logger.setLevel(level)
    assert '"mailboxes":{"bob@example.com":"example.com/bob/Maildir"}' in capsys.readouterr().out


def test_no_table(at: Operator, call: Any) -> None:
    at.dynamodb.Table("directory").delete()
    with pytest.raises(DirectoryUnavailable, match="ResourceNotFoundException"):
        call("bob@example.com")
