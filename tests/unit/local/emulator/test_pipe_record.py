"""The pipe's part that needs no AWS: the record that it hands over."""

import pytest

from mailroomctl.local.emulator.pipe_runner import _filled_in, record


def test_a_record_is_what_a_pipe_hands_over() -> None:
    message = {
        "MessageId": "1",
        "ReceiptHandle": "handle",
        "Body": "body",
        "MD5OfBody": "md5",
        "Attributes": {"ApproximateReceiveCount": "2"},
        "MessageAttributes": {"kind": {"StringValue": "mail", "DataType": "String"}},
    }
    assert record(message, "arn:aws:sqs:us-east-1:1:q", "us-east-1") == {
        "messageId": "1",
        "receiptHandle": "handle",
        "body": "body",
        "attributes": {"ApproximateReceiveCount": "2"},
        "messageAttributes": {"kind": {"stringValue": "mail", "dataType": "String"}},
        "md5OfBody": "md5",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:1:q",
        "awsRegion": "us-east-1",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"SqsQueueParameters": {"BatchSize": 1}}, {"SqsQueueParameters": {"BatchSize": 1}}),
        ({"SqsQueueParameters": {"BatchSize": {"Ref": "Size"}}}, {"SqsQueueParameters": {"BatchSize": "5"}}),
    ],
)
def test_template_parameters_are_filled_in(given: object, expected: object) -> None:
    assert _filled_in(given, {"Size": "5"}) == expected
