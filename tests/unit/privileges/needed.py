"""What each role has to be able to do: what code, workflows and template show, and what is only known.

Everything is read from a deployed template; the source says where the code of a function and of a workflow is.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.unit.privileges.permission import Permission, referred
from tests.unit.privileges.sdk_calls import ROOT, sdk_calls
from tests.workflow.script import all_states
from tools.deployed_template import KEY, PSEUDO_PARAMETERS, WAYS

type Template = Mapping[str, Any]

REGION, ACCOUNT = PSEUDO_PARAMETERS["AWS::Region"], PSEUDO_PARAMETERS["AWS::AccountId"]
#: The one of an access point that exists already; no property of the function says which that is.
FILE_SYSTEM = f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:file-system/{WAYS['existing-network']['FileSystemId']}"
#: The actions of a call that are not its own name (service authorization reference).
ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
}
#: A function finds what it works on by a variable that refers to it.
KNOWN_BY_VARIABLE = {"dynamodb": "AWS::DynamoDB::Table", "s3": "AWS::S3::Bucket"}
#: The parameters that name what a call is about, and the calls that are about nothing that has a name.
NAMED_BY = ("FunctionName", "TableName", "QueueUrl", "Name", "AlarmNames", "ResourceArn")

#: Calls of functions that name an index; that of by_mailbox, in the same module, is the command restore's.
INDEXES = {("AuditMail", "Query"): "by_time"}
#: What nothing of ours shows, with the reason.
LOG_STREAMS = ("logs:CreateLogStream", "logs:PutLogEvents")  # Lambda writes with the function's role what it prints
LOG_DELIVERY = (  # Step Functions developer guide, "Logging": the workflow's role sets up the delivery of its log
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
LIST = "s3:ListBucket"  # without it, S3 answers 403 instead of 404 for an object that is not there
MOUNT = ("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite")  # the kernel's NFS client asks for them
INTERFACES = (  # Lambda developer guide, "VPC": Lambda attaches the function with the function's role
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)
SEGMENTS = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")  # Lambda's X-Ray daemon and Step Functions send them
SAMPLING = ("xray:GetSamplingRules", "xray:GetSamplingTargets")  # Step Functions decides by them what it traces
#: What reading and writing under a customer's key takes (developer guides of SQS, "Key management", and of S3,
#: "SSE-KMS"). DynamoDB encrypts with a table key of its own, which it decrypts for whoever reads or writes.
UNDER_KEY = {
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "sqs:SendMessage": ("kms:Decrypt", "kms:GenerateDataKey"),
    "s3:GetObject": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "dynamodb": ("kms:Decrypt",),
}
#: Calls that need no key although their resource has one: they touch no message, object or item.
WITHOUT_KEY = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", LIST, *LOG_STREAMS}


def needed(template: Template, source: Template, root: Path = ROOT) -> dict[str, set[Permission]]:
    """The permissions that each role of a deployed template has to have; it may have no others."""
    found: dict[str, set[Permission]] = defaultdict(set)
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::IAM::Role":
                found[name] |= set()  # a role that nothing needs is to have nothing
            case "AWS::Lambda::Function":
                found[referred(properties["Role"])] |= set(_of_function(name, template, source, root))
            case "AWS::StepFunctions::StateMachine":
                found[referred(properties["RoleArn"])] |= set(_of_workflow(name, template, source, root))
            case "AWS::Pipes::Pipe":
                found[referred(properties["RoleArn"])] |= set(_of_pipe(properties))
            case "AWS::Events::Rule":
                for target in properties["Targets"]:
                    machine = referred(target["Arn"])
                    if template["Resources"][machine]["Type"] == "AWS::Lambda::Function":
                        continue  # a permission of the function lets the rule call it
                    found[referred(target["RoleArn"])].add(Permission("states:StartExecution", machine))
    for permissions in found.values():
        permissions |= {one for other in permissions for one in _of_key(other, template)}
    return found


def _of_function(name: str, template: Template, source: Template, root: Path) -> Iterator[Permission]:
    properties = template["Resources"][name]["Properties"]
    code = root / source["Resources"][name]["Properties"]["CodeUri"] / "app.py"
    variables = properties["Environment"]["Variables"].values()
    known = {value["Ref"] for value in variables if isinstance(value, dict)}
    for service, operation in sdk_calls(code, root / "layers/mailroom"):
        resources = [one for one in known if template["Resources"][one]["Type"] == KNOWN_BY_VARIABLE[service]]
        assert resources, f"{name} calls {service}:{operation}, and no variable says on what"
        for resource in resources:
            if service == "s3":
                yield from _of_objects(_action(service, operation), resource, _raw_mail(template))
            else:
                yield Permission(_action(service, operation), resource)
                if (name, operation) in INDEXES:
                    yield Permission(_action(service, operation), f"{resource}/index/{INDEXES[name, operation]}")
    log_group = referred(properties["LoggingConfig"]["LogGroup"])
    yield from (Permission(action, log_group) for action in LOG_STREAMS)
    for file_system in properties.get("FileSystemConfigs", []):
        access_point = f"elasticfilesystem:AccessPointArn={file_system['Arn']}"
        yield from (Permission(action, _file_system(file_system["Arn"], template), access_point) for action in MOUNT)
    if "VpcConfig" in properties:
        yield from (Permission(action, "*") for action in INTERFACES)
    if properties.get("TracingConfig", {}).get("Mode") == "Active":
        yield from (Permission(action, "*") for action in SEGMENTS)


def _file_system(access_point: Any, template: Template) -> str:
    if isinstance(access_point, str):
        return FILE_SYSTEM
    return referred(template["Resources"][referred(access_point)]["Properties"]["FileSystemId"])


def _of_workflow(name: str, template: Template, source: Template, root: Path) -> Iterator[Permission]:
    properties = template["Resources"][name]["Properties"]
    machine = json.loads((root / source["Resources"][name]["Properties"]["DefinitionUri"]).read_text())
    tasks = [state for state in all_states(machine).values() if state["Type"] == "Task"]
    substitutions = properties["DefinitionSubstitutions"]
    for task in tasks:
        yield from _of_task(task, tasks, substitutions, template)
    if "LoggingConfiguration" in properties:
        yield from (Permission(action, "*") for action in LOG_DELIVERY)
    if properties.get("TracingConfiguration", {}).get("Enabled"):
        yield from (Permission(action, "*") for action in (*SEGMENTS, *SAMPLING))


def _of_task(
    task: Mapping[str, Any], tasks: list[dict[str, Any]], substitutions: Mapping[str, Any], template: Template
) -> Iterator[Permission]:
    service, operation = task["Resource"].split(":::")[1].removeprefix("aws-sdk:").split(":")
    operation = operation[0].upper() + operation[1:]
    action, parameters = _action(service, operation), task["Parameters"]
    match service, operation:
        case "s3", "CopyObject":
            # ValidateEvent lets an event name its own bucket only, and raw mail there.
            assert parameters["Bucket.$"] == "$.message.bucket"
            assert parameters["CopySource.$"] == "States.Format('{}/{}', $.message.bucket, $.message.key)"
            bucket = _validated(template)["MAIL_BUCKET"]["Ref"]
            yield from _of_objects("s3:GetObject", bucket, _raw_mail(template))
            prefix = re.match(r"States\.Format\('\$\{(\w+)\}\{\}', ", parameters["Key.$"])
            assert prefix, parameters["Key.$"]
            yield Permission("s3:PutObject", f"{bucket}/{substitutions[prefix[1]]}*")
        case "cloudwatch", "PutMetricData":
            yield Permission(action, "*", f"cloudwatch:namespace={parameters['Namespace']}")
        case "ses", "SendBounce":
            assert parameters["BounceSender"] == "${BounceSender}"
            if sender := substitutions["BounceSender"]:  # else ValidateEvent asks for no bounce
                identities = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/*"
                yield Permission(action, identities, f"ses:FromAddress={sender}")
        case _:
            assert "IndexName" not in parameters, "an index is a resource of its own"
            for value in _names(parameters):
                yield Permission(action, _resource(value, tasks, substitutions))


def _names(parameters: Mapping[str, Any]) -> list[str]:
    given = [parameters.get(key, parameters.get(f"{key}.$")) for key in NAMED_BY]
    [value] = [one for one in given if one is not None]
    return value if isinstance(value, list) else [value]


def _resource(value: str, tasks: list[dict[str, Any]], substitutions: Mapping[str, Any]) -> str:
    """What a task is about: a substitution, or what another task has described under this path."""
    if value.startswith("$."):
        [described] = {
            name
            for task in tasks
            if task["ResultPath"] == value.rpartition(".")[0] and ":describe" in task["Resource"]
            for name in _names(task["Parameters"])
        }
        value = described
    name = re.fullmatch(r"\$\{(\w+)\}", value)
    assert name, value
    return referred(substitutions[name[1]])


def _of_pipe(properties: Mapping[str, Any]) -> Iterator[Permission]:
    """EventBridge user guide, "Permissions for pipes"."""
    queue, target = referred(properties["Source"]), referred(properties["Target"])
    assert "SqsQueueParameters" in properties["SourceParameters"]
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        yield Permission(f"sqs:{action}", queue)
    invocation = properties["TargetParameters"]["StepFunctionStateMachineParameters"]["InvocationType"]
    yield Permission({"REQUEST_RESPONSE": "states:StartSyncExecution"}[invocation], target)


def _of_key(permission: Permission, template: Template) -> Iterator[Permission]:
    resource = template["Resources"].get(permission.resource.partition("/")[0], {})
    if KEY not in json.dumps(resource.get("Properties", {})) or permission.action in WITHOUT_KEY:
        return
    if permission.action.startswith(("sqs:", "s3:", "dynamodb:")):
        service = permission.action.partition(":")[0]
        for action in UNDER_KEY[service if service == "dynamodb" else permission.action]:
            yield Permission(action, KEY, f"kms:ViaService={service}.{REGION}.amazonaws.com")


def _of_objects(action: str, bucket: str, prefixes: list[str]) -> Iterator[Permission]:
    if action == LIST:
        yield Permission(LIST, bucket)
        return
    assert action == "s3:GetObject", f"say which objects {action} is about"
    yield from (Permission(action, f"{bucket}/{prefix}*") for prefix in prefixes)
    yield Permission(LIST, bucket)


def _validated(template: Template) -> dict[str, Any]:
    """The variables of the function that decides which objects an event may name."""
    variables: dict[str, Any] = template["Resources"]["ValidateEvent"]["Properties"]["Environment"]["Variables"]
    return variables


def _raw_mail(template: Template) -> list[str]:
    return [_validated(template)[name] for name in ("MAIL_KEY_PREFIX", "QUARANTINE_PREFIX")]


def _action(service: str, operation: str) -> str:
    action = f"{service}:{operation}"
    return ACTIONS.get(action, action)
