"""How old the oldest message of a queue is, and how many days are left before it expires."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mailroomctl.stack import Stack

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Oldest:
    """The oldest message of a queue: its age in seconds at least, and the days that it has left at most."""

    seconds: float
    days_left: float


def oldest(stack: Stack, queue: str) -> Oldest | None:
    """Return what is known of a queue's oldest message; None when no message's age is known.

    CloudWatch knows the age of the oldest message, with two exceptions: it leaves out messages that were received three
    times, and counts a dead letter from its move, though it expires by its first day. So the dead letters and parked
    events themselves are asked as well, ten of them; the inbound queue is not, where a look would count as a receive.
    """
    url = stack.output(f"{queue}QueueUrl")
    ages = [age_of_oldest(stack, queue)]
    if queue != "Inbound":
        ages.append(_of_some(stack.sqs, url))
    known = [age for age in ages if age is not None]
    if not known:
        return None
    attributes = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MessageRetentionPeriod"])["Attributes"]
    retention = int(attributes["MessageRetentionPeriod"])
    return Oldest(max(known), max(0.0, (retention - max(known)) / DAY))


def age_of_oldest(stack: Stack, queue: str) -> float | None:
    """Return the seconds since the oldest message came, as CloudWatch knows it; None when it knows of none."""
    name = stack.output(f"{queue}QueueUrl").rpartition("/")[2]
    now = datetime.now(UTC)
    points: list[dict[str, Any]] = stack.cloudwatch.get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": name}],
        StartTime=now - timedelta(minutes=15),
        EndTime=now,
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]
    # Zero is what SQS says of an empty queue.
    return max(points, key=lambda point: point["Timestamp"])["Maximum"] or None if points else None


def _of_some(sqs: Any, url: str) -> float | None:
    """The age of the oldest of ten messages, which stay visible to everybody."""
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageSystemAttributeNames=["SentTimestamp"]
    )
    sent = [int(message["Attributes"]["SentTimestamp"]) / 1000 for message in answer.get("Messages", [])]
    return time.time() - min(sent) if sent else None
