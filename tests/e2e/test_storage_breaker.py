"""A storage outage on the running application: mail waits instead of failing, and is delivered when it is over."""

import json

from mailroomctl.local.send import send
from tests.e2e.world import World, until

ALARM = {"source": "aws.cloudwatch", "detail": {"state": {"value": "ALARM"}}}


def pipe_state(world: World) -> str:
    return str(world.client("pipes").describe_pipe(Name=world.outputs["PipeName"])["DesiredState"])


def test_the_storage_breaker_lets_mail_wait(world: World) -> None:
    address = world.mailbox()
    states = world.client("stepfunctions")
    breaker = world.physical_id("StorageBreaker")
    with world.without_mail_root():
        arn = states.start_execution(stateMachineArn=breaker, input=json.dumps(ALARM))["executionArn"]
        until(lambda: pipe_state(world) == "STOPPED")
        before = world.errors_logged("WriteMailbox", "StorageUnavailable")
        until(lambda: world.errors_logged("WriteMailbox", "StorageUnavailable") > before)  # a probe that failed
        sent = send(world.settings, "", [address], b"Subject: wait for me\r\n\r\n")
        assert sent.message_id
        assert pipe_state(world) == "STOPPED"
        assert world.depth("Inbound") == (1, 0)
        assert world.records(sent.message_id) == []
    until(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING")
    assert states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED"
    assert pipe_state(world) == "RUNNING"
    [copy] = until(lambda: world.copies(address))
    world.idle()
    [record] = world.records(sent.message_id)
    assert (record["status"], record["attempts"], record["file_name"]) == ("DELIVERED", "1", copy.name)
    assert not list(world.mail_root.glob(".mailroom-probe*"))
