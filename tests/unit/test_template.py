"""House rules of the template: what must be true of every queue, function, role and table in it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads
from mailroom.settings import QUARANTINE_PREFIX

from tools.deployed_template import deployed

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
OUTPUTS = {
    "Version",
    "MailBucketName",
    "NotificationTopicArn",
    "InboundQueueUrl",
    "DeadLetterQueueUrl",
    "ParkedQueueUrl",
    "DirectoryTableName",
    "DeliveriesTableName",
    "DeliverMailArn",
    "PipeName",
    "FileSystemOfMailboxes",
    "AccessPointOfMailboxes",
    "VpcId",
    "PrivateSubnetIds",
    "WriteMailboxGroupId",
    "DovecotGroupId",
    "MountCommand",
}
# Ends: what comes to rest here is for people, so there is no queue behind them.
TERMINAL_QUEUES = {"DeadLetterQueue", "ParkedQueue"}
# AWS offers no resource-level permissions for these (the template says where that is documented), or denies all.
WILDCARDS = {"DeliverLogs", "AttachToTheVpc", "CountFailures", "CountProbes", "SendTraces"}
# Who is meant is said otherwise: by a security group, and by the routes that lead to an endpoint.
ANYBODY = {"LetTheNetworkMount", "OnlyReadTheMailBucket"}
# An alarm that goes back to OK although nothing has changed, in order to ring again.
REMINDERS = {"MailStillWaitsAlarm", "InboundDaysAlarm"}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return loads(TEMPLATE.read_text(), str(TEMPLATE))


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    found = {name: one for name, one in template["Resources"].items() if one["Type"] == kind}
    assert found, kind
    return found


def statements(node: Any) -> Iterator[dict[str, Any]]:
    """Every policy statement below a node, however deep and behind whatever condition."""
    if isinstance(node, dict):
        yield from node.get("Statement", [])
        for value in node.values():
            yield from statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from statements(value)


def texts(node: Any) -> Iterator[str]:
    """Every text below a node."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from texts(value)
    elif isinstance(node, str):
        yield node


def test_parameters_and_outputs_are_described(template: dict[str, Any]) -> None:
    for name, one in (template["Parameters"] | template["Outputs"]).items():
        assert len(one["Description"]) > 15, name
    assert all("Default" in one for one in template["Parameters"].values()), "sam deploy must work without a question"
    assert set(template["Outputs"]) == OUTPUTS


def test_every_parameter_is_in_one_group_and_asked_for_in_its_order(template: dict[str, Any]) -> None:
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    labels = [group["Label"]["default"] for group in groups]
    assert all(labels)
    assert len(set(labels)) == len(labels)
    assert [name for group in groups for name in group["Parameters"]] == list(template["Parameters"])


def test_every_queue_has_a_dead_letter_queue_and_an_alarm(template: dict[str, Any]) -> None:
    watched = {
        value["Fn::GetAtt"][0]
        for alarm in resources(template, "AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Properties"].get("Dimensions", [])
        if isinstance(value := dimension["Value"], dict) and "Fn::GetAtt" in value
    }
    for name, queue in resources(template, "AWS::SQS::Queue").items():
        assert ("RedrivePolicy" in queue["Properties"]) != (name in TERMINAL_QUEUES), name
        assert name in watched, name
        assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 86_400, name


def test_every_alarm_tells_the_alarm_topic(template: dict[str, Any]) -> None:
    for name, alarm in resources(template, "AWS::CloudWatch::Alarm").items():
        wanted = {"AlarmActions"} if name in REMINDERS else {"AlarmActions", "OKActions"}
        assert {"AlarmDescription", "TreatMissingData", *wanted} <= set(alarm["Properties"]), name
        for actions in wanted:
            assert alarm["Properties"][actions] == {
                "Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]
            }, name
    assert TEMPLATE.read_text().count("!If [HasAlarmTopic") == 1, "an anchor holds the actions"


def test_what_holds_state_is_kept(template: dict[str, Any]) -> None:
    for kind in ("AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::DynamoDB::Table", "AWS::EFS::FileSystem"):
        for name, one in resources(template, kind).items():
            assert (one.get("DeletionPolicy"), one.get("UpdateReplacePolicy")) == ("Retain", "Retain"), name


def test_tables_are_encrypted_and_can_be_restored(template: dict[str, Any]) -> None:
    for name, table in resources(template, "AWS::DynamoDB::Table").items():
        assert table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], name
        assert table["Properties"]["SSESpecification"]["SSEEnabled"], name


