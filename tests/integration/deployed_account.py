"""An account in which Mailroom is deployed and everything is as it has to be: what the template says, as AWS has it.

``patients.py`` takes single things away. Nothing but the template decides what is right, so that what ``doctor``
expects is compared with it.
"""

import io
import json
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from mailroomctl import key_policy
from mailroomctl.version import VERSION
from tests.integration.aws_account import (
    ACCOUNT,
    READING,
    REGION,
    Account,
    access_point,
    endpoint,
    file_system,
    mount_target,
    route_table,
    security_group,
)
from tools.deployed_template import KEY, WAYS, deployed, source

WAY = "key-and-everything-on"
STACK = "mailroom"
GIVEN = WAYS[WAY]
FILE_SYSTEM, ACCESS_POINT = GIVEN["FileSystemId"], GIVEN["AccessPointId"]
SUBNETS, GROUP = GIVEN["SubnetIds"].split(","), GIVEN["SecurityGroupIds"]
TARGETS = "sg-0000000a"
ALARMS = GIVEN["AlarmTopicArn"]
_TEMPLATE = deployed(WAY)
RESOURCES: dict[str, dict[str, Any]] = _TEMPLATE["Resources"]


def physical(name: str) -> str:
    """What CloudFormation's Ref gives."""
    match RESOURCES[name]["Type"]:
        case "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{_name(name)}"
        case "AWS::SNS::Topic" | "AWS::StepFunctions::StateMachine":
            return arn(name)
        case "AWS::Logs::LogGroup":
            return str(RESOURCES[name]["Properties"]["LogGroupName"])
    return _name(name)


def arn(name: str) -> str:
    """The ARN of a resource."""
    match RESOURCES[name]["Type"]:
        case "AWS::S3::Bucket":
            return f"arn:aws:s3:::{_name(name)}"
        case "AWS::SQS::Queue":
            return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{_name(name)}"
        case "AWS::SNS::Topic":
            return f"arn:aws:sns:{REGION}:{ACCOUNT}:{_name(name)}"
        case "AWS::StepFunctions::StateMachine":
            return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{_name(name)}"
    return f"arn:aws:any:{REGION}:{ACCOUNT}:{_name(name)}"


def _name(name: str) -> str:
    return f"{STACK}-{name}"


def resolved(node: Any) -> Any:
    """A part of the template with the names of this account."""
    match node:
        case {"Ref": str(name)}:
            return physical(name)
        case {"Fn::GetAtt": [str(name), "QueueName"]}:
            return _name(name)
        case {"Fn::GetAtt": [str(name), _]}:
            return arn(name)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{(\w+)(\.\w+)?\}", lambda found: (arn if found[2] else physical)(found[1]), text)
        case dict():
            return {name: resolved(value) for name, value in node.items()}
        case list():
            return [resolved(value) for value in node]
    return node


def properties(name: str) -> dict[str, Any]:
    """The properties of a resource, with the names of this account."""
    return dict(resolved(RESOURCES[name]["Properties"]))


