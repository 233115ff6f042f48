"""``mailroomctl doctor`` before a healthy deployment, and whatever can be broken in one."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from dns.exception import Timeout
from dns.name import from_text
from dns.resolver import NXDOMAIN

from mailroomctl.doctor import mx_records, run
from mailroomctl.doctor.checks import CHECKS
from mailroomctl.doctor.findings import Finding
from mailroomctl.doctor.patient import Patient
from mailroomctl.stack import Stack
from mailroomctl.version import VERSION
from tests.integration.aws_account import ACCOUNT, REGION, Account, access_point, rule, security_group
from tests.integration.command_line import Operator
from tests.integration.deployed_account import (
    ALARMS,
    FILE_SYSTEM,
    GROUP,
    SUBNETS,
    TARGETS,
    DeployedAccount,
    arn,
    physical,
)

INBOUND = f"inbound-smtp.{REGION}.amazonaws.com"
TOPIC = arn("NotificationTopic")


class Doctor(Operator):
    """Types ``mailroomctl doctor``; ``records`` are the MX records of the domains."""

    def __init__(self, account: DeployedAccount) -> None:
        super().__init__()
        self.account = account
        self.records: dict[str, Any] = {"example.com": [(10, INBOUND)], "example.org": [(10, INBOUND)]}

    def look(self, code: int = 0, options: str = "") -> dict[int, dict[str, Any]]:
        """The checks by their numbers."""
        return {one["number"]: one for one in json.loads(self.run(f"doctor {options} --json", code))}

    def check(self, number: int) -> list[Finding]:
        """What one check finds."""
        return run.look(Patient(Stack(region=REGION)), CHECKS[number - 1])

    def resolve(self, domain: str, kind: str, lifetime: float) -> list[Any]:
        """What dnspython's resolver does."""
        assert (kind, lifetime < 10) == ("MX", True)
        found = self.records.get(domain, NXDOMAIN())
        if isinstance(found, Exception):
            raise found
        return [SimpleNamespace(preference=number, exchange=from_text(host)) for number, host in found]