def test_every_function_has_its_role_and_its_log_group_in_front(template: dict[str, Any]) -> None:
    order = list(template["Resources"])
    for name, function in resources(template, "AWS::Serverless::Function").items():
        assert function["Properties"]["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        assert function["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}LogGroup"}
        assert order.index(f"{name}LogGroup") < order.index(name)
        assert function["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == name
        folder = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        assert function["Properties"]["CodeUri"] == f"functions/{folder}"
        assert (TEMPLATE.parent / "functions" / folder / "app.py").is_file()
    for name, group in resources(template, "AWS::Logs::LogGroup").items():
        assert "RetentionInDays" in group["Properties"], name


def test_no_role_uses_a_managed_policy(template: dict[str, Any]) -> None:
    for name, role in resources(template, "AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role["Properties"], name


def test_statements_are_named_and_narrow(template: dict[str, Any]) -> None:
    for name, resource in template["Resources"].items():
        sids = [statement["Sid"] for statement in statements(resource)]
        assert len(sids) == len(set(sids)), name
        for statement in statements(resource):
            if statement["Effect"] == "Allow":
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                assert not any("*" in action for action in actions), statement["Sid"]
                assert (statement.get("Resource") == "*") == (statement["Sid"] in WILDCARDS), statement["Sid"]
                anybody = statement.get("Principal") in ("*", {"AWS": "*"})
                assert anybody == (statement["Sid"] in ANYBODY), statement["Sid"]


def test_the_workflow_may_put_metrics_of_its_own_only(template: dict[str, Any]) -> None:
    [statement] = [one for one in statements(template["Resources"]["DeliverMailRole"]) if one["Sid"] == "CountFailures"]
    assert statement["Action"] == "cloudwatch:PutMetricData"
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Mailroom"}}


def test_the_workflow_may_do_with_its_table_what_its_states_do() -> None:
    """No emulator here checks a role."""
    states = (TEMPLATE.parent / "statemachine" / "deliver_mail.asl.json").read_text()
    done = {action[0].upper() + action[1:] for action in re.findall(r"(?::dynamodb:)(\w+)\"", states)}
    allowed = {
        one["Action"].removeprefix("dynamodb:"): one["Resource"]
        for one in statements(deployed("defaults")["Resources"]["DeliverMailRole"])
        if "dynamodb:" in str(one["Action"])
    }
    assert allowed == {key: {"Fn::GetAtt": ["DeliveriesTable", "Arn"]} for key in done}


@pytest.mark.parametrize("role", ["DeliverMailRole", "WriteMailboxRole"])
def test_who_reads_raw_mail_is_told_that_it_is_gone(role: str) -> None:
    """Without the right to list, S3 answers 403 for an object that is not there, and no emulator imitates that."""
    listed = statements(deployed("defaults")["Resources"][role])
    allowed = [one for one in listed if one["Action"] == "s3:ListBucket"]
    assert [one["Resource"] for one in allowed] == [{"Fn::GetAtt": ["MailBucket", "Arn"]}]


def test_the_indexes_of_the_deliveries_table(template: dict[str, Any]) -> None:
    """An upgrade makes them one by one, because DynamoDB makes no two in one update."""
    properties = template["Resources"]["DeliveriesTable"]["Properties"]
    by_mailbox, by_time, put_off = properties["GlobalSecondaryIndexes"]
    (condition, needs_attention, nothing) = put_off["Fn::If"]
    assert (condition, nothing) == ("HasAttentionIndex", {"Ref": "AWS::NoValue"})
    keys = {
        one["IndexName"]: [(key["AttributeName"], key["KeyType"]) for key in one["KeySchema"]]
        for one in (by_mailbox, by_time, needs_attention)
    }
    assert keys == {
        "by_mailbox": [("mailbox", "HASH"), ("received_at", "RANGE")],
        "by_time": [("month", "HASH"), ("received_at", "RANGE")],
        "needs_attention": [("attention", "HASH"), ("received_at", "RANGE")],
    }
    assert by_time["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["source"]}
    shown = ["status", "entry", "code", "error", "source"]
    assert needs_attention["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": shown}
    defined = [one for one in properties["AttributeDefinitions"] if "Fn::If" in one]
    assert [one["Fn::If"][:2] for one in defined] == [
        ["HasAttentionIndex", {"AttributeName": "attention", "AttributeType": "S"}]
    ]


def test_only_this_account_s_receipt_rules_may_write_and_notify(template: dict[str, Any]) -> None:
    for name in ("MailBucketPolicy", "NotificationTopicPolicy"):
        (statement,) = [one for one in statements(template["Resources"][name]) if one["Effect"] == "Allow"]
        assert statement["Principal"] == {"Service": "ses.amazonaws.com"}
        assert statement["Condition"]["StringEquals"]["AWS:SourceAccount"] == {"Ref": "AWS::AccountId"}
        assert "receipt-rule-set" in statement["Condition"]["ArnLike"]["AWS:SourceArn"]["Fn::Sub"]


def test_arns_name_no_partition() -> None:
    assert "arn:aws:" not in TEMPLATE.read_text()


def test_the_pipe_keeps_the_contract(template: dict[str, Any]) -> None:
    pipe = template["Resources"]["Pipe"]["Properties"]
    assert pipe["SourceParameters"] == {"SqsQueueParameters": {"BatchSize": 1}}
    assert pipe["TargetParameters"] == {"StepFunctionStateMachineParameters": {"InvocationType": "REQUEST_RESPONSE"}}, (
        "synchronous, and no input template: a body that is not JSON must reach ValidateEvent"
    )
    assert template["Resources"]["InboundSubscription"]["Properties"]["RawMessageDelivery"] is True


def test_the_workflow_s_log_feeds_the_console(template: dict[str, Any]) -> None:
    machine = template["Resources"]["DeliverMail"]["Properties"]
    assert machine["Type"] == "EXPRESS"
    assert machine["Logging"]["Level"] == "ALL"
    assert machine["Logging"]["IncludeExecutionData"] == {"Fn::If": ["HasExecutionData", True, False]}
    assert template["Conditions"]["HasExecutionData"] == {"Fn::Equals": [{"Ref": "ExecutionLog"}, "full"]}
    assert template["Parameters"]["ExecutionLog"]["Default"] == "full", "a replay from the console is a promise"


def test_every_storage_metric_has_the_same_name_of_the_storage(template: dict[str, Any]) -> None:
    """Where it is counted and where it is looked at; two stacks in one account do not count for each other."""
    metrics = [
        metric["MetricStat"]["Metric"]
        for alarm in resources(template, "AWS::CloudWatch::Alarm").values()
        for metric in alarm["Properties"].get("Metrics", [])
        if "MetricStat" in metric
    ]
    names = [metric["Dimensions"] for metric in metrics if metric["MetricName"].startswith("Storage")]
    machines = resources(template, "AWS::Serverless::StateMachine").values()
    asked = [one["Properties"]["DefinitionSubstitutions"].get("StorageName") for one in machines]
    name = {"Fn::Sub": "${AWS::StackName}/efs"}
    assert [one for one in asked if one] == [name] * sum(one is not None for one in asked)
    assert name in asked
    assert names == [[{"Name": "Storage", "Value": name}]] * len(names)


def test_raw_mail_outlives_every_queue(template: dict[str, Any]) -> None:
    queue_days = (
        max(queue["Properties"]["MessageRetentionPeriod"] for queue in resources(template, "AWS::SQS::Queue").values())
        / 86_400
    )
    assert template["Parameters"]["MailRetentionDays"]["MinValue"] > queue_days


def test_the_quarantine_s_prefix_has_one_source(template: dict[str, Any]) -> None:
    assert template["Mappings"]["Quarantine"]["Objects"]["KeyPrefix"] == QUARANTINE_PREFIX
    pattern = template["Parameters"]["MailKeyPrefix"]["AllowedPattern"]
    assert f"(?!{QUARANTINE_PREFIX})" in pattern, "a pattern cannot refer to the mapping"
    assert not [line for line in texts(template["Resources"]) if QUARANTINE_PREFIX in line]
    prefix = {"Fn::FindInMap": ["Quarantine", "Objects", "KeyPrefix"]}
    assert (
        template["Resources"]["ValidateEvent"]["Properties"]["Environment"]["Variables"]["QUARANTINE_PREFIX"] == prefix
    )
    assert template["Resources"]["DeliverMail"]["Properties"]["DefinitionSubstitutions"]["QuarantinePrefix"] == prefix


@pytest.mark.parametrize(
    ("prefix", "allowed"),
    [
        ("mail/", True),
        ("in/2026/", True),
        ("quarantine-old/", True),
        ("old/quarantine/", True),
        ("Quarantine/", True),
        ("", False),
        ("/", False),
        ("mail", False),
        ("/mail/", False),
        ("mail//in/", False),
        ("my mail/", False),
        (QUARANTINE_PREFIX, False),
        (f"{QUARANTINE_PREFIX}in/", False),
        ("*/", False),
        ("quarantin?/", False),
        ("${aws:username}/", False),
    ],
)
def test_mail_is_never_stored_in_quarantine(template: dict[str, Any], prefix: str, allowed: bool) -> None:
    pattern = template["Parameters"]["MailKeyPrefix"]["AllowedPattern"]
    assert (re.fullmatch(pattern, prefix) is not None) == allowed
