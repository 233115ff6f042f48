"""Let SQS itself move a whole dead-letter queue: faster than message by message, and it goes on without us."""

import time
from typing import Any

from mailroomctl.command import INTERRUPTED, fail
from mailroomctl.console import Console
from mailroomctl.counting import how_many
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

#: Seconds between two looks at the task.
POLL = 2.0
_NOT_OFFERED = ("InvalidAction", "UnknownOperation", "UnsupportedOperation")


def move_all(stack: Stack, console: Console, source: str, destination: str) -> bool:
    """Move every message and wait for the end; False when this SQS has no such task, and nothing was done.

    Ctrl-C cancels the task: each message is then in one of the two queues. Raises ``CommandError`` when it fails.
    """
    from botocore.exceptions import ClientError

    source_arn = _arn(stack, source)
    try:
        handle = stack.sqs.start_message_move_task(SourceArn=source_arn, DestinationArn=_arn(stack, destination))[
            "TaskHandle"
        ]
    except NotImplementedError:  # moto's answer
        return False
    except ClientError as error:
        if error.response["Error"]["Code"].rpartition("#")[2] in _NOT_OFFERED:
            return False
        raise
    try:
        task = _wait(stack, console, source_arn)
    except KeyboardInterrupt:
        stack.sqs.cancel_message_move_task(TaskHandle=handle)
        task = _latest(stack, source_arn)
        console.note(f"{_moved(task)} moved to the inbound queue, the others stay in the dead-letter queue")
        fail("interrupted", INTERRUPTED)
    if task["Status"] != "COMPLETED":
        raise CommandError(
            f"SQS ended the move as {task['Status']} after {_moved(task)} messages: "
            f"{task.get('FailureReason') or 'no reason given'}. The others stay in the dead-letter queue."
        )
    console.done(f"moved {how_many(_moved(task), 'dead letters')} to the inbound queue", {"moved": _moved(task)})
    return True


def _wait(stack: Stack, console: Console, source_arn: str) -> Any:
    task = _latest(stack, source_arn)
    with console.progress("moving", task.get("ApproximateNumberOfMessagesToMove")) as progress:
        shown = 0
        while task["Status"] == "RUNNING":
            time.sleep(POLL)
            task = _latest(stack, source_arn)
            progress.advance(_moved(task) - shown)
            shown = _moved(task)
    return task


def _latest(stack: Stack, source_arn: str) -> Any:
    return stack.sqs.list_message_move_tasks(SourceArn=source_arn, MaxResults=1)["Results"][0]


def _moved(task: Any) -> int:
    return int(task.get("ApproximateNumberOfMessagesMoved") or 0)


def _arn(stack: Stack, url: str) -> str:
    answer = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]
