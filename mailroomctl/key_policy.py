"""What the policy of the operator's own KMS key has to allow, besides what the account's IAM policies do.

The stack gives its own roles what they need (``UseTheKey`` in ``template.yaml``); the services that act for themselves
need a statement in the key's policy, which no stack can change but the one that made the key.
"""

from collections.abc import Collection
from typing import Any

#: Needed only where the topic of the alarms is under the key.
OF_ALARMS = "LetAlarmsNotify"
_ENCRYPT = ["kms:Decrypt", "kms:GenerateDataKey*"]


def statements(stack: str, *, region: str, account: str, partition: str = "aws") -> list[dict[str, Any]]:
    """The statements to add, in the order of a message's way.

    Sources: SES developer guide, "Giving permissions to Amazon SES for email receiving"; SNS developer guide, "Key
    management"; CloudWatch Logs user guide, "Encrypt log data"; CloudWatch user guide, "Notifying users on alarm
    changes".
    """
    log_groups = f"arn:{partition}:logs:{region}:{account}:log-group"
    return [
        {
            "Sid": "LetReceiptRulesEncrypt",
            "Effect": "Allow",
            "Principal": {"Service": "ses.amazonaws.com"},
            "Action": _ENCRYPT,
            "Resource": "*",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"aws:SourceArn": f"arn:{partition}:ses:{region}:{account}:receipt-rule-set/*"},
            },
        },
        {
            "Sid": "LetTheTopicSend",
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": _ENCRYPT,
            "Resource": "*",
            # CloudFormation makes up the end of the topic's name.
            "Condition": {"ArnLike": {"aws:SourceArn": f"arn:{partition}:sns:{region}:{account}:{stack}-*"}},
        },
        {
            "Sid": "LetLogsEncrypt",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{region}.amazonaws.com"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        f"{log_groups}:/aws/vendedlogs/pipes/{stack}/*",
                        f"{log_groups}:/aws/vendedlogs/states/{stack}/*",
                        f"{log_groups}:/aws/lambda/{stack}/*",
                    ]
                }
            },
        },
        {
            "Sid": OF_ALARMS,
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": _ENCRYPT,
            "Resource": "*",
        },
    ]


def named(statement: dict[str, Any], stack: str, taken: Collection[str | None]) -> dict[str, Any]:
    """The statement with a ``Sid`` that is not taken: that of another stack under the same key has to stay."""
    if statement["Sid"] not in taken:
        return statement
    return {**statement, "Sid": statement["Sid"] + "".join(filter(str.isalnum, stack.title()))}
