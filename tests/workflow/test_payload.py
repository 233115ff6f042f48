"""No state of the workflow can outgrow what Step Functions carries, whatever the directory and the envelope hold."""

import json
from itertools import zip_longest
from typing import Any

import pytest
from mailroom.resolve.mailboxes import Rules

from tests.fakes.dynamodb import FakeDynamoDB, directory, domain, group, mailbox
from tests.fakes.resolve_step import resolve_step
from tests.workflow.engines import Ministack
from tests.workflow.mail import NOW, functions, queued, ses_notification
from tests.workflow.script import Script, throws

MOST = 256 * 1024
FAN_OUT_LIMIT = 500


def largest_state(recipients: list[str], entries: list[dict[str, Any]]) -> int | None:
    """Run a mail through the real ResolveMailboxes; octets of the largest state, or None where the event is parked."""
    event = ses_notification()
    event["receipt"]["recipients"] = recipients
    stand_ins = functions(now=NOW, bounces=True)
    stand_ins["ResolveMailboxes"] = lambda state: resolve_step(
        state, directory(FakeDynamoDB(entries)), Rules(fan_out_limit=FAN_OUT_LIMIT)
    )
    # Of a new message there is no copy yet; the engine would look at all of its records for each recipient.
    stand_ins["LookForCopies"] = lambda query: {"Count": 0, "ScannedCount": 0}
    engine = Ministack("deliver_mail")
    run = engine.run(queued(event), Script({}, stand_ins))
    if run.path[-1] == "Parked":
        assert [message["error"] for message in engine.parked()] == ["FanOutLimitExceeded"]
        return None
    assert run.path[-1] == "Delivered"
    return max(run.largest, len(json.dumps(run.output).encode()), _raw_result_of_the_map(run.output))


def _raw_result_of_the_map(output: dict[str, Any]) -> int:
    """A Map's whole result passes through the engine before its ResultSelector makes it smaller."""
    outcomes, bounces = output["undelivered"]["outcomes"], output["undelivered"]["bounces"]
    pairs = zip_longest(outcomes, bounces)
    items = [{"status": one["status"], "outcome": one} | ({"bounce": two} if two else {}) for one, two in pairs]
    return max(len(json.dumps(items)), len(json.dumps(output["deliveries"]["outcomes"])))


def _addresses(length: int, count: int = FAN_OUT_LIMIT) -> list[str]:
    """Addresses of ``length`` characters, none of whose labels is longer than DNS allows."""
    domain = ".".join(["d" * 50] * 4 + ["example.com"])[-(length - 5) :].lstrip(".").rjust(length - 5, "e")
    return [f"{n:04}@{domain}" for n in range(count)]


def _group(names: list[str]) -> list[dict[str, Any]]:
    return [group("all@example.com", *names), *map(mailbox, names)]


def test_a_group_at_the_fan_out_limit() -> None:
    size = largest_state(["all@example.com"], _group(_addresses(40)))
    assert size is not None
    assert 60_000 < size < MOST


def test_long_addresses_are_parked_before_they_outgrow_the_state() -> None:
    sizes = [largest_state(["all@example.com"], _group(_addresses(length))) for length in (60, 90, 120, 200)]
    carried = [size for size in sizes if size is not None]
    assert carried
    assert max(carried) < MOST
    assert sizes[-1] is None


@pytest.mark.parametrize("known", [True, False])
def test_unknown_recipients_cannot_outgrow_the_state(known: bool) -> None:
    """Rejected in a domain that the directory knows, held in one that it does not: the real one gets its copy."""
    for length in (40, 75):
        strangers = _addresses(length)
        entries = [mailbox("bob@real.example"), domain("real.example")]
        entries += [domain(strangers[0].partition("@")[2])] if known else []
        size = largest_state(["bob@real.example", *strangers], entries)
        assert size is not None
        assert size < MOST


@pytest.mark.parametrize("cause", ["x" * 32_768, "short"])
def test_what_is_parked_fits_into_a_message(cause: str) -> None:
    """Step Functions cuts a cause at 32,768 characters."""
    event = ses_notification()
    event["receipt"]["recipients"] = _addresses(200)
    script = Script({"ResolveMailboxes": [throws("FanOutLimitExceeded", cause)]}, functions(now=NOW, bounces=True))
    engine = Ministack("deliver_mail")
    run = engine.run(queued(event), script)
    assert run.path[-1] == "Parked"
    [body] = engine.parked()
    assert body["cause"] == cause
    assert len(json.dumps(body).encode()) < MOST
