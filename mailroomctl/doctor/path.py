"""The way from the topic to the workflow: subscription, raw delivery, pipe and queues."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

from mailroomctl.doctor.findings import Finding, failure, passed, warning
from mailroomctl.doctor.patient import Patient
from mailroomctl.queues.depth import depth
from mailroomctl.queues.expiry import age_of_oldest, oldest
from mailroomctl.queues.pipe import RUNNING, look

#: Seconds after which InboundAgeAlarm rings.
LATE = 900
#: Days; fewer than these left in a queue do not wait until Monday.
FEW_DAYS = 4.0


def subscription(patient: Patient) -> Iterator[Finding]:
    """Whether notifications go from the topic to the queue, once and all of them."""
    queue = _arn(patient, "Inbound")
    found = _subscriptions(patient)
    ours = [one for one in found if one["Protocol"] == "sqs" and one["Endpoint"] == queue]
    subscribe = (
        f"aws sns subscribe --topic-arn {patient.topic} --protocol sqs --notification-endpoint {queue}"
        f" --attributes {shlex.quote(json.dumps({'RawMessageDelivery': 'true', 'RedrivePolicy': _redrive(patient)}))}"
    )
    if not ours:
        yield failure(
            "the inbound queue is not subscribed to the topic",
            "notifications go nowhere: mail is stored and not delivered, until somebody replays it",
            subscribe,
        )
        return
    problems: list[Finding] = []
    for one in ours:
        arn = one["SubscriptionArn"]
        if not arn.startswith("arn:"):
            problems.append(failure(f"the subscription is {arn}", "nothing is sent before it is confirmed", subscribe))
            continue
        attributes = _attributes(patient, arn)
        if attributes.get("FilterPolicy"):
            problems.append(
                failure(
                    "the subscription has a filter policy",
                    "notifications that it does not match are dropped, and their mail is not delivered",
                    f"aws sns set-subscription-attributes --subscription-arn {arn} --attribute-name FilterPolicy"
                    " --attribute-value '{}'",
                )
            )
        if not attributes.get("RedrivePolicy"):
            problems.append(
                warning(
                    "the subscription has no dead-letter queue",
                    "what SNS cannot put into the inbound queue is lost instead of waiting",
                    f"aws sns set-subscription-attributes --subscription-arn {arn} --attribute-name RedrivePolicy"
                    f" --attribute-value {shlex.quote(_redrive(patient))}",
                )
            )
    yield from problems or [passed("the topic sends to the inbound queue")]


def raw_delivery(patient: Patient) -> Iterator[Finding]:
    """Whether the queue gets SES's notification itself, without an envelope of SNS around it."""
    queue = _arn(patient, "Inbound")
    arns = [one["SubscriptionArn"] for one in _subscriptions(patient) if one["Endpoint"] == queue]
    arns = [arn for arn in arns if arn.startswith("arn:")]
    wrapped = [arn for arn in arns if _attributes(patient, arn).get("RawMessageDelivery", "").lower() != "true"]
    for arn in wrapped:
        yield failure(
            "raw message delivery is off",
            "every notification comes in an envelope of SNS and is parked as InvalidEvent",
            f"aws sns set-subscription-attributes --subscription-arn {arn} --attribute-name RawMessageDelivery"
            " --attribute-value true",
            "mailroomctl parked list",
        )
    if not wrapped:
        yield passed("raw message delivery is on" if arns else "there is no subscription that could wrap anything")


def pipe_state(patient: Patient) -> Iterator[Finding]:
    """Whether the pipe runs."""
    pipe = look(patient.stack)
    if pipe.current == RUNNING and not pipe.runs_marked:
        yield passed("the pipe runs")
    elif pipe.runs_marked:
        yield warning(
            f"the pipe is {pipe}",
            "mail flows, but the storage breaker leaves this pipe alone, whatever becomes of the storage",
            "mailroomctl pipe start",
        )
    else:
        reason = f" ({pipe.reason})" if pipe.reason else ""
        yield failure(
            f"the pipe is {pipe}{reason}",
            "mail waits in the inbound queue, 14 days at most"
            + ("; the storage breaker starts it when the storage works" if "breaker" in pipe.stopped_by else ""),
            "mailroomctl pipe start",
        )


