"""Would somebody be told? The alarms, and the topic that they tell."""

from collections.abc import Iterator
from typing import Any

from mailroomctl.doctor.findings import Finding, failure, passed, warning
from mailroomctl.doctor.patient import Patient

_MOST_NAMES = 100  # of a DescribeAlarms


def alarms(patient: Patient) -> Iterator[Finding]:
    """Whether the stack's alarms are there, are quiet, and act."""
    found, names = _alarms(patient), _logical(patient)
    problems = [
        one
        for name in names
        for one in _alarm(patient, name, patient.resource(name), found.get(patient.resource(name)))
    ]
    yield from problems or [passed(f"{len(names)} alarms, none rings")]


def _alarm(patient: Patient, logical: str, name: str, alarm: dict[str, Any] | None) -> Iterator[Finding]:
    """What is wrong with one alarm."""
    if alarm is None:
        means = "what it watches is not noticed; CloudFormation does not see that it was deleted"
        yield failure(f"{logical} is gone", means, _drift(patient))
    elif alarm["StateValue"] == "ALARM":
        why = "docs/operations.md has a section for each alarm"
        describe = f"aws cloudwatch describe-alarms --alarm-names {name}"
        yield failure(f"{logical} rings: {alarm.get('AlarmDescription', '')}", why, describe)
    elif not alarm["ActionsEnabled"]:
        enable = f"aws cloudwatch enable-alarm-actions --alarm-names {name}"
        yield warning(f"the actions of {logical} are disabled", "it rings and tells nobody", enable)


def subscribers(patient: Patient) -> Iterator[Finding]:
    """Whether somebody is told of alarms."""
    topic = patient.parameter("AlarmTopicArn")
    if not topic:
        yield warning(
            "the stack has no topic for alarms (AlarmTopicArn)",
            "alarms only show in CloudWatch",
            f"aws sns create-topic --name {patient.name}-alarms",
            f"aws sns subscribe --protocol email --topic-arn {_topic(patient)} --notification-endpoint YOU@example.net",
            f"sam deploy --parameter-overrides AlarmTopicArn={_topic(patient)}",
        )
        return
    subscribe = f"aws sns subscribe --protocol email --topic-arn {topic} --notification-endpoint YOU@example.net"
    sns = patient.stack.client("sns", region_name=topic.split(":")[3])
    attributes = patient.ask("sns:GetTopicAttributes", sns.get_topic_attributes, absent=("NotFound",), TopicArn=topic)
    if not attributes:
        name = topic.rpartition(":")[2]
        create = f"aws sns create-topic --name {name}"
        yield failure(f"there is no topic {topic}", "no alarm reaches anybody", create, subscribe)
        return
    found = patient.pages(
        "sns:ListSubscriptionsByTopic", sns, "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic
    )
    problems = [
        *_unconfirmed(found, subscribe),
        *_under_a_key(topic, attributes["Attributes"].get("KmsMasterKeyId", "")),
        *_silent(patient, topic),
    ]
    yield from problems or [passed(f"{topic.rpartition(':')[2]} has a subscriber")]


def _unconfirmed(subscriptions: list[dict[str, Any]], subscribe: str) -> Iterator[Finding]:
    if not any(one["SubscriptionArn"].startswith("arn:") for one in subscriptions):
        waiting = ", ".join(one["Endpoint"] for one in subscriptions)
        seen = f"nobody has confirmed yet: {waiting}" if waiting else "nobody is subscribed to the topic of the alarms"
        yield failure(seen, "no alarm reaches anybody; a mail with a link has to be answered", subscribe)


def _under_a_key(topic: str, key: str) -> Iterator[Finding]:
    if key.endswith("alias/aws/sns"):
        yield failure(
            "the topic of the alarms is under AWS's own key alias/aws/sns",
            "CloudWatch cannot publish under that key: no alarm reaches anybody",
            f"aws sns set-topic-attributes --topic-arn {topic} --attribute-name KmsMasterKeyId --attribute-value ''",
        )


def _silent(patient: Patient, topic: str) -> Iterator[Finding]:
    silent = [
        logical
        for logical in _logical(patient)
        if (alarm := _alarms(patient).get(patient.resource(logical))) and topic not in alarm.get("AlarmActions", [])
    ]
    if silent:
        yield failure(
            f"{', '.join(silent)} {'does' if len(silent) == 1 else 'do'} not tell the topic",
            "somebody has changed what the stack made; they ring in CloudWatch only",
            _drift(patient),
        )


def _drift(patient: Patient) -> str:
    return f"aws cloudformation detect-stack-drift --stack-name {patient.name}"


def _logical(patient: Patient) -> list[str]:
    """The alarms, by their names in the template."""
    return [name for name, one in patient.resources.items() if one["ResourceType"] == "AWS::CloudWatch::Alarm"]


def _alarms(patient: Patient) -> dict[str, dict[str, Any]]:
    names = [patient.resource(name) for name in _logical(patient)]
    cloudwatch = patient.client("cloudwatch")
    assert len(names) <= _MOST_NAMES
    if not names:
        return {}
    found = patient.pages("cloudwatch:DescribeAlarms", cloudwatch, "describe_alarms", "MetricAlarms", AlarmNames=names)
    return {one["AlarmName"]: one for one in found}


def _topic(patient: Patient) -> str:
    return f"arn:{patient.partition}:sns:{patient.region}:{patient.account}:{patient.name}-alarms"
