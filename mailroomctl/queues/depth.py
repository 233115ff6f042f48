"""How many messages the stack's queues hold."""

from mailroomctl.stack import Stack

_OUTPUTS = {"inbound": "InboundQueueUrl", "dead-letter": "DeadLetterQueueUrl", "parked": "ParkedQueueUrl"}
QUEUES = {f"{name} queue": output for name, output in _OUTPUTS.items()}


def depth(stack: Stack, url: str) -> tuple[int, int]:
    """Return about how many messages of a queue are visible, and how many somebody works on."""
    answer = stack.sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return int(answer["ApproximateNumberOfMessages"]), int(answer["ApproximateNumberOfMessagesNotVisible"])
