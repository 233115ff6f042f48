"""The pipe keeps what an EventBridge pipe promises."""

import time

import pytest

from mailroomctl.local.emulator.pipe_runner import Pipe
from mailroomctl.local.send import send
from tests.e2e.world import World, until

MAIL = b"Subject: piped\r\n\r\n"


def test_it_is_the_deployed_pipe(world: World) -> None:
    pipe = Pipe.deployed(world.settings)
    assert pipe.name == world.outputs["PipeName"]
    assert pipe.source_url == world.outputs["InboundQueueUrl"]
    assert pipe.target_arn == world.outputs["DeliverMailArn"]
    assert pipe.batch_size == 1


def test_a_stopped_pipe_leaves_the_mail_in_the_queue(world: World) -> None:
    address = world.mailbox()
    world.idle()
    world.stop_pipe()
    try:
        send(world.settings, "", [address], MAIL)
        until(lambda: world.depth("Inbound") == (1, 0))
        time.sleep(1.2)  # twice the time after which a stopped pipe is looked at again
        assert world.depth("Inbound") == (1, 0)
        assert world.copies(address) == []
    finally:
        world.start_pipe()
    until(lambda: world.copies(address))
    world.idle()


def test_messages_are_handled_at_the_same_time(world: World) -> None:
    """A dozen messages at the same time: each arrives, and arrives once."""
    mailboxes = [world.mailbox() for _ in range(12)]
    for address in mailboxes:
        send(world.settings, "", [address], MAIL)
    began = time.monotonic()
    until(lambda: all(world.copies(address) for address in mailboxes))
    world.idle()
    assert time.monotonic() - began < 60
    assert [len(world.copies(address)) for address in mailboxes] == [1] * 12


@pytest.fixture(autouse=True)
def _nothing_given_up(world: World) -> None:
    assert world.take("DeadLetter") == []