def diagnosed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Doctor]:
    """A doctor before a healthy deployment, for a fixture."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "MAILROOM_STACK_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", REGION)
    doctor = Doctor(DeployedAccount())
    monkeypatch.setattr(Stack, "_client", lambda stack, name, **config: doctor.account.client(stack, name, **config))
    monkeypatch.setattr(mx_records, "resolver", lambda: doctor)
    yield doctor


type Change = Callable[[Doctor], Any]


def without(policy: dict[str, Any], sid: str) -> None:
    policy["Statement"] = [one for one in policy["Statement"] if one["Sid"] != sid]


def deny(policy: dict[str, Any], **condition: Any) -> None:
    everything = {"Sid": "Deny", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    policy["Statement"].append(everything | ({"Condition": condition} if condition else {}))


def first_rule(at: Doctor, name: str, recipients: list[str], **actions: Any) -> None:
    at.account.rules.insert(0, rule(name, recipients, **actions))


def ours(at: Doctor) -> dict[str, Any]:
    return at.account.rules[0]


def store(at: Doctor) -> dict[str, Any]:
    return dict_of(ours(at)["Actions"][0])


def dict_of(action: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = action["S3Action"]
    return found


def entry(address: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"address": {"S": address}, "type": {"S": kind}, "version": {"N": "1"}, **fields}


def topic_of(at: Doctor) -> dict[str, Any]:
    return at.account.topics[TOPIC]


def policy_of(at: Doctor, queue: str) -> dict[str, Any]:
    policy: dict[str, Any] = at.account.queues[queue]["Policy"]
    return policy


STOP = {"StopAction": {"Scope": "RuleSet"}}
BOUNCE = {"BounceAction": {"SmtpReplyCode": "550", "Message": "no", "Sender": "a@b.example"}}
LAMBDA = {"LambdaAction": {"FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"}}
STARVED = {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}}

#: What is broken: the number of the check that names it, its verdict, a part of what it says, and of its remedy.
BROKEN: list[tuple[str, Change, int, str, str, str]] = [
    ("no MX record", lambda at: at.records.pop("example.com"), 1, "failure", "example.com do not name",
     "MX 10 inbound"),
    ("MX elsewhere", lambda at: at.records.update({"example.org": [(10, "mx.example.net")]}), 1, "failure",
     "10 mx.example.net", "example.org. MX 10"),
    ("another MX too", lambda at: at.records["example.com"].append((5, "mx.example.net")), 1, "warning",
     "other MX records too: 5 mx.example.net, 10 inbound-smtp", "take the others away"),
    ("DNS silent", lambda at: at.records.update({"example.com": Timeout(timeout=5)}), 1, "warning",
     "could not be looked up", "dig +short MX example.com"),
    ("another region", lambda at: at.account.answers.update(
        {"ses.DescribeActiveReceiptRuleSet": Account.refuse("InvalidAction")}), 2, "failure",
     "does not receive mail in eu-west-1, but in us-east-1, us-west-2", "mailroomctl init --region"),
    ("no rule set", lambda at: setattr(at.account, "rule_set", ""), 3, "failure", "no rule set is active",
     "aws ses set-active-receipt-rule-set --rule-set-name default-rule-set"),
    ("another rule set", lambda at: (setattr(at.account, "rule_set", "other"), at.account.rules.clear()), 3, "failure",
     "Mailroom's rule is in default-rule-set", "ReceiptRuleSetName=other MailDomains=example.com,example.org"),
    ("rule disabled", lambda at: ours(at).update(Enabled=False), 3, "failure", "is disabled", ".Enabled = true"),
    ("nobody told", lambda at: store(at).pop("TopicArn"), 3, "failure", "tells nobody", f'.TopicArn = "{TOPIC}"'),
    ("another prefix", lambda at: store(at).update(ObjectKeyPrefix="in/"), 3, "failure", "under in/, the stack reads",
     '.ObjectKeyPrefix = "mail/"'),
    ("no scan", lambda at: ours(at).update(ScanEnabled=False), 3, "warning", "does not scan", ".ScanEnabled = true"),
    ("stopped", lambda at: first_rule(at, "first", ["example.org"], **STOP), 4, "failure",
     "the rule first comes first, takes mail for example.org, and stops", "aws ses set-receipt-rule-position"),
    ("stopped for one", lambda at: first_rule(at, "first", ["a@example.org"], **STOP), 4, "warning", "a@example.org",
     "aws ses set-receipt-rule-position"),
    ("bounced", lambda at: first_rule(at, "first", [], **BOUNCE), 4, "failure", "for every domain, and bounces it",
     "aws ses delete-receipt-rule"),
    ("asks a function", lambda at: first_rule(at, "first", [".com"], **LAMBDA), 4, "warning", "may stop the rule set",
     "aws ses set-receipt-rule-position"),
    ("stops itself", lambda at: ours(at)["Actions"].insert(0, STOP), 4, "failure", "stops before it stores mail",
     "aws ses update-receipt-rule"),
    ("domain unknown", lambda at: at.account.directory.pop(1), 5, "failure", "takes example.org, which the directory",
     "mailroomctl domain add example.org"),
    ("domain not taken", lambda at: at.account.directory.append(entry("@example.net", "domain")), 5, "warning",
     "knows example.net, which the rule does not take", "MailDomains=example.com,example.org,example.net"),
    ("key in the rule", lambda at: store(at).update(KmsKeyArn="arn:aws:kms:eu-west-1:1:key/1"), 6, "failure",
     "has a KMS key", "del(.Actions[].S3Action.KmsKeyArn)"),
    ("bucket closed", lambda at: without(at.account.bucket_policy, "LetReceiptRulesStoreMail"), 7, "failure",
     "no statement of its policy allows it", '"Sid": "LetReceiptRulesStoreMail"'),
    ("bucket for another", lambda at: at.account.bucket_policy["Statement"][0]["Condition"]["StringEquals"].update(
        {"AWS:SourceAccount": "1"}), 7, "failure", "LetReceiptRulesStoreMail does on another condition", "put-bucket"),
    ("bucket denied", lambda at: deny(at.account.bucket_policy), 7, "failure", "the statement Deny denies it",
     "aws s3api get-bucket-policy"),
    ("bucket unclear", lambda at: deny(at.account.bucket_policy, IpAddress={"aws:SourceIp": "10.0.0.0/8"}), 7,
     "warning",
     "the statement Deny is not understood", "aws s3api get-bucket-policy"),
    ("no bucket policy", lambda at: at.account.answers.update(
        {"s3.GetBucketPolicy": Account.refuse("NoSuchBucketPolicy", 404)}), 7, "failure", "no statement", "put-bucket"),
    ("topic closed", lambda at: without(topic_of(at)["Policy"], "LetReceiptRulesNotify"), 8, "failure", "no statement",
     "aws sns set-topic-attributes"),
    ("topic under SNS's key", lambda at: topic_of(at).update(KmsMasterKeyId="alias/aws/sns"), 8, "failure",
     "alias/aws/sns", "--attribute-name KmsMasterKeyId"),
    ("topic gone", lambda at: at.account.answers.update({"sns.GetTopicAttributes": Account.refuse("NotFound", 404)}), 8,
     "failure", "no statement", "aws sns"),
    ("queue closed", lambda at: without(policy_of(at, "InboundQueue"), "LetTheTopicSend"), 9, "failure",
     "the topic may send to the inbound queue: no statement", "aws sqs set-queue-attributes"),
    ("dead-letter queue closed", lambda at: without(policy_of(at, "DeadLetterQueue"), "LetTheTopicSend"), 9, "failure",
     "the topic may send to the dead-letter queue: no statement", "aws sqs set-queue-attributes"),
    ("queue under SQS's key", lambda at: at.account.queues["InboundQueue"].update(KmsMasterKeyId="alias/aws/sqs"), 9,
     "failure", "alias/aws/sqs", "KmsMasterKeyId"),
    ("queue gone", lambda at: at.account.answers.update(
        {"sqs.GetQueueAttributes": Account.refuse("AWS.SimpleQueueService.NonExistentQueue")}), 9, "failure",
     "GetQueueAttributes", "detect-stack-drift"),
    ("not subscribed", lambda at: at.account.subscriptions[TOPIC].clear(), 10, "failure", "is not subscribed",
     "aws sns subscribe"),
    ("unconfirmed", lambda at: at.account.subscriptions[TOPIC][0].update(SubscriptionArn="PendingConfirmation"), 10,
     "failure", "PendingConfirmation", "aws sns subscribe"),
    ("filtered", lambda at: at.account.subscription.update(FilterPolicy='{"a": ["b"]}'), 10, "failure", "filter policy",
     "--attribute-name FilterPolicy"),
    ("no dead letters", lambda at: at.account.subscription.pop("RedrivePolicy"), 10, "warning", "no dead-letter queue",
     arn("DeadLetterQueue")),
    ("wrapped", lambda at: at.account.subscription.update(RawMessageDelivery="false"), 11, "failure", "delivery is off",
     "--attribute-name RawMessageDelivery"),
    ("pipe stopped", lambda at: at.account.pipe.update(
        DesiredState="STOPPED", CurrentState="STOPPED", Tags={"OperatorStop": "2026-11-24T10:00:00Z"}), 12, "failure",
     "STOPPED by an operator since 2026-11-24T10:00:00Z", "mailroomctl pipe start"),
    ("pipe failed", lambda at: at.account.pipe.update(CurrentState="START_FAILED", StateReason="no right"), 12,
     "failure",
     "START_FAILED, to be RUNNING (no right)", "mailroomctl pipe start"),
    ("pipe marked", lambda at: at.account.pipe.update(Tags={"OperatorStop": "x"}), 12, "warning", "marked as stopped",
     "mailroomctl pipe start"),
    ("another target", lambda at: at.account.pipe.update(Target=arn("ParkedQueue")), 13, "failure",
     "not to the workflow", "aws pipes update-pipe"),
    ("another source", lambda at: at.account.pipe.update(Source=arn("ParkedQueue")), 13, "failure",
     "not the inbound queue", "detect-stack-drift"),
    ("batches", lambda at: at.account.pipe["SourceParameters"]["SqsQueueParameters"].pop("BatchSize"), 13, "failure",
     "takes 10 messages at a time", "BatchSize=1"),
    ("window", lambda at: at.account.pipe["SourceParameters"]["SqsQueueParameters"].update(
        MaximumBatchingWindowInSeconds=5), 13, "failure", "waits 5 s for a batch", "MaximumBatchingWindowInSeconds=0"),
    ("forgets", lambda at: at.account.pipe["TargetParameters"]["StepFunctionStateMachineParameters"].update(
        InvocationType="FIRE_AND_FORGET"), 13, "failure", "does not wait for the outcome", "REQUEST_RESPONSE"),
    ("dead letters", lambda at: at.account.queues["DeadLetterQueue"].update(ApproximateNumberOfMessages="1"), 14,
     "failure", "1 message in the dead-letter queue", "mailroomctl dead-letters list"),
    ("parked", lambda at: at.account.queues["ParkedQueue"].update(ApproximateNumberOfMessages="2"), 14, "failure",
     "2 messages in the parked queue", "mailroomctl parked list"),
    ("late", lambda at: waiting(at, hours=1), 14, "warning", "14.0 days left", "mailroomctl status"),
    ("days late", lambda at: waiting(at, hours=24 * 11), 14, "failure", "3.0 days left", "mailroomctl status"),
    ("rings", lambda at: at.account.alarms["StorageAlarm"].update(StateValue="ALARM"), 15, "failure",
     "StorageAlarm rings: Deliveries to several mailboxes fail", "describe-alarms"),
    ("alarm gone", lambda at: at.account.alarms.pop("ParkedAlarm"), 15, "failure", "ParkedAlarm is gone", "drift"),
    ("alarm mute", lambda at: at.account.alarms["ParkedAlarm"].update(ActionsEnabled=False), 15, "warning",
     "actions of ParkedAlarm are disabled", "enable-alarm-actions"),
    ("nobody reads", lambda at: at.account.subscriptions[ALARMS].clear(), 16, "failure", "nobody is subscribed",
     f"aws sns subscribe --protocol email --topic-arn {ALARMS}"),
    ("unconfirmed reader", lambda at: at.account.subscriptions[ALARMS][0].update(SubscriptionArn="PendingConfirmation"),
     16, "failure", "nobody has confirmed yet: ops@example.net", "aws sns subscribe"),
    ("no topic", lambda at: at.account.parameters.update(AlarmTopicArn=""), 16, "warning", "no topic for alarms",
     "sam deploy --parameter-overrides AlarmTopicArn="),
    ("topic of alarms gone", lambda at: gone_topic(at), 16, "failure", "there is no topic", "aws sns create-topic"),
    ("topic of alarms under SNS's key", lambda at: at.account.topics[ALARMS].update(KmsMasterKeyId="alias/aws/sns"), 16,
     "failure", "alias/aws/sns", "--attribute-name KmsMasterKeyId"),
    ("alarm without action", lambda at: at.account.alarms["ParkedAlarm"].update(AlarmActions=[]), 16, "failure",
     "ParkedAlarm does not tell the topic", "drift"),
    ("table gone", lambda at: at.account.answers.update(
        {"dynamodb.DescribeTable": Account.refuse("ResourceNotFoundException")}), 17, "failure", "is gone",
        "restore-table"),
    ("index gone", lambda at: deliveries(at)["GlobalSecondaryIndexes"].pop(1), 17, "failure", "by_time is not there",
     "drift"),
    ("index later", lambda at: (deliveries(at)["GlobalSecondaryIndexes"].pop(2),
                                at.account.parameters.update(AttentionIndex="later")), 17, "failure",
     "needs_attention is not there", "AttentionIndex=enabled"),
    ("index being made", lambda at: deliveries(at)["GlobalSecondaryIndexes"][0].update(IndexStatus="CREATING"), 17,
     "warning", "by_mailbox is CREATING", "describe-table"),
    ("index on something else", lambda at: deliveries(at)["GlobalSecondaryIndexes"][0]["KeySchema"].pop(), 17,
     "failure",
     "by_mailbox has the keys mailbox", "sam deploy"),
    ("keys", lambda at: deliveries(at)["KeySchema"].pop(), 17, "failure", "has the keys message_id", "sam deploy"),
    ("no backups", lambda at: setattr(at.account, "backups", "DISABLED"), 17, "warning", "point-in-time recovery",
     "update-continuous-backups"),
    ("no expiry", lambda at: at.account.expiry.update(Enabled=False), 17, "warning", "do not expire",
     "update-time-to-live"),
    ("alias to nowhere", lambda at: at.account.directory.append(
        entry("info@example.com", "alias", targets={"L": [{"S": "no@example.com"}]})), 18, "failure",
     "info@example.com: ", "mailroomctl directory check"),
    ("domain without entry", lambda at: at.account.directory.append(entry("x@example.net", "mailbox")), 18, "warning",
     "@example.net: 1 address and no entry", "mailroomctl directory check"),
    ("empty directory", lambda at: at.account.directory.clear(), 18, "warning", "is empty", "mailroomctl mailbox add"),
    ("errors", lambda at: failing(at), 19, "warning",
     "3 of 7 runs of WriteMailbox failed in the last hour; the last was StorageUnavailable: disk full",
     "mailroomctl trace --status FAILED"),
    ("throttled", lambda at: at.account.metrics.update({("Throttles", "ResolveMailboxes"): 4.0}), 19, "warning",
     "ResolveMailboxes was throttled 4 times", "get-account-settings"),
    ("function broken", lambda at: at.account.functions["WriteMailbox"].update(State="Failed", StateReason="no subnet"),
     19, "failure", "WriteMailbox is Failed: no subnet", "get-function-configuration"),
    ("update failed", lambda at: at.account.functions["ValidateEvent"].update(LastUpdateStatus="Failed"), 19, "failure",
     "the last update of ValidateEvent failed", "sam deploy"),
    ("none reserved", lambda at: at.account.reserved.update(WriteMailbox=0), 20, "failure", "may not run at all",
     "put-function-concurrency --function-name mailroom-WriteMailbox --reserved-concurrent-executions 50"),
    ("step shut", lambda at: at.account.reserved.update(ValidateEvent=0), 20, "failure", "ValidateEvent may not run",
     "delete-function-concurrency"),
    ("reserved by hand", lambda at: at.account.reserved.update(WriteMailbox=20), 20, "warning",
     "20 of WriteMailbox are reserved, and the stack's parameter says 50", "put-function-concurrency"),
    ("reservation gone", lambda at: at.account.reserved.clear(), 20, "warning", "none of WriteMailbox are reserved",
     "put-function-concurrency"),
    ("too few reserved", lambda at: (at.account.reserved.update(WriteMailbox=5),
                                     at.account.parameters.update(WriteMailboxConcurrency="5")), 20, "warning",
     "may run 5 times, and one message alone has 10", "WriteMailboxConcurrency=50"),
    ("new account", lambda at: (at.account.reserved.clear(), at.account.parameters.update(WriteMailboxConcurrency="0"),
                                at.account.answers.update({"lambda.GetAccountSettings": STARVED})), 20, "warning",
     "10 functions may run at once", "aws service-quotas request-service-quota-increase"),
    ("no mount target", lambda at: at.account.mount_targets.pop(), 21, "failure",
     f"{SUBNETS[1]} ({REGION}b) has no mount target", "aws efs create-mount-target"),
    ("mount target being made", lambda at: at.account.mount_targets[0].update(LifeCycleState="creating"), 21, "failure",
     "no mount target that is available: creating", "aws efs create-mount-target"),
    ("subnet gone", lambda at: at.account.subnets.pop(), 21, "failure", f"there is no subnet {SUBNETS[1]}",
     "sam deploy"),
    ("file system gone", lambda at: at.account.answers.update(
        {"efs.DescribeFileSystems": Account.refuse("FileSystemNotFound", 404)}), 21, "failure",
     f"the file system {FILE_SYSTEM} is not there", "describe-file-systems"),
    ("access point gone", lambda at: at.account.answers.update({"efs.DescribeAccessPoints": {"AccessPoints": []}}), 21,
     "failure", "has no access point", "create-access-point"),
    ("access point of root", lambda at: point(at, 0), 21, "failure", "writes as root", "create-access-point"),
    ("access point of nobody", lambda at: point(at, None), 21, "failure", "has no POSIX user", "create-access-point"),
    ("no way to S3", lambda at: at.account.answers.update({"ec2.DescribeVpcEndpoints": {"VpcEndpoints": []}}), 21,
     "warning", "rtb-0a do not lead to a gateway endpoint", "aws ec2 create-vpc-endpoint"),
    ("no file system", lambda at: at.account.parameters.update(FileSystemId=""), 21, "failure", "has no file system",
     "mailroomctl init"),
    ("not let in", lambda at: at.account.groups.__setitem__(0, security_group(TARGETS, "sg-0000000b")), 22, "failure",
     "does not let the function in on TCP 2049",
     f"--group-id {TARGETS} --protocol tcp --port 2049 --source-group {GROUP}"),
    ("another range let in", lambda at: at.account.groups.__setitem__(
        0, security_group(TARGETS, ranges=("10.0.1.0/24",))), 22, "failure", "does not let the function in",
     "authorize-security-group-ingress"),
    ("not let out", lambda at: at.account.groups[1].update(IpPermissionsEgress=[HTTPS]), 22, "failure",
     "let nothing out on TCP 2049", "authorize-security-group-egress"),
    ("no way out to S3", lambda at: at.account.groups[1].update(IpPermissionsEgress=[NFS]), 22, "failure",
     "let nothing out on TCP 443", "authorize-security-group-egress"),
    ("group gone", lambda at: at.account.groups.pop(), 22, "failure", f"there is no security group {GROUP}",
     "sam deploy"),
    ("storage down", lambda at: setattr(
        at.account, "probe", ({"errorType": "StorageUnavailable", "errorMessage": "probing: full"}, "Unhandled")), 23,
     "failure", "StorageUnavailable: probing: full", "aws logs tail"),
    ("mount hangs", lambda at: at.account.answers.update(
        {"lambda.Invoke": Account.refuse("EFSMountTimeoutException", 408)}), 23, "failure", "cannot be started",
     "mount targets"),
    ("another function", lambda at: setattr(at.account, "probe", ({"file_name": "1"}, "")), 23, "failure",
     "WriteMailbox answers", "sam deploy"),
    ("clock a minute ahead", lambda at: clock(at, -60), 24, "warning", " s ahead of AWS's", "timedatectl"),
    ("clock ten minutes behind", lambda at: clock(at, 600), 24, "failure", " s behind AWS's", "timedatectl"),
    *(
        (f"key without {sid}", lambda at, sid=sid: without(at.account.key_policy, sid), 25, "failure",
         f"{service} may use the key: no statement", "aws kms put-key-policy")
        for sid, service in [
            ("LetReceiptRulesEncrypt", "ses.amazonaws.com"), ("LetTheTopicSend", "sns.amazonaws.com"),
            ("LetLogsEncrypt", f"logs.{REGION}.amazonaws.com"), ("LetAlarmsNotify", "cloudwatch.amazonaws.com"),
        ]
    ),
    ("key disabled", lambda at: setattr(at.account, "key_state", "Disabled"), 25, "failure", "the key is Disabled",
     "aws kms enable-key"),
    ("key to be deleted", lambda at: setattr(at.account, "key_state", "PendingDeletion"), 25, "failure",
     "the key is PendingDeletion", "aws kms cancel-key-deletion"),
    ("older stack", lambda at: setattr(at.account, "version", "0.0.9"), 26, "warning",
     f"of version 0.0.9, mailroomctl of {VERSION}", "sam deploy"),
    ("newer stack", lambda at: setattr(at.account, "version", "99.0.0"), 26, "warning", "of version 99.0.0",
     "git checkout v99.0.0"),
    ("half deployed", lambda at: setattr(at.account, "status", "UPDATE_ROLLBACK_FAILED"), 26, "failure",
     "the stack is UPDATE_ROLLBACK_FAILED", "describe-stack-events"),
    ("being deployed", lambda at: setattr(at.account, "status", "UPDATE_IN_PROGRESS"), 26, "warning",
     "the stack is UPDATE_IN_PROGRESS", "describe-stack-events"),
    ("rolled back", lambda at: setattr(at.account, "status", "UPDATE_ROLLBACK_COMPLETE"), 26, "warning",
     "the stack is UPDATE_ROLLBACK_COMPLETE", "describe-stack-events"),
]  # fmt: skip
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
NFS = {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049}


def waiting(at: Doctor, hours: float) -> None:
    at.account.queues["InboundQueue"]["ApproximateNumberOfMessages"] = "1"
    at.account.metrics["ApproximateAgeOfOldestMessage", "InboundQueue"] = hours * 3600


def gone_topic(at: Doctor) -> None:
    known = at.account.answers["sns.GetTopicAttributes"]
    assert callable(known)
    gone = Account.refuse("NotFound", 404)
    at.account.answers["sns.GetTopicAttributes"] = lambda asked: (gone if asked["TopicArn"] == ALARMS else known)(asked)


def deliveries(at: Doctor) -> dict[str, Any]:
    return at.account.tables[physical("DeliveriesTable")]


def failing(at: Doctor) -> None:
    at.account.metrics |= {("Errors", "WriteMailbox"): 3.0, ("Invocations", "WriteMailbox"): 7.0}
    said = {"message": "Failed", "error": "StorageUnavailable", "reason": "disk full"}
    at.account.log = [
        {"timestamp": 2, "message": json.dumps(said)},
        {"timestamp": 1, "message": json.dumps(said | {"reason": "earlier"})},
    ]


def point(at: Doctor, uid: int | None) -> None:
    at.account.answers["efs.DescribeAccessPoints"] = {
        "AccessPoints": [access_point(at.account.parameters["AccessPointId"], uid)]
    }


def clock(at: Doctor, seconds: float) -> None:
    at.account.headers["date"] = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
