"""AWS accounts as ``mailroomctl init`` finds them: empty, or furnished with mail, storage and somebody else's rules.

The clients are botocore's own, with its checks of requests and its pages; the answers are put in where the request
would be sent, after they were checked against the service's model. An operation that changes anything is refused.
"""

import functools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from mailroomctl.stack import Stack
from tests.integration.command_line import Operator

ACCOUNT, REGION = "123456789012", "eu-west-1"
READING: tuple[str, ...] = ("Describe", "Get", "List")

_MAKING = threading.Lock()

type Answer = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]


class RefusalError(Exception):
    """An error of AWS."""

    def __init__(self, code: str, message: str = "no", status: int = 400) -> None:
        super().__init__(code, message, status)


class Account:
    """An empty account: what is not in ``answers`` is not there.

    ``denied`` are the operations that the caller has no permission for, by service and name, each with its error code.
    ``receive`` are the other regions in which SES receives.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {
            "sts.GetCallerIdentity": {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/eve", "UserId": "A"},
            "ses.DescribeActiveReceiptRuleSet": {},
            "ses.ListReceiptRuleSets": {"RuleSets": []},
            "sesv2.GetEmailIdentity": self.refuse("NotFoundException", 404),
            "cloudformation.DescribeStacks": self.refuse("ValidationError"),
            "efs.DescribeFileSystems": {"FileSystems": []},
            "resourcegroupstaggingapi.GetResources": {"ResourceTagMappingList": []},
            "lambda.GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": 10}},
            "sns.GetTopicAttributes": self.refuse("NotFound", 404),
        }
        self.denied: dict[str, str] = {}
        self.reading = READING
        self.headers: dict[str, str] = {}
        self.calls: list[str] = []
        self.receive: tuple[str, ...] = ("us-east-1", "us-west-2")

    @staticmethod
    def refuse(code: str, status: int = 400) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """An answer that is an error."""

        def answer(_: dict[str, Any]) -> dict[str, Any]:
            raise RefusalError(code, f"{code} it is", status)

        return answer

    def client(self, stack: Stack, service: str, **config: Any) -> Any:
        """A client for a service, as ``Stack`` makes it."""
        region = config.get("region_name") or stack.region
        with _MAKING:
            client, handlers = made(service, region)
        handlers["send"] = lambda model, asked: self._answer(service, region, model, asked)
        return client

    def _answer(self, service: str, region: str, model: Any, asked: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        name = f"{service}.{model.name}"
        assert model.name.startswith(self.reading), f"{name} changes the account"
        self.calls.append(name)
        try:
            if name in self.denied:
                what = f"User is not authorized to perform: {service}:{model.name}"
                raise RefusalError(self.denied[name], what, 403)
            if region != REGION and name.startswith("ses."):
                content = {} if region in self.receive else self.refuse("InvalidAction")(asked)
            else:
                answer = self.answers[name]
                content = answer(asked) if callable(answer) else answer
        except RefusalError as refusal:
            code, message, status = refusal.args
            return SimpleNamespace(status_code=status), {"Error": {"Code": code, "Message": message}}
        report = ParamValidator().validate(content, model.output_shape)
        assert not report.has_errors(), f"{name}: {report.generate_report()}"
        metadata = {"HTTPStatusCode": 200, "HTTPHeaders": self.headers}
        return SimpleNamespace(status_code=200), {**content, "ResponseMetadata": metadata}


@functools.cache
def made(service: str, region: str) -> tuple[Any, dict[str, Any]]:
    """A client, made once for all tests, and what it sends its requests to."""
    client = boto3.client(service, region_name=region, aws_access_key_id="AKIA", aws_secret_access_key="secret")
    # One thread has one request at a time.
    asked = threading.local()
    handlers: dict[str, Any] = {}

    def remember(params: dict[str, Any], **_: Any) -> None:
        asked.params = dict(params)

    client.meta.events.register("provide-client-params", remember)
    client.meta.events.register("before-call", lambda model, **_: handlers["send"](model, asked.params))
    return client, handlers


def furnished() -> Account:
    """An account in which WorkMail receives for the domain, and an EFS file system waits for the mail."""
    account = Account()
    account.answers |= {
        "ses.DescribeActiveReceiptRuleSet": {
            "Metadata": {"Name": "INBOUND_MAIL"},
            "Rules": [
                rule(
                    "m-1",
                    ["example.com"],
                    WorkmailAction={"OrganizationArn": f"arn:aws:workmail:{REGION}:{ACCOUNT}:organization/m-1"},
                ),
                rule("tickets", ["help@example.org"], S3Action={"BucketName": "tickets"}),
            ],
        },
        "ses.ListReceiptRuleSets": {"RuleSets": [{"Name": "INBOUND_MAIL"}, {"Name": "old"}]},
        "sesv2.GetEmailIdentity": {
            "IdentityType": "DOMAIN",
            "VerificationStatus": "SUCCESS",
            "DkimAttributes": {"Status": "SUCCESS", "Tokens": ["tok1", "tok2", "tok3"]},
        },
        "efs.DescribeFileSystems": {"FileSystems": [file_system("fs-0a", Name="mail")]},
        "efs.DescribeAccessPoints": {"AccessPoints": [access_point("fsap-0a")]},
        "efs.DescribeMountTargets": {"MountTargets": [mount_target("a"), mount_target("b")]},
        "efs.DescribeMountTargetSecurityGroups": {"SecurityGroups": ["sg-0000000a"]},
        "ec2.DescribeSecurityGroups": {"SecurityGroups": [security_group("sg-0000000a", "sg-0000000a")]},
        "ec2.DescribeVpcEndpoints": {"VpcEndpoints": [endpoint("vpce-0a", "rtb-0a")]},
        "ec2.DescribeRouteTables": {"RouteTables": [route_table("rtb-0a", "subnet-0000000a", "subnet-0000000b")]},
        "lambda.GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": 1000}},
        "sns.GetTopicAttributes": {"Attributes": {}},
    }
    return account


def rule(name: str, recipients: list[str], *, enabled: bool = True, **actions: dict[str, str]) -> dict[str, Any]:
    """A receipt rule."""
    listed = [{kind: action} for kind, action in actions.items()]
    return {"Name": name, "Enabled": enabled, "Recipients": recipients, "Actions": listed}


def file_system(name: str, **other: Any) -> dict[str, Any]:
    """An EFS file system."""
    return {
        "OwnerId": ACCOUNT,
        "CreationToken": name,
        "FileSystemId": name,
        "CreationTime": "2026-11-24T10:00:00Z",
        "LifeCycleState": "available",
        "NumberOfMountTargets": 2,
        "SizeInBytes": {"Value": 6144},
        "PerformanceMode": "generalPurpose",
        "Encrypted": True,
        "ThroughputMode": "elastic",
        "Tags": [],
        **other,
    }


def access_point(name: str, uid: int | None = 5000) -> dict[str, Any]:
    """An access point; no ``uid`` is one without a POSIX user."""
    user = {} if uid is None else {"PosixUser": {"Uid": uid, "Gid": 5000}}
    return {"AccessPointId": name, "RootDirectory": {"Path": "/mail"}, **user}


def mount_target(letter: str) -> dict[str, Any]:
    """A mount target in the subnet and the zone of a letter."""
    return {
        "MountTargetId": f"fsmt-0000000{letter}",
        "FileSystemId": "fs-0a",
        "SubnetId": f"subnet-0000000{letter}",
        "LifeCycleState": "available",
        "AvailabilityZoneName": f"{REGION}{letter}",
        "VpcId": "vpc-0a",
    }


def security_group(name: str, *lets_in: str, ranges: tuple[str, ...] = (), port: int = 2049) -> dict[str, Any]:
    """A security group that lets other groups and address ranges in on one port."""
    allowed = {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "UserIdGroupPairs": [{"GroupId": one} for one in lets_in],
        "IpRanges": [{"CidrIp": one} for one in ranges],
    }
    return {"GroupId": name, "IpPermissions": [allowed]}


def endpoint(name: str, *tables: str, service: str = f"com.amazonaws.{REGION}.s3") -> dict[str, Any]:
    """A gateway endpoint with the route tables that lead to it."""
    return {"VpcEndpointId": name, "ServiceName": service, "RouteTableIds": list(tables)}


def left(logical: str, arn: str) -> dict[str, Any]:
    """A resource with the tags of the stack that has left it."""
    tags = {"stack-name": "mailroom", "logical-id": logical}
    return {
        "ResourceARN": arn,
        "Tags": [{"Key": f"aws:cloudformation:{key}", "Value": value} for key, value in tags.items()],
    }


def route_table(name: str, *subnets: str, main: bool = False) -> dict[str, Any]:
    """A route table of subnets, or the VPC's main one."""
    associations: list[dict[str, Any]] = [{"SubnetId": one} for one in subnets]
    return {"RouteTableId": name, "Associations": [*associations, *([{"Main": True}] if main else [])]}


class Newcomer(Operator):
    """Types ``mailroomctl init`` in a folder of its own."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self.account = account

    def plan(self, options: str = "", code: int = 0) -> dict[str, Any]:
        """The plan as programs get it, for example.com."""
        return dict(json.loads(self.run(f"init --domain example.com {options} --json", code)))


@contextmanager
def newcomer(account: Account, monkeypatch: pytest.MonkeyPatch, folder: Any) -> Iterator[Newcomer]:
    """Somebody with credentials for an account."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "MAILROOM_STACK_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(Stack, "_client", lambda stack, service, **config: account.client(stack, service, **config))
    monkeypatch.chdir(folder)
    yield Newcomer(account)
