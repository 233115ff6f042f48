"""Runs the deployed EventBridge pipe: SQS → one synchronous execution of the workflow per batch.

ministack 1.5 stores an ``AWS::Pipes::Pipe`` but polls no SQS source, and DescribePipe there leaves out the parameters,
so they are taken from the deployed template. What a pipe promises is kept: at most ``BatchSize`` messages a call,
deleted only when the execution SUCCEEDED, otherwise left to the queue's visibility timeout and its dead-letter queue;
nothing is received while the pipe is stopped.

Run as ``python -m mailroomctl.local.emulator.pipe_runner STATE_FOLDER`` by ``processes.start``.
Delete this module when ministack runs such a pipe itself: without it, the e2e tests then still pass.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from mailroomctl.errors import CommandError
from mailroomctl.local import processes
from mailroomctl.local.settings import Settings

log = logging.getLogger("pipe")

#: Calls at once; each may start worker processes. The real pipe starts with five and has no setting for it either.
CONCURRENCY = max(2, min(5, os.cpu_count() or 1))
#: Seconds until a pipe that is stopped, or a queue that does not answer, is asked again.
PAUSE = 0.5
#: A synchronous execution takes at most this many seconds.
LONGEST_CALL = 300


@dataclass(frozen=True)
class Pipe:
    """What of a deployed pipe decides what it does."""

    name: str
    source_arn: str
    source_url: str
    target_arn: str
    batch_size: int

    @classmethod
    def deployed(cls, settings: Settings) -> Self:
        """Read the pipe of the stack.

        Raises:
            CommandError: the pipe asks for something that this module does not do.
        """
        name = settings.stack().output("PipeName")
        pipe = settings.client("pipes").describe_pipe(Name=name)
        source = _parameters(settings, "SourceParameters")
        target = _parameters(settings, "TargetParameters")
        queue = source.pop("SqsQueueParameters", {})
        invocation = target.pop("StepFunctionStateMachineParameters", {}).get("InvocationType", "REQUEST_RESPONSE")
        window = queue.get("MaximumBatchingWindowInSeconds", 0)
        unknown = [*source, *target, *(["a batching window"] if window else [])]
        if unknown or invocation != "REQUEST_RESPONSE":
            raise CommandError(f"the embedded AWS cannot run pipe {name}: {', '.join(unknown) or invocation}")
        url = settings.client("sqs").get_queue_url(QueueName=pipe["Source"].rsplit(":", 1)[1])["QueueUrl"]
        return cls(name, pipe["Source"], url, pipe["Target"], int(queue.get("BatchSize", 10)))


def main(state: str) -> None:
    """Run the pipe until SIGTERM."""
    settings = Settings.load(Path(state))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    # Executions that still run are not waited for: their messages come back.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    runner = Runner(Pipe.deployed(settings), settings)
    processes.say_ready(settings, "pipe")
    while True:
        runner.poll()


class Runner:
    """Polls the queue and calls the workflow, several messages at a time."""

    def __init__(self, pipe: Pipe, settings: Settings) -> None:
        """Make the clients; nothing is received yet."""
        self._pipe = pipe
        self._settings = settings
        self._sqs = settings.client("sqs")
        self._states = settings.client("stepfunctions", read_timeout=LONGEST_CALL + 30)
        self._pipes = settings.client("pipes")
        self._calls = ThreadPoolExecutor(CONCURRENCY)
        # One call until the first success: each may start a process per function, and a machine that starts many at
        # once is too slow for the workflow's time-outs.
        self._free = threading.Semaphore(1)
        self._warm = False
        self._state = ""
        log.info("pipe %s: %s to %s", pipe.name, pipe.source_arn, pipe.target_arn)

    def poll(self) -> None:
        """Wait until a call is free, and begin one if the pipe is running and there is a message within a second."""
        self._free.acquire()
        messages = []
        try:
            if self._runs():
                messages = self._sqs.receive_message(
                    QueueUrl=self._pipe.source_url,
                    MaxNumberOfMessages=min(self._pipe.batch_size, 10),
                    AttributeNames=["All"],
                    MessageAttributeNames=["All"],
                    WaitTimeSeconds=1,
                ).get("Messages", [])
            else:
                time.sleep(PAUSE)
            if messages and not self._runs():
                self._give_back(messages)
                messages = []
        except (BotoCoreError, ClientError) as error:
            log.warning("cannot poll: %s", error)
            messages = []
            time.sleep(PAUSE)
        if messages:
            self._calls.submit(self._call, messages)
        else:
            self._free.release()

    def _runs(self) -> bool:
        state = str(self._pipes.describe_pipe(Name=self._pipe.name)["CurrentState"])
        if state != self._state:
            self._state = state
            log.info("pipe %s: %s", self._pipe.name, state)
        return state == "RUNNING"

    def _give_back(self, messages: list[dict[str, Any]]) -> None:
        """Leave what came while the pipe was being stopped to whoever receives next."""
        for message in messages:
            self._sqs.change_message_visibility(
                QueueUrl=self._pipe.source_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )

    def _call(self, messages: list[dict[str, Any]]) -> None:
        records = [record(message, self._pipe.source_arn, self._settings.region) for message in messages]
        ids = " ".join(f"{message['messageId']} (receive {_count(message)})" for message in records)
        began = time.monotonic()
        try:
            result = self._states.start_sync_execution(stateMachineArn=self._pipe.target_arn, input=json.dumps(records))
            if result["status"] == "SUCCEEDED":
                self._delete(messages)
                log.info("%s: SUCCEEDED in %.2f s", ids, time.monotonic() - began)
            else:
                reason = " ".join(f"{result.get('error', '')}: {result.get('cause', '')}".split())[:500]
                log.warning("%s: %s %s; back to the queue", ids, result["status"], reason)
                self._bring_back(messages)
        except Exception:
            log.exception("%s: the call failed; back to the queue", ids)
        finally:
            self._free.release()

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            self._sqs.delete_message(QueueUrl=self._pipe.source_url, ReceiptHandle=message["ReceiptHandle"])
        if not self._warm:
            self._warm = True
            self._free.release(CONCURRENCY - 1)

    def _bring_back(self, messages: list[dict[str, Any]]) -> None:
        """Leave the messages to the queue's visibility timeout, unless a shorter wait was asked for."""
        if self._settings.redelivery is not None:
            for message in messages:
                self._sqs.change_message_visibility(
                    QueueUrl=self._pipe.source_url,
                    ReceiptHandle=message["ReceiptHandle"],
                    VisibilityTimeout=self._settings.redelivery,
                )


def record(message: dict[str, Any], source_arn: str, region: str) -> dict[str, Any]:
    """One received message in the form that a pipe hands over."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {key[0].lower() + key[1:]: value for key, value in attribute.items() if isinstance(value, str)}
            for name, attribute in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": source_arn,
        "awsRegion": region,
    }


def _count(message: dict[str, Any]) -> str:
    return str(message["attributes"].get("ApproximateReceiveCount", "?"))


def _parameters(settings: Settings, name: str) -> dict[str, Any]:
    """SourceParameters or TargetParameters of the template's pipe, with its parameters filled in."""
    formation = settings.client("cloudformation")
    template = formation.get_template(StackName=settings.stack_name, TemplateStage="Processed")["TemplateBody"]
    pipes = [item for item in template["Resources"].values() if item["Type"] == "AWS::Pipes::Pipe"]
    return _filled_in(pipes[0]["Properties"].get(name, {}), settings.stack().parameters) or {}


def _filled_in(value: Any, parameters: dict[str, str]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"Ref"}:
            return parameters[value["Ref"]]
        return {key: _filled_in(item, parameters) for key, item in value.items()}
    return value


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except CommandError as failure:
        sys.exit(str(failure))
