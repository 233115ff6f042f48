"""How many messages the stack's queues hold."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

QUEUES = {"Inbound": "inbound queue", "DeadLetter": "dead-letter queue", "Parked": "parked queue"}
"""The stack's queues, as its outputs ``…QueueUrl`` call them, and as people do."""


def depth(sqs: "SQSClient", url: str) -> tuple[int, int]:
    """Return about how many messages of a queue are visible, and how many are in flight."""
    answer = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return int(answer["ApproximateNumberOfMessages"]), int(answer["ApproximateNumberOfMessagesNotVisible"])
