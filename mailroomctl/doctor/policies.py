"""May each hand mail to the next? The policies of the bucket, the topic, the queues, and of a key of one's own."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from mailroomctl import key_policy
from mailroomctl.doctor.documents import Answer, Request, Statement, decide, sids, with_statement
from mailroomctl.doctor.findings import Finding, failure, not_applicable, passed, warning
from mailroomctl.doctor.patient import Patient
from mailroomctl.doctor.statements import from_ses, from_topic, of_bucket, of_queue, of_topic

QUEUES = {"Inbound": "inbound queue", "DeadLetter": "dead-letter queue"}
"""The queues that the topic sends to."""


def bucket(patient: Patient) -> Iterator[Finding]:
    """Whether SES may store mail."""
    s3 = patient.client("s3")
    asked = {"absent": ("NoSuchBucketPolicy", "NoSuchBucket"), "Bucket": patient.bucket}
    document = _document(patient.ask("s3:GetBucketPolicy", s3.get_bucket_policy, **asked).get("Policy"))
    statement = of_bucket(patient)
    prefix = patient.parameter("MailKeyPrefix")
    resource = statement["Resource"].replace("/*", f"/{prefix}object")
    new = json.dumps(with_statement(document, statement))
    yield _judge(
        document,
        from_ses(patient, "s3:PutObject", resource),
        "SES may store mail in the bucket",
        "SES accepts mail that it cannot store, tries for four hours, and then it is lost",
        f"aws s3api put-bucket-policy --bucket {patient.bucket} --policy {shlex.quote(new)}",
        f"aws s3api get-bucket-policy --bucket {patient.bucket} --query Policy --output text",
    )


def topic(patient: Patient) -> Iterator[Finding]:
    """Whether SES may notify."""
    call = patient.client("sns").get_topic_attributes
    answer = patient.ask("sns:GetTopicAttributes", call, absent=("NotFound",), TopicArn=patient.topic)
    attributes = answer.get("Attributes", {})
    document = _document(attributes.get("Policy"))
    new = json.dumps(with_statement(document, of_topic(patient)))
    yield _judge(
        document,
        from_ses(patient, "sns:Publish", patient.topic),
        "SES may notify the topic",
        "mail is stored, and nobody is told of it: after four hours SES gives it up",
        f"aws sns set-topic-attributes --topic-arn {patient.topic} --attribute-name Policy"
        f" --attribute-value {shlex.quote(new)}",
        f"aws sns get-topic-attributes --topic-arn {patient.topic} --query Attributes.Policy --output text",
    )
    if attributes.get("KmsMasterKeyId", "").endswith("alias/aws/sns"):
        yield failure(
            "the topic is under AWS's own key alias/aws/sns",
            "SES cannot publish under that key: mail is stored, and nobody is told of it",
            f"aws sns set-topic-attributes --topic-arn {patient.topic} --attribute-name KmsMasterKeyId"
            f" --attribute-value {shlex.quote(patient.parameter('KmsKeyArn'))}",
        )


def queues(patient: Patient) -> Iterator[Finding]:
    """Whether the topic may put notifications into the queue, and what it cannot into the dead-letter queue."""
    sqs = patient.client("sqs")
    for name, words in QUEUES.items():
        url = patient.stack.output(f"{name}QueueUrl")
        names = ["Policy", "QueueArn", "KmsMasterKeyId"]
        answer = patient.ask("sqs:GetQueueAttributes", sqs.get_queue_attributes, QueueUrl=url, AttributeNames=names)
        attributes = answer.get("Attributes", {})
        document = _document(attributes.get("Policy"))
        arn = attributes["QueueArn"]
        new = json.dumps({"Policy": json.dumps(with_statement(document, of_queue(patient, arn)))})
        yield _judge(
            document,
            from_topic(patient, "sqs:SendMessage", arn),
            f"the topic may send to the {words}",
            "SNS drops notifications after its retries: the mail is in the bucket, and is not delivered"
            if name == "Inbound"
            else "what SNS cannot put into the inbound queue is lost instead of waiting here",
            f"aws sqs set-queue-attributes --queue-url {url} --attributes {shlex.quote(new)}",
            f"aws sqs get-queue-attributes --queue-url {url} --attribute-names Policy",
        )
        if attributes.get("KmsMasterKeyId", "").endswith("alias/aws/sqs"):
            own = json.dumps({"KmsMasterKeyId": patient.parameter("KmsKeyArn"), "SqsManagedSseEnabled": "true"})
            yield failure(
                f"the {words} is under AWS's own key alias/aws/sqs",
                "SNS cannot send under that key: the mail is in the bucket, and is not delivered",
                f"aws sqs set-queue-attributes --queue-url {url} --attributes {shlex.quote(own)}",
            )


def key(patient: Patient) -> Iterator[Finding]:
    """Whether a key of one's own works, and lets the services that act for themselves use it."""
    arn = patient.parameter("KmsKeyArn")
    if not arn:
        yield not_applicable("the stack has no key of its own (KmsKeyArn)")
        return
    kms = patient.client("kms")
    answer = patient.ask("kms:DescribeKey", kms.describe_key, absent=("NotFoundException",), KeyId=arn)
    state = answer.get("KeyMetadata", {}).get("KeyState", "gone")
    if state != "Enabled":
        yield failure(
            f"the key is {state}",
            "nothing can be stored or read: mail waits at SES for four hours at most, and in the queue",
            *([f"aws kms cancel-key-deletion --key-id {arn}"] if state == "PendingDeletion" else []),
            f"aws kms enable-key --key-id {arn}",
        )
        return
    call = kms.get_key_policy
    document = _document(patient.ask("kms:GetKeyPolicy", call, KeyId=arn, PolicyName="default").get("Policy"))
    for statement in key_policy.statements(
        patient.name, region=patient.region, account=patient.account, partition=patient.partition
    ):
        if statement["Sid"] == key_policy.OF_ALARMS and not _is_under(patient, arn):
            continue
        new = json.dumps(with_statement(document, key_policy.named(statement, patient.name, sids(document))))
        service = statement["Principal"]["Service"]
        yield _judge(
            document,
            _use(patient, statement, arn),
            f"{service} may use the key",
            _WITHOUT_KEY[statement["Sid"]],
            f"aws kms put-key-policy --key-id {arn} --policy-name default --policy {shlex.quote(new)}",
            f"aws kms get-key-policy --key-id {arn} --policy-name default --query Policy --output text",
        )


