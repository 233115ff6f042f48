"""Two independent engines for Amazon States Language, behind one interface.

Neither is AWS. Where they differ, a scenario says which one is right and why. Both run in this process; only the
Lambda functions are scripted, DynamoDB, SQS and S3 are the engine's own.
"""

import functools
import io
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol
from unittest import mock

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker, SyncExecutionWorker
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from tests.workflow.mail import BUCKET
from tests.workflow.script import Script, TaskError, definition

ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/DeliverMail"

TABLE = {
    "AttributeDefinitions": [
        {"AttributeName": "message_id", "AttributeType": "S"},
        {"AttributeName": "mailbox", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "message_id", "KeyType": "HASH"},
        {"AttributeName": "mailbox", "KeyType": "RANGE"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


@dataclass(frozen=True)
class Execution:
    """One finished execution.

    ``path`` holds the names of the top-level states in order, ``inputs`` what each was entered with, ``largest`` the
    octets of the largest of these.
    """

    status: str
    output: Any
    error: str | None
    path: tuple[str, ...]
    inputs: Mapping[str, Any]
    largest: int


class Engine(Protocol):
    """What a scenario needs of an engine, with a deliveries table and a parked queue of its own."""

    name: str

    def run(self, event: Any, script: Script) -> Execution:
        """Execute the workflow once, synchronously."""

    def records(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Everything in the deliveries table, by message id and mailbox, without DynamoDB's type letters."""

    def put_record(self, item: dict[str, Any]) -> None:
        """Put one typed item into the deliveries table."""

    def parked(self) -> list[dict[str, Any]]:
        """The bodies in the parked queue."""

    def object_keys(self) -> set[str]:
        """The keys in the mail bucket, which starts with ``mail/m1``."""


def _plain(item: dict[str, dict[str, Any]]) -> dict[str, Any]:
    def value(typed: dict[str, Any]) -> Any:
        ((kind, content),) = typed.items()
        read = {"N": int, "SS": sorted, "L": lambda items: [value(item) for item in items]}
        return read.get(kind, lambda same: same)(content)

    return {name: value(typed) for name, typed in item.items()}


class Moto:
    """moto's engine (``execute_state_machine``), the second opinion: error names and Catch as on AWS.

    It cannot run an Express machine synchronously, so the machine is a Standard one here.
    """

    name = "moto"

    def __init__(self, workflow: str) -> None:
        self._dynamodb, self._sqs, self._s3 = _client("dynamodb"), _client("sqs"), _client("s3")
        self._dynamodb.create_table(TableName="deliveries", **TABLE)
        self._queue = self._sqs.create_queue(QueueName="parked")["QueueUrl"]
        self._parked: list[dict[str, Any]] = []
        self._s3.create_bucket(Bucket=BUCKET)
        self._s3.put_object(Bucket=BUCKET, Key="mail/m1", Body=b"raw mail")
        machine = definition(workflow, {"DeliveriesTable": "deliveries", "ParkedQueueUrl": self._queue})
        self._top = set(machine["States"])
        created = _client("stepfunctions").create_state_machine(
            name="deliver", definition=json.dumps(machine), roleArn=ROLE
        )
        self._arn = created["stateMachineArn"]
        self._backend = stepfunctions_parser_backends[ACCOUNT][REGION]

    def run(self, event: Any, script: Script) -> Execution:
        """Run the workflow with every boto client of the engine behind the script."""
        with (
            _scripted_clients(script),
            mock.patch("moto.stepfunctions.parser.asl.component.common.retry.retrier_decl.time.sleep"),
            # In this thread, so that nobody has to ask again and again whether it has finished.
            mock.patch.object(ExecutionWorker, "start", SyncExecutionWorker.start),
        ):
            execution = self._backend.start_execution(self._arn, str(uuid.uuid4()), json.dumps(event))
        events = execution.to_history_output()["events"]
        return Execution(execution.status, execution.output, execution.error, *_entered(events, self._top))

    def records(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Scan the table."""
        items = map(_plain, self._dynamodb.scan(TableName="deliveries")["Items"])
        return {(item["message_id"], item["mailbox"]): item for item in items}

    def put_record(self, item: dict[str, Any]) -> None:
        """Put one typed item."""
        self._dynamodb.put_item(TableName="deliveries", Item=item)

    def parked(self) -> list[dict[str, Any]]:
        """Take everything from the queue, and give it with what was there before."""
        messages = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
        self._parked += [json.loads(message["Body"]) for message in messages]
        return list(self._parked)

    def object_keys(self) -> set[str]:
        """List the bucket."""
        return {item["Key"] for item in self._s3.list_objects_v2(Bucket=BUCKET)["Contents"]}


_MOTO_WAIT = (
    "moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function.WaitFunction._wait_interval"
)


@contextmanager
def _scripted_clients(script: Script) -> Iterator[None]:
    tasks = "moto.stepfunctions.parser.asl.component.state.exec.state_task"

    def client_for(service: str, region: str, state_credentials: Any) -> Any:
        return _ScriptedClient(service, _client_for(service, region), script)

    modules = ("lambda_eval_utils", *(f"service.state_task_service_{name}" for name in ("dynamodb", "sqs", "aws_sdk")))
    with ExitStack() as patches:
        for module in modules:
            patches.enter_context(mock.patch(f"{tasks}.{module}.boto_client_for", client_for))
        patches.enter_context(
            mock.patch(_MOTO_WAIT, lambda _wait, env, wait_seconds: script.waits.append(wait_seconds))
        )
        # moto does not know these services by the names that AWS writes in errors, and leaves them in lower case.
        patches.enter_context(
            mock.patch.dict(f"{tasks}.{modules[-1]}._SERVICE_ERROR_NAMES", ses="Ses", s3="S3", pipes="Pipes")
        )
        yield


@dataclass
class _ScriptedClient:
    """A boto client whose calls go through the script."""

    service: str
    own: Any
    script: Script

    def __getattr__(self, method: str) -> Any:
        first, *rest = method.split("_")
        action = first + "".join(word.capitalize() for word in rest)

        def call(**parameters: Any) -> Any:
            if self.service == "lambda":
                return self._invoke(parameters)
            try:
                return self.script.run(
                    f"{self.service}:{action}", parameters, lambda: getattr(self.own, method)(**parameters)
                )
            except TaskError as thrown:
                raise _client_error(thrown, method) from thrown

        return call

    def _invoke(self, parameters: dict[str, Any]) -> dict[str, Any]:
        payload = json.loads(parameters["Payload"])
        try:
            result = self.script.run("lambda:invoke", {**parameters, "Payload": payload}, dict)
        except TaskError as thrown:
            if thrown.error.startswith(("Lambda.", "Sandbox.")):
                raise _client_error(thrown, "invoke") from thrown
            failure = {"errorType": thrown.error, "errorMessage": thrown.cause}
            return {
                "StatusCode": 200,
                "FunctionError": "Unhandled",
                "Payload": io.BytesIO(json.dumps(failure).encode()),
            }
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(result).encode())}


# What takes longer than an execution is done once: moto makes a client for each call of a task, and parses the workflow
# for each execution and its paths for each use. What an execution changes is in its environment, in none of these.
_client = functools.cache(functools.partial(boto3.client, region_name=REGION))
_client_for = functools.cache(lambda service, region: boto_client_for(service=service, region=region))
_parse = functools.cache(AmazonStateLanguageParser.parse)
_parse_path = functools.cache(json_path.parse)


def _client_error(thrown: TaskError, method: str) -> ClientError:
    code = thrown.error.partition(".")[2]
    # Of an SDK integration moto reports the class, of the others the code.
    kind: type[ClientError] = type(code, (ClientError,), {})
    return kind(
        {
            "Error": {"Code": code, "Message": thrown.cause},
            "ResponseMetadata": {
                "HTTPStatusCode": 400,
                "RequestId": "0",
                "HostId": "",
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        method,
    )


class Ministack:
    """ministack's engine, the one of the embedded AWS, without its server."""

    name = "ministack"

    def __init__(self, workflow: str) -> None:
        from ministack.services import dynamodb, stepfunctions

        self._sfn, self._dynamodb = stepfunctions, dynamodb
        self._table = f"deliveries-{uuid.uuid4()}"
        dynamodb._create_table({"TableName": self._table, **TABLE})
        self._parked: list[dict[str, Any]] = []
        self._keys = {"mail/m1"}
        machine = definition(workflow, {"DeliveriesTable": self._table, "ParkedQueueUrl": "parked"})
        self._top = set(machine["States"])
        created = stepfunctions._create_state_machine(
            {"name": f"deliver-{uuid.uuid4()}", "definition": json.dumps(machine), "roleArn": ROLE, "type": "EXPRESS"}
        )
        self._arn = _body(created)["stateMachineArn"]

    def run(self, event: Any, script: Script) -> Execution:
        """Run the workflow with the engine's calls behind the script and its waits cut to nothing."""
        own = self._sfn._invoke_resource

        def invoke(resource: str, parameters: dict[str, Any]) -> Any:
            try:
                result = script.run(resource, parameters, lambda: self._own(own, resource, parameters))
            except TaskError as thrown:
                raise self._sfn._ExecutionError(thrown.error, thrown.cause) from thrown
            return {"StatusCode": 200, "Payload": result} if resource.endswith("lambda:invoke") else result

        def wait(state: dict[str, Any], data: Any, context: Any) -> Any:
            seconds = (
                self._sfn._resolve_path(state["SecondsPath"], data) if "SecondsPath" in state else state["Seconds"]
            )
            script.waits.append(seconds)
            return data, state["Next"]

        clock = SimpleNamespace(sleep=lambda seconds: None, time=time.time, monotonic=time.monotonic)
        with mock.patch.multiple(self._sfn, _invoke_resource=invoke, _SFN_WAIT_SCALE=0, time=clock, _execute_wait=wait):
            ran = _body(self._sfn._start_sync_execution({"stateMachineArn": self._arn, "input": json.dumps(event)}))
        events = self._sfn._executions[ran["executionArn"]]["events"]
        output = json.loads(ran["output"]) if ran["status"] == "SUCCEEDED" else None
        return Execution(ran["status"], output, ran.get("error"), *_entered(events, self._top))

    def _own(self, own: Any, resource: str, parameters: dict[str, Any]) -> Any:
        # Its SQS and S3 need the server's account set-up; what the workflow asks of them is one call each.
        if resource.endswith("sqs:sendMessage"):
            self._parked.append(json.loads(json.dumps(parameters["MessageBody"])))
            return {"MessageId": str(uuid.uuid4())}
        if resource.endswith("s3:copyObject"):
            if parameters["CopySource"].partition("/")[2] not in self._keys:
                raise TaskError("S3.NoSuchKeyException", "The specified key does not exist.")
            self._keys.add(parameters["Key"])
            return {}
        return own(resource, parameters)

    def records(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Scan the table."""
        items = map(_plain, _body(self._dynamodb._scan({"TableName": self._table}))["Items"])
        return {(item["message_id"], item["mailbox"]): item for item in items}

    def put_record(self, item: dict[str, Any]) -> None:
        """Put one typed item."""
        self._dynamodb._put_item({"TableName": self._table, "Item": item})

    def parked(self) -> list[dict[str, Any]]:
        """What was sent to the queue."""
        return list(self._parked)

    def object_keys(self) -> set[str]:
        """The keys in the bucket."""
        return self._keys


def _entered(events: list[dict[str, Any]], top: set[str]) -> tuple[tuple[str, ...], dict[str, Any], int]:
    """Give the top-level states that were entered, what with, and the octets of the largest input."""
    details = [event["stateEnteredEventDetails"] for event in events if "stateEnteredEventDetails" in event]
    entered = [(detail["name"], detail["input"]) for detail in details if detail["name"] in top]
    inputs = {name: json.loads(text) for name, text in entered}
    return tuple(name for name, _ in entered), inputs, max(len(text.encode()) for _, text in entered)


def _body(response: tuple[int, Any, Any]) -> dict[str, Any]:
    status, _, body = response
    result = json.loads(body)
    if status >= 400:
        raise RuntimeError(result)
    return result


@contextmanager
def moto_engine(workflow: str) -> Iterator[Moto]:
    """A fresh moto."""
    with (
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}}),
        mock.patch.object(AmazonStateLanguageParser, "parse", _parse),
        mock.patch.object(json_path, "parse", _parse_path),
    ):
        yield Moto(workflow)
