"""The statements that the stack's policies have, as ``template.yaml`` has them: who hands mail to whom.

Each comes with the request that it is for. A test compares them with the template.
"""

from collections.abc import Mapping
from typing import Any

from mailroomctl.doctor.documents import Request, Statement
from mailroomctl.doctor.patient import Patient

SES, SNS = "ses.amazonaws.com", "sns.amazonaws.com"


def of_bucket(patient: Patient) -> Statement:
    """SES stores raw mail."""
    resource = f"arn:{patient.partition}:s3:::{patient.bucket}/*"
    return _for_ses(patient, "LetReceiptRulesStoreMail", "s3:PutObject", resource)


def of_topic(patient: Patient) -> Statement:
    """SES notifies."""
    return _for_ses(patient, "LetReceiptRulesNotify", "sns:Publish", patient.topic)


def of_queue(patient: Patient, queue: str) -> Statement:
    """The topic sends to a queue, by its ARN."""
    return {
        "Sid": "LetTheTopicSend",
        "Effect": "Allow",
        "Principal": {"Service": SNS},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": patient.topic}},
    }


def from_ses(patient: Patient, action: str, resource: str) -> Request:
    """What SES wants when a rule acts."""
    rule_set = patient.parameter("ReceiptRuleSetName", "any")
    source = f"{_rule_sets(patient)}/{rule_set}:receipt-rule/{patient.name}-store-and-notify"
    return Request(SES, action, resource, _context(SES, patient, source))


def from_topic(patient: Patient, action: str, resource: str) -> Request:
    """What SNS wants for the topic."""
    return Request(SNS, action, resource, _context(SNS, patient, patient.topic))


def _context(service: str, patient: Patient, source: str) -> Mapping[str, str]:
    return {
        "aws:SourceAccount": patient.account,
        "aws:SourceArn": source,
        "aws:SecureTransport": "true",
        "aws:PrincipalIsAWSService": "true",
        "aws:PrincipalServiceName": service,
    }


def _for_ses(patient: Patient, sid: str, action: str, resource: str) -> Statement:
    condition: dict[str, Any] = {
        "StringEquals": {"AWS:SourceAccount": patient.account},
        "ArnLike": {"AWS:SourceArn": f"{_rule_sets(patient)}/*"},
    }
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": SES},
        "Action": action,
        "Resource": resource,
        "Condition": condition,
    }


def _rule_sets(patient: Patient) -> str:
    return f"arn:{patient.partition}:ses:{patient.region}:{patient.account}:receipt-rule-set"
