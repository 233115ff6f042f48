"""The operator's command line against moto: tables, a bucket, and a stack that names them."""

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner

from mailroomctl.main import app

REGION = "eu-central-1"
OUTPUTS = {
    "DirectoryTableName": "directory",
    "DeliveriesTableName": "deliveries",
    "MailBucketName": "mail",
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
        self.dynamodb = boto3.resource("dynamodb", region_name=REGION)
        self.s3 = boto3.client("s3", region_name=REGION)
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

    def fails(self, line: str, stdin: str | None = None) -> str:
        """Run a command that must fail; returns the one line it says."""
        assert self.run(line, 1, stdin) == ""
        lines = self.stderr.strip().splitlines()
        assert lines[-1].startswith("mailroomctl: ")
        return lines[-1].removeprefix("mailroomctl: ")

    def put(self, *items: dict[str, Any]) -> None:
        """Write entries straight into the directory table."""
        with self.dynamodb.Table("directory").batch_writer() as batch:
            for item in items:
                batch.put_item(Item=item)

    def entries(self) -> dict[str, dict[str, Any]]:
        """The directory table as it is."""
        return {item["address"]: item for item in self.dynamodb.Table("directory").scan()["Items"]}


@contextmanager
def operator(monkeypatch: Any) -> Iterator[Operator]:
    """An operator with credentials and a deployed, empty stack."""
    from mailroomctl.stack import Stack

    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "MAILROOM_STACK_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("COLUMNS", "400")
    with mock_aws():
        one = Operator()
        real = Stack._client

        def client(self: Stack, service: str, **options: Any) -> Any:
            return FakeCloudFormation(one.parameters) if service == "cloudformation" else real(self, service, **options)

        monkeypatch.setattr(Stack, "_client", client)
        for name, keys in (("directory", ["address"]), ("deliveries", ["message_id", "mailbox"])):
            one.dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
            )
        one.s3.create_bucket(Bucket="mail", CreateBucketConfiguration={"LocationConstraint": REGION})
        yield one
