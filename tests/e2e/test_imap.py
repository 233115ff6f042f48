"""What a user's mail client does with a mailbox that Mailroom delivers into."""

from uuid import uuid4

from tests.e2e.dovecot import Dovecot
from tests.e2e.world import World, until

MAIL = b"Subject: for a mail client\r\n\r\n"


def test_new_mail_shows_in_an_open_session(world: World, dovecot: Dovecot) -> None:
    address = world.mailbox()
    world.deliver(MAIL, address)
    with dovecot.login(address) as imap:
        assert imap.select("INBOX") == ("OK", [b"1"])
        world.deliver(MAIL, address)
        dovecot.take_over()
        imap.noop()
        assert imap.search(None, "ALL") == ("OK", [b"1 2"])
        assert imap.search(None, "UNSEEN") == ("OK", [b"1 2"])


def test_mail_arrives_beside_what_the_user_has_kept_and_deleted(world: World, dovecot: Dovecot) -> None:
    address = world.mailbox()
    for _ in range(3):
        world.deliver(MAIL, address)
    with dovecot.login(address) as imap:
        imap.select("INBOX")
        imap.store("1", "+FLAGS", "(\\Flagged \\Seen)")
        imap.store("2", "+FLAGS", "\\Deleted")
        imap.expunge()
    world.deliver(MAIL, address)
    with dovecot.login(address) as imap:
        assert imap.select("INBOX") == ("OK", [b"3"])
        assert imap.search(None, "FLAGGED") == ("OK", [b"1"])


def test_a_copy_that_the_user_has_read_is_found_when_its_record_was_lost(world: World, dovecot: Dovecot) -> None:
    """The function wrote and then died: by the time SQS redelivers the message, Dovecot has moved the file."""
    address = world.mailbox()
    told = world.stored(uuid4().hex, MAIL)
    told["receipt"]["recipients"] = [address]
    assert world.execute(told)["status"] == "SUCCEEDED"
    with dovecot.login(address) as imap:
        imap.select("INBOX")
        imap.store("1", "+FLAGS", "\\Seen")
    assert world.copies(address) == []  # it is in cur/ now
    message_id = told["mail"]["messageId"]
    world.client("dynamodb").update_item(
        TableName=world.outputs["DeliveriesTableName"],
        Key={"message_id": {"S": message_id}, "mailbox": {"S": address}},
        UpdateExpression="SET #status = :claimed, lease_until = :past REMOVE file_name",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":claimed": {"S": "CLAIMED"}, ":past": {"N": "1"}},
    )
    world.publish(told)
    until(lambda: world.records(message_id)[0]["status"] == "DELIVERED")
    world.idle()
    assert world.copies(address) == []
    with dovecot.login(address) as imap:
        assert imap.select("INBOX") == ("OK", [b"1"])
