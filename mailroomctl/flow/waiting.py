"""What waits: the messages of the queues, and mail in quarantine."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mailroom.settings import QUARANTINE_PREFIX

from mailroomctl.queues.depth import QUEUES, depth
from mailroomctl.queues.expiry import Oldest, oldest
from mailroomctl.stack import Stack
from mailroomctl.times import iso

_SECONDS_OF_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue: how many messages are visible and in flight, and the oldest as far as it is known."""

    key: str
    """As in the stack's output ``…QueueUrl``."""
    name: str
    waiting: int
    in_flight: int
    oldest: Oldest | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return not self.waiting and not self.in_flight


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Messages in quarantine; ``more`` when there are more than were counted. Both others are of the oldest."""

    messages: int
    more: bool = False
    oldest: str = ""
    days_left: float | None = None


def look_at_queues(stack: Stack) -> list[Queue]:
    """Return the three queues, in the order of a message's way."""
    found = []
    for key, name in QUEUES.items():
        waiting, in_flight = depth(stack.sqs, stack.output(f"{key}QueueUrl"))
        found.append(Queue(key, name, waiting, in_flight, oldest(stack, key) if waiting + in_flight else None))
    return found


def look_at_quarantine(stack: Stack) -> Quarantine:
    """Count what is in quarantine, a thousand at most."""
    answer = stack.s3.list_objects_v2(Bucket=stack.output("MailBucketName"), Prefix=QUARANTINE_PREFIX)
    stored = [one["LastModified"] for one in answer.get("Contents", ())]
    if not stored:
        return Quarantine(0)
    first = min(stored)
    kept = timedelta(days=int(stack.parameter("QuarantineRetentionDays", "90")))
    left = (first + kept - datetime.now(UTC)).total_seconds() / _SECONDS_OF_A_DAY
    return Quarantine(len(stored), bool(answer.get("IsTruncated")), iso(first), max(0.0, left))