_WITHOUT_KEY = {
    "LetReceiptRulesEncrypt": "SES can neither store mail nor notify, and after four hours the mail is lost",
    "LetTheTopicSend": "SNS cannot put notifications into the queues: the mail is in the bucket, and is not delivered",
    "LetLogsEncrypt": "no log is written, and the stack cannot be deployed",
    "LetAlarmsNotify": "no alarm reaches anybody",
}


def _is_under(patient: Patient, key: str) -> bool:
    """Whether the topic of the alarms has the key."""
    alarms = patient.parameter("AlarmTopicArn")
    if not alarms:
        return False
    call = patient.client("sns").get_topic_attributes
    answer = patient.ask("sns:GetTopicAttributes", call, absent=("NotFound",), TopicArn=alarms)
    return bool(answer.get("Attributes", {}).get("KmsMasterKeyId") == key)


def _use(patient: Patient, statement: Statement, key: str) -> Request:
    """What the service of a statement wants of the key."""
    match statement["Sid"]:
        case "LetReceiptRulesEncrypt":
            return from_ses(patient, "kms:GenerateDataKey", key)
        case "LetTheTopicSend":
            return from_topic(patient, "kms:GenerateDataKey", key)
        case "LetLogsEncrypt":
            group = f"arn:{patient.partition}:logs:{patient.region}:{patient.account}:log-group"
            name = f"{group}:/aws/vendedlogs/states/{patient.name}/DeliverMail"
            context = {"kms:EncryptionContext:aws:logs:arn": name, "aws:SourceAccount": patient.account}
            return Request(statement["Principal"]["Service"], "kms:GenerateDataKey", key, context)
    return Request(statement["Principal"]["Service"], "kms:GenerateDataKey", key)


def _judge(document: Mapping[str, Any], request: Request, good: str, otherwise: str, mend: str, look: str) -> Finding:
    """``good`` is what should be so, ``otherwise`` what happens when it is not."""
    decision = decide(document, request)
    match decision.answer:
        case Answer.ALLOWED:
            return passed(good)
        case Answer.UNKNOWN:
            return warning(
                f"it could not be decided whether {good}: the statement {decision.sid} is not understood",
                f"if it is not so, {otherwise}",
                look,
            )
        case Answer.DENIED:
            return failure(f"it is not so that {good}: the statement {decision.sid} denies it", otherwise, look)
        case Answer.MISSING:
            near = f"; {decision.sid} does on another condition" if decision.sid else ""
            return failure(f"it is not so that {good}: no statement of its policy allows it{near}", otherwise, mend)


def _document(text: str | None) -> dict[str, Any]:
    return dict(json.loads(text)) if text else {}
