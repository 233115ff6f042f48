"""The SMTP server as a mail client sees it."""

import json
import smtplib
from collections.abc import Iterator

import pytest

from mailroomctl.local.ses.smtp_server import SIZE_LIMIT
from tests.e2e.world import World


@pytest.fixture
def smtp(world: World) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", world.settings.smtp_port, timeout=30) as session:
        session.ehlo("client.example")
        yield session


def test_it_says_what_it_can_do(smtp: smtplib.SMTP) -> None:
    wanted = {"size": str(SIZE_LIMIT), "8bitmime": "", "smtputf8": "", "chunking": "", "binarymime": "", "xses": ""}
    assert wanted.items() <= smtp.esmtp_features.items()


def test_it_takes_recipients_of_the_directory_s_domains_only(world: World, smtp: smtplib.SMTP) -> None:
    world.mailbox()
    smtp.mail("a@example.org")
    assert smtp.rcpt("not.there@EXAMPLE.com")[0] == 250  # a receipt rule is for a domain; the workflow rejects
    code, text = smtp.rcpt("bob@example.net")
    assert code == 550
    assert b"example.net" not in text
    assert smtp.rcpt("bob@sub.example.com")[0] == 550
    assert smtp.rcpt("postmaster")[0] == 550


def test_a_domain_in_unicode_is_the_same_domain(world: World, smtp: smtplib.SMTP) -> None:
    world.client("dynamodb").put_item(
        TableName=world.outputs["DirectoryTableName"],
        Item={"address": {"S": "info@xn--bcher-kva.example"}, "type": {"S": "mailbox"}, "enabled": {"BOOL": True}},
    )
    _, [row] = world.deliver(b"Subject: idna\r\n\r\n", "info@bücher.example")
    assert (row.recipient, row.outcome) == ("info@bücher.example", "DELIVERED")
    assert len(world.copies("info@xn--bcher-kva.example")) == 1


def test_too_large_is_refused_before_and_after_sending(world: World, smtp: smtplib.SMTP) -> None:
    address = world.mailbox()
    assert smtp.mail("a@example.org", [f"SIZE={SIZE_LIMIT + 1}"])[0] == 552
    smtp.mail("a@example.org", ["BODY=BINARYMIME"])
    smtp.rcpt(address)
    smtp.putcmd(f"BDAT {SIZE_LIMIT + 1} LAST")
    smtp.send(bytes(SIZE_LIMIT + 1))
    assert smtp.getreply()[0] == 552
    assert smtp.noop()[0] == 250
    world.idle()
    assert world.copies(address) == []


def test_bdat_takes_a_mail_in_chunks(world: World, smtp: smtplib.SMTP) -> None:
    address = world.mailbox()
    smtp.mail("a@example.org")
    smtp.rcpt(address)
    for chunk, last in ((b"Subject: chunks\r\n\r\n.\r\n", ""), (b"", ""), (b"end", " LAST")):
        smtp.putcmd(f"BDAT {len(chunk)}{last}")
        smtp.send(chunk)
        assert smtp.getreply()[0] == 250
    world.idle()
    [copy] = world.copies(address)
    assert copy.read_bytes().endswith(b"\r\nSubject: chunks\r\n\r\n.\r\nend")


def test_bdat_out_of_turn(smtp: smtplib.SMTP) -> None:
    smtp.putcmd("BDAT 5 LAST")
    smtp.send(b"QUIT\n")
    assert smtp.getreply()[0] == 503
    assert smtp.docmd("BDAT", "-1")[0] == 501
    assert smtp.noop()[0] == 250


def test_verdicts_are_told_for_one_message(world: World, smtp: smtplib.SMTP) -> None:
    address = world.mailbox()
    assert smtp.docmd("XSES", "spam=fail dmarc=FAIL dmarc-policy=reject")[0] == 250
    smtp.mail("a@example.org")
    smtp.rcpt(address)
    code, text = smtp.data(b"Subject: spam\r\n\r\n")
    assert code == 250
    message_id = text.split()[-1].decode()
    thing = world.client("s3").get_object(Bucket=world.outputs["MailBucketName"], Key=f"mail/{message_id}")
    assert b"\r\nX-SES-Spam-Verdict: FAIL\r\nX-SES-Virus-Verdict: PASS\r\n" in thing["Body"].read()
    smtp.mail("a@example.org")
    smtp.rcpt(address)
    code, text = smtp.data(b"Subject: ham\r\n\r\n")
    thing = world.client("s3").get_object(
        Bucket=world.outputs["MailBucketName"], Key=f"mail/{text.split()[-1].decode()}"
    )
    assert b"\r\nX-SES-Spam-Verdict: PASS\r\n" in thing["Body"].read()
    world.idle()


@pytest.mark.parametrize("wrong", ["spam=MAYBE", "taste=FAIL", "dmarc-policy=FAIL", "notifications=0", "spam"])
def test_verdicts_that_ses_does_not_have(smtp: smtplib.SMTP, wrong: str) -> None:
    assert smtp.docmd("XSES", wrong)[0] == 501


def test_the_notification_has_the_shape_that_ses_gives_it(world: World) -> None:
    """Taken at the end of the topic: a second subscription, as a test's own queue."""
    queue = world.client("sqs").create_queue(QueueName="witness")["QueueUrl"]
    arn = world.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    subscription = world.client("sns").subscribe(
        TopicArn=world.outputs["NotificationTopicArn"],
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true"},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    address = world.mailbox()
    mail = (
        b"From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\nTo: a@example.com,\r\n b@example.com\r\n"
        b"Subject: =?utf-8?q?h=C3=A9?=\r\nDate: today\r\nMessage-ID: <1@x>\r\n\r\n"
    )
    sent, _ = world.deliver(mail, address, virus="FAIL")
    world.client("sns").unsubscribe(SubscriptionArn=subscription)
    [message] = world.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    told = json.loads(message["Body"])
    bucket, topic = world.outputs["MailBucketName"], world.outputs["NotificationTopicArn"]
    assert told["notificationType"] == "Received"
    assert told["mail"]["messageId"] == sent.message_id
    assert told["mail"]["destination"] == ["a@example.com", "b@example.com"]
    assert told["mail"]["commonHeaders"] == {
        "returnPath": "sender@example.org",
        "from": ["Jörg <j@example.org>"],
        "to": ["a@example.com", "b@example.com"],
        "date": "today",
        "subject": "hé",
        "messageId": "<1@x>",
    }
    assert [header["name"] for header in told["mail"]["headers"]][:4] == [
        "Return-Path",
        "Received",
        "X-SES-Spam-Verdict",
        "X-SES-Virus-Verdict",
    ]
    assert told["receipt"]["recipients"] == [address]
    assert told["receipt"]["virusVerdict"] == {"status": "FAIL"}
    assert told["receipt"]["action"] == {
        "type": "S3",
        "topicArn": topic,
        "bucketName": bucket,
        "objectKeyPrefix": "mail/",
        "objectKey": f"mail/{sent.message_id}",
    }
