"""The embedded AWS logs executions as AWS does, so that the way of a message can be read from them."""

from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.web import execution_log
from tests.e2e.world import World


def test_an_execution_is_logged(world: World) -> None:
    bob, eve = world.mailbox("bob"), world.mailbox("eve")
    sent, _ = world.deliver(b"Subject: logged\r\n\r\n", bob, eve, "nobody-at-all@example.com")
    stack, message_id = world.settings.stack(), str(sent.message_id)
    [way] = execution_log.ways_of(stack, message_id, DeliveriesTable(stack).of_message(message_id))
    assert way.end == "succeeded"
    assert [visit.state for visit in way.visits] == [
        "ValidateEvent",
        "Mail?",
        "ResolveMailboxes",
        "DeliverToMailboxes",
        "RecordUndelivered",
        "AllCopiesSafe?",
        "Bounce?",
        "Delivered",
    ]
    for mailbox in (bob, eve):
        [item] = way.of(mailbox)
        states = [visit.state for visit in way.items[item]]
        assert states == ["ClaimDelivery", "Quarantine?", "WriteMailbox", "RecordDelivery", "DeliveryRecorded"]
        assert all(visit.seconds is not None for visit in way.items[item])
    [item] = way.of("nobody-at-all@example.com")
    assert way.items[item][-1].state == "RecipientUndelivered"