def pipe_target(patient: Patient) -> Iterator[Finding]:
    """Whether the pipe leads from the queue to the workflow, one message at a time, and waits for the outcome."""
    call = patient.client("pipes").describe_pipe
    answer = patient.ask("pipes:DescribePipe", call, Name=patient.stack.output("PipeName"))
    source, target = _arn(patient, "Inbound"), patient.stack.output("DeliverMailArn")
    queue = answer.get("SourceParameters", {}).get("SqsQueueParameters", {})
    machine = answer.get("TargetParameters", {}).get("StepFunctionStateMachineParameters", {})
    wrong = []
    if answer["Source"] != source:
        wrong.append((f"reads {answer['Source']}, not the inbound queue", "mail waits in the inbound queue"))
    if answer["Target"] != target:
        wrong.append((f"leads to {answer['Target']}, not to the workflow", "what it takes is not delivered"))
    # The embedded AWS does not say these.
    if not patient.embedded:
        if (size := queue.get("BatchSize", 10)) != 1:
            wrong.append((f"takes {size} messages at a time", "the workflow parks what is no single notification"))
        if window := queue.get("MaximumBatchingWindowInSeconds", 0):
            wrong.append((f"waits {window} s for a batch", "the window takes the place of the visibility timeout"))
        if (kind := machine.get("InvocationType")) != "REQUEST_RESPONSE":
            wrong.append((f"does not wait for the outcome ({kind})", "mail whose execution fails is lost"))
    mend = (
        f"aws pipes update-pipe --name {answer['Name']} --role-arn {answer['RoleArn']} --target {target}"
        " --source-parameters 'SqsQueueParameters={BatchSize=1,MaximumBatchingWindowInSeconds=0}'"
        " --target-parameters 'StepFunctionStateMachineParameters={InvocationType=REQUEST_RESPONSE}'"
    )
    # Only another pipe can have another source.
    deploy = "aws cloudformation detect-stack-drift --stack-name " + patient.name
    for seen, means in wrong:
        yield failure(f"the pipe {seen}", means, deploy if seen.startswith("reads") else mend)
    if not wrong:
        yield passed("the pipe leads to the workflow" + ("" if patient.embedded else ", one message at a time"))


def queues(patient: Patient) -> Iterator[Finding]:
    """Whether mail waits too long, or for an operator."""
    problems: list[Finding] = []
    for queue, name, command in (
        ("Inbound", "inbound queue", "mailroomctl status"),
        ("DeadLetter", "dead-letter queue", "mailroomctl dead-letters list"),
        ("Parked", "parked queue", "mailroomctl parked list"),
    ):
        count = sum(depth(patient.stack.sqs, patient.stack.output(f"{queue}QueueUrl")))
        if not count:
            continue
        waiting_longest = oldest(patient.stack, queue)
        days = waiting_longest.days_left if waiting_longest else None
        left = "" if days is None else f"; {days:.1f} days left for the oldest"
        seen = f"{count} message{'' if count == 1 else 's'} in the {name}{left}"
        if queue != "Inbound" or (days is not None and days < FEW_DAYS):
            means = "they wait for an operator, and expire" if queue != "Inbound" else "they expire: look why they wait"
            problems.append(failure(seen, means, command))
        elif (age_of_oldest(patient.stack, queue) or 0) > LATE:
            problems.append(warning(seen, f"the oldest has waited for more than {LATE // 60} minutes", command))
    yield from problems or [passed("nothing waits longer than it should")]


def _subscriptions(patient: Patient) -> list[dict[str, Any]]:
    sns = patient.client("sns")
    request = {"TopicArn": patient.topic}
    return patient.pages("sns:ListSubscriptionsByTopic", sns, "list_subscriptions_by_topic", "Subscriptions", **request)


def _attributes(patient: Patient, arn: str) -> dict[str, str]:
    call = patient.client("sns").get_subscription_attributes
    answer = patient.ask("sns:GetSubscriptionAttributes", call, SubscriptionArn=arn)
    return dict(answer.get("Attributes", {}))


def _arn(patient: Patient, queue: str) -> str:
    """A queue's ARN, from its URL: no question needed."""
    name = patient.stack.output(f"{queue}QueueUrl").rpartition("/")[2]
    return f"arn:{patient.partition}:sqs:{patient.region}:{patient.account}:{name}"


def _redrive(patient: Patient) -> str:
    return json.dumps({"deadLetterTargetArn": _arn(patient, "DeadLetter")})
