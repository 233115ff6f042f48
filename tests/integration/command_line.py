"""The operator's command line against moto: tables, a bucket, and a stack that names them."""

import json
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner

from mailroomctl.main import app
from mailroomctl.stack import Stack
from mailroomctl.version import VERSION
from tests.integration.template_tables import table

REGION = "eu-central-1"
QUEUES = ("Inbound", "DeadLetter", "Parked")
OUTPUTS = {
    "Version": VERSION,
    "DirectoryTableName": "directory",
    "DeliveriesTableName": "deliveries",
    "MailBucketName": "mail",
    **{f"{name}QueueUrl": f"https://sqs.{REGION}.amazonaws.com/123456789012/{name}" for name in QUEUES},
    "PipeName": "pipe",
    "DeliverMailArn": f"arn:aws:states:{REGION}:123456789012:stateMachine:deliver",
}


class FakeCloudFormation:
    """Knows one stack. moto's own CloudFormation would bring a dozen packages along for this one call."""

    def __init__(self, parameters: dict[str, str]) -> None:
        self.parameters = parameters

    def describe_stacks(self, **request: str) -> dict[str, Any]:
        name = request["StackName"]
        if name != "mailroom":
            message = f"Stack with id {name} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        return {
            "Stacks": [
                {
                    "StackName": name,
                    "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()],
                    "Parameters": [
                        {"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()
                    ],
                }
            ]
        }


class Operator:
    """Types commands and reads what they print."""

    def __init__(self) -> None:
        self.parameters: dict[str, str] = {}
        self.replaced: dict[str, Any] = {"cloudformation": FakeCloudFormation(self.parameters)}
        self.dynamodb = boto3.resource("dynamodb", region_name=REGION)
        self.s3 = boto3.client("s3", region_name=REGION)
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.stderr = ""

    def run(self, line: str, code: int = 0, stdin: str | None = None) -> str:
        """Run a command; returns standard output, keeps standard error."""
        result = CliRunner().invoke(app, shlex.split(line), input=stdin)
        self.stderr = result.stderr
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, result.output
        return result.stdout

    def json(self, line: str, code: int = 0) -> Any:
        """Run a command with --json."""
        return json.loads(self.run(f"{line} --json", code))

    def fails(self, line: str, stdin: str | None = None, code: int = 1) -> str:
        """Run a command that must fail with an exit code; returns the one line it says."""
        assert self.run(line, code, stdin) == ""
        lines = self.stderr.strip().splitlines()
        assert lines[-1].startswith("mailroomctl: ")
        return lines[-1].removeprefix("mailroomctl: ")

    def misused(self, line: str) -> str:
        """Run a command whose options cannot be, which typer says in a frame; returns that without the frame."""
        assert self.run(line, 2) == ""
        return " ".join(self.stderr.replace("│", " ").split())

    def put(self, *items: dict[str, Any]) -> None:
        """Write entries straight into the directory table."""
        with self.dynamodb.Table("directory").batch_writer() as batch:
            for item in items:
                batch.put_item(Item=item)

    def entries(self) -> dict[str, dict[str, Any]]:
        """The directory table as it is."""
        return {item["address"]: item for item in self.dynamodb.Table("directory").scan()["Items"]}


#: The clients of all commands: to make one takes as long as most calls, and moto answers it in every test.
_clients: dict[tuple[str, str, str], Any] = {}


def _made_once(make: Callable[..., Any], stack: Stack, service: str, options: dict[str, Any]) -> Any:
    """The client that a command would make; one of its own where the test is about credentials or endpoints."""
    if stack.endpoint_url or stack.profile or os.environ.get("AWS_ACCESS_KEY_ID") != "FOOBARKEY":  # as moto sets it
        return make(stack, service, **options)
    key = (service, stack.region, repr(sorted(options.items())))
    if key not in _clients:
        _clients[key] = make(stack, service, **options)
    return _clients[key]


@contextmanager
def operator(monkeypatch: Any) -> Iterator[Operator]:
    """An operator with credentials and a deployed, empty stack."""
    from mailroomctl.queues import in_flight

    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "MAILROOM_STACK_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("COLUMNS", "400")
    with mock_aws():
        one = Operator()
        real = Stack._client

        def client(self: Stack, service: str, **options: Any) -> Any:
            return one.replaced.get(service) or _made_once(real, self, service, options)

        monkeypatch.setattr(Stack, "_client", client)
        monkeypatch.setattr(in_flight, "WAIT", 0)
        one.dynamodb.create_table(TableName="directory", **table("DirectoryTable"))
        one.dynamodb.create_table(TableName="deliveries", **table("DeliveriesTable"))
        for name in QUEUES:
            one.sqs.create_queue(QueueName=name)
        one.s3.create_bucket(Bucket="mail", CreateBucketConfiguration={"LocationConstraint": REGION})
        yield one
