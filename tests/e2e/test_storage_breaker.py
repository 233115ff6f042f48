"""A storage outage on the running application: mail waits instead of failing, and is delivered when it is over."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from mailroomctl.local.send import send
from mailroomctl.main import app
from mailroomctl.queues import pipe as pipe_commands
from tests.e2e.world import World, until

ALARM = {"source": "aws.cloudwatch", "detail": {"state": {"value": "ALARM"}}}


def pipe(world: World) -> dict[str, Any]:
    return dict(world.client("pipes").describe_pipe(Name=world.outputs["PipeName"]))


def begin(world: World) -> str:
    """Start the breaker, as the rule on its alarms does."""
    started = world.client("stepfunctions").start_execution(
        stateMachineArn=world.physical_id("StorageBreaker"), input=json.dumps(ALARM)
    )
    return str(started["executionArn"])


def entered(world: World, arn: str) -> list[str]:
    """The states that an execution has entered so far."""
    events = world.client("stepfunctions").get_execution_history(executionArn=arn)["events"]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]


def test_the_storage_breaker_lets_mail_wait(world: World) -> None:
    address = world.mailbox()
    with world.without_mail_root():
        arn = begin(world)
        until(lambda: pipe(world)["DesiredState"] == "STOPPED")
        before = world.errors_logged("WriteMailbox", "StorageUnavailable")
        until(lambda: world.errors_logged("WriteMailbox", "StorageUnavailable") > before)  # a probe that failed
        world.pipe_rests()
        sent = send(world.settings, "", [address], b"Subject: wait for me\r\n\r\n")
        assert sent.message_id
        assert pipe(world)["DesiredState"] == "STOPPED"
        assert pipe(world)["Tags"]["BreakerStop"].endswith(f" {arn.rpartition(':')[2]}")
        assert world.depth("Inbound") == (1, 0)
        assert world.records(sent.message_id) == []
    [copy] = until(lambda: world.copies(address))
    world.idle()
    [record] = world.records(sent.message_id)
    assert (record["status"], record["attempts"], record["file_name"]) == ("DELIVERED", "1", copy.name)
    assert not list(world.mail_root.glob(".mailroom-probe*"))
    until(lambda: "Watch" in entered(world, arn))
    assert "BreakerStop" not in pipe(world)["Tags"]
    # It would watch for a quarter of an hour.
    world.client("stepfunctions").stop_execution(executionArn=arn)


@pytest.mark.usefixtures("as_operator")
def test_an_operator_s_stop_holds_against_the_breaker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe_commands, "QUIET", 2.0)
    monkeypatch.setattr(pipe_commands, "POLL", 0.2)
    address = world.mailbox()
    world.idle()
    with world.without_mail_root():
        arn = begin(world)
        until(lambda: pipe(world)["DesiredState"] == "STOPPED")
        assert CliRunner().invoke(app, ["pipe", "stop"]).exit_code == 0
        sent = send(world.settings, "", [address], b"Subject: wait for the operator\r\n\r\n")
        assert sent.message_id
    states = world.client("stepfunctions")
    until(lambda: states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
    assert entered(world, arn)[-2:] == ["Ours?", "NotOurs"]
    assert world.records(sent.message_id) == []
    assert "by an operator since" in CliRunner().invoke(app, ["status"]).output
    assert CliRunner().invoke(app, ["pipe", "start"]).exit_code == 0
    until(lambda: world.copies(address))
    world.idle()