class DeployedAccount(Account):
    """A healthy deployment; what a test breaks is an attribute, or an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = (
            *READING,
            "BatchGet",
            "Filter",
            "Invoke",
            "Query",
            "ReceiveMessage",
            "Scan",
            "SendEmail",
        )
        self.headers = {"date": format_datetime(datetime.now(UTC), usegmt=True)}
        self.parameters = {name: str(one["Default"]) for name, one in source()["Parameters"].items()} | GIVEN
        self.status, self.version = "UPDATE_COMPLETE", VERSION
        self.rule_set = "default-rule-set"
        self.rules: list[dict[str, Any]] = [properties("ReceiptRule")["Rule"]]
        self.bucket_policy: dict[str, Any] = properties("MailBucketPolicy")["PolicyDocument"]
        self.topics: dict[str, dict[str, Any]] = {
            arn("NotificationTopic"): {
                "Policy": properties("NotificationTopicPolicy")["PolicyDocument"],
                "KmsMasterKeyId": KEY,
            },
            ALARMS: {"KmsMasterKeyId": KEY},
        }
        self.queues: dict[str, dict[str, Any]] = {
            name: {
                "QueueArn": arn(name),
                "KmsMasterKeyId": KEY,
                "ApproximateNumberOfMessages": "0",
                "ApproximateNumberOfMessagesNotVisible": "0",
                "MessageRetentionPeriod": "1209600",
            }
            for name in ("InboundQueue", "DeadLetterQueue", "ParkedQueue")
        }
        for name in ("InboundQueue", "DeadLetterQueue"):
            self.queues[name]["Policy"] = properties(f"{name}Policy")["PolicyDocument"]
        inbound = properties("InboundSubscription")
        self.subscriptions: dict[str, list[dict[str, str]]] = {
            arn("NotificationTopic"): [_subscription("sqs", inbound["Endpoint"])],
            ALARMS: [_subscription("email", "ops@example.net")],
        }
        self.subscription = {
            "RawMessageDelivery": str(inbound["RawMessageDelivery"]).lower(),
            "RedrivePolicy": json.dumps(inbound["RedrivePolicy"]),
        }
        self.pipe: dict[str, Any] = {
            **{name: properties("Pipe")[name] for name in ("Source", "Target", "RoleArn")},
            **{name: properties("Pipe")[name] for name in ("SourceParameters", "TargetParameters")},
            "Name": physical("Pipe"),
            "Arn": arn("Pipe"),
            "DesiredState": "RUNNING",
            "CurrentState": "RUNNING",
            "Tags": {},
        }
        self.alarms: dict[str, dict[str, Any]] = {
            name: {
                "AlarmName": physical(name),
                "AlarmDescription": RESOURCES[name]["Properties"]["AlarmDescription"],
                "StateValue": "OK",
                "ActionsEnabled": True,
                "AlarmActions": properties(name)["AlarmActions"],
            }
            for name, one in RESOURCES.items()
            if one["Type"] == "AWS::CloudWatch::Alarm"
        }
        self.tables = {physical(name): _table(name) for name in ("DirectoryTable", "DeliveriesTable")}
        self.expiry = dict(properties("DeliveriesTable")["TimeToLiveSpecification"])
        self.backups = "ENABLED"
        self.directory: list[dict[str, Any]] = [
            {"address": {"S": "@example.com"}, "type": {"S": "domain"}, "version": {"N": "1"}},
            {"address": {"S": "@example.org"}, "type": {"S": "domain"}, "version": {"N": "1"}},
            {"address": {"S": "eve@example.com"}, "type": {"S": "mailbox"}, "version": {"N": "1"}},
        ]
        self.functions: dict[str, dict[str, Any]] = {
            name: {"FunctionName": physical(name), "State": "Active", "LastUpdateStatus": "Successful"}
            for name in ("ValidateEvent", "ResolveMailboxes", "WriteMailbox")
        }
        self.functions["WriteMailbox"]["VpcConfig"] = properties("WriteMailbox")["VpcConfig"]
        self.reserved = {"WriteMailbox": int(GIVEN["WriteMailboxConcurrency"])}
        self.metrics: dict[tuple[str, str], float] = {}
        self.log: list[dict[str, Any]] = []
        self.probe: tuple[dict[str, Any], str] = ({"probe": "ok"}, "")
        self.mount_targets = [_mount_target("a"), _mount_target("b")]
        self.subnets = [_subnet(name, letter) for name, letter in zip(SUBNETS, "ab", strict=True)]
        self.groups = [security_group(TARGETS, GROUP), _open(GROUP)]
        self.key_state = "Enabled"
        self.key_policy: dict[str, Any] = {
            "Version": "2012-10-17",
            "Statement": [_ROOT, *key_policy.statements(STACK, region=REGION, account=ACCOUNT)],
        }
        self.answers |= self._answers()

    def _answers(self) -> dict[str, Any]:
        return {
            "cloudformation.DescribeStacks": lambda _: {"Stacks": [self._stack()]},
            "cloudformation.ListStackResources": {"StackResourceSummaries": [_summary(one) for one in RESOURCES]},
            "ses.DescribeActiveReceiptRuleSet": lambda _: (
                {"Metadata": {"Name": self.rule_set}, "Rules": self.rules} if self.rule_set else {}
            ),
            "ses.ListReceiptRuleSets": {"RuleSets": [{"Name": "default-rule-set"}]},
            "s3.GetBucketPolicy": lambda _: {"Policy": json.dumps(self.bucket_policy)},
            "sns.GetTopicAttributes": lambda asked: {"Attributes": _texts(self.topics[asked["TopicArn"]])},
            "sns.ListSubscriptionsByTopic": lambda asked: {"Subscriptions": self.subscriptions[asked["TopicArn"]]},
            "sns.GetSubscriptionAttributes": lambda _: {"Attributes": self.subscription},
            "sqs.GetQueueAttributes": self._queue,
            "sqs.ReceiveMessage": {},
            "pipes.DescribePipe": lambda _: self.pipe,
            "cloudwatch.DescribeAlarms": lambda asked: {
                "MetricAlarms": [one for one in self.alarms.values() if one["AlarmName"] in asked["AlarmNames"]]
            },
            "cloudwatch.GetMetricStatistics": self._metric,
            "dynamodb.DescribeTable": lambda asked: {"Table": self.tables[asked["TableName"]]},
            "dynamodb.DescribeTimeToLive": lambda _: {
                "TimeToLiveDescription": {
                    "TimeToLiveStatus": "ENABLED" if self.expiry["Enabled"] else "DISABLED",
                    "AttributeName": self.expiry["AttributeName"],
                }
            },
            "dynamodb.DescribeContinuousBackups": lambda _: {
                "ContinuousBackupsDescription": {
                    "ContinuousBackupsStatus": "ENABLED",
                    "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": self.backups},
                }
            },
            "dynamodb.Scan": lambda _: {"Items": self.directory},
            "lambda.GetFunctionConfiguration": lambda asked: self.functions[_logical(asked["FunctionName"])],
            "lambda.GetFunctionConcurrency": self._reserved,
            "lambda.GetAccountSettings": {
                "AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 950}
            },
            "lambda.Invoke": self._invoke,
            "logs.FilterLogEvents": lambda _: {"events": self.log},
            "efs.DescribeFileSystems": {"FileSystems": [file_system(FILE_SYSTEM)]},
            "efs.DescribeAccessPoints": {"AccessPoints": [access_point(ACCESS_POINT)]},
            "efs.DescribeMountTargets": lambda _: {"MountTargets": self.mount_targets},
            "efs.DescribeMountTargetSecurityGroups": {"SecurityGroups": [TARGETS]},
            "ec2.DescribeSubnets": lambda _: {"Subnets": self.subnets},
            "ec2.DescribeSecurityGroups": lambda asked: {
                "SecurityGroups": [one for one in self.groups if one["GroupId"] in _wanted(asked)]
            },
            "ec2.DescribeVpcEndpoints": {"VpcEndpoints": [endpoint("vpce-0a", "rtb-0a")]},
            "ec2.DescribeRouteTables": {"RouteTables": [route_table("rtb-0a", *SUBNETS)]},
            "kms.DescribeKey": lambda _: {"KeyMetadata": {"KeyId": KEY, "KeyState": self.key_state}},
            "kms.GetKeyPolicy": lambda _: {"Policy": json.dumps(self.key_policy)},
        }

    def _stack(self) -> dict[str, Any]:
        outputs = {name: one["Value"] for name, one in resolved(_TEMPLATE["Outputs"]).items()}
        return {
            "StackName": STACK,
            "StackStatus": self.status,
            "CreationTime": datetime.now(UTC),
            "Outputs": [
                {"OutputKey": name, "OutputValue": value}
                for name, value in (outputs | {"Version": self.version}).items()
            ],
            "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()],
        }

    def _queue(self, asked: dict[str, Any]) -> dict[str, Any]:
        known = _texts(self.queues[_logical(asked["QueueUrl"].rpartition("/")[2])])
        return {"Attributes": {name: known[name] for name in asked["AttributeNames"] if name in known}}

    def _metric(self, asked: dict[str, Any]) -> dict[str, Any]:
        [dimension] = asked["Dimensions"]
        value = self.metrics.get((asked["MetricName"], _logical(dimension["Value"])))
        [statistic] = asked["Statistics"]
        return {"Datapoints": [] if value is None else [{"Timestamp": datetime.now(UTC), statistic: value}]}

    def _reserved(self, asked: dict[str, Any]) -> dict[str, Any]:
        reserved = self.reserved.get(_logical(asked["FunctionName"]))
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def _invoke(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert json.loads(asked["Payload"]) == {"probe": True}
        answer, error = self.probe
        payload = io.BytesIO(json.dumps(answer).encode())
        return {"StatusCode": 200, "Payload": payload, **({"FunctionError": error} if error else {})}


_ROOT = {
    "Sid": "Enable IAM User Permissions",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


def _subscription(protocol: str, where: str) -> dict[str, str]:
    return {"SubscriptionArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:one:2", "Protocol": protocol, "Endpoint": where}


def _summary(name: str) -> dict[str, Any]:
    return {
        "LogicalResourceId": name,
        "PhysicalResourceId": physical(name),
        "ResourceType": RESOURCES[name]["Type"],
        "LastUpdatedTimestamp": datetime.now(UTC),
        "ResourceStatus": "CREATE_COMPLETE",
    }


def _table(name: str) -> dict[str, Any]:
    described = properties(name)
    indexes = described.get("GlobalSecondaryIndexes", [])
    return {
        "TableName": physical(name),
        "TableStatus": "ACTIVE",
        "KeySchema": described["KeySchema"],
        "GlobalSecondaryIndexes": [
            {"IndexName": one["IndexName"], "KeySchema": one["KeySchema"], "IndexStatus": "ACTIVE"} for one in indexes
        ],
    }


def _mount_target(letter: str) -> dict[str, Any]:
    return {**mount_target(letter), "SubnetId": f"subnet-of-the-target-{letter}", "FileSystemId": FILE_SYSTEM}


def _subnet(name: str, letter: str) -> dict[str, Any]:
    block = f"10.0.{'ab'.index(letter)}.0/24"
    return {"SubnetId": name, "AvailabilityZone": f"{REGION}{letter}", "VpcId": "vpc-0a", "CidrBlock": block}


def _open(name: str) -> dict[str, Any]:
    """A security group as a new one is: everything may go out."""
    return {"GroupId": name, "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}


def _wanted(asked: dict[str, Any]) -> list[str]:
    return list(asked["Filters"][0]["Values"])


def _logical(name: str) -> str:
    return name.removeprefix(f"{STACK}-")


def _texts(attributes: dict[str, Any]) -> dict[str, str]:
    return {name: one if isinstance(one, str) else json.dumps(one) for name, one in attributes.items()}
