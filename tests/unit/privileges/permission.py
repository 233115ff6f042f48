"""One permission, and the names of what it is about."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple


class Permission(NamedTuple):
    """One action on one resource, under a condition if there is one: ``key=value``."""

    action: str
    #: A logical id, ``Bucket/prefix*``, an ARN, or ``*``.
    resource: str
    condition: str = ""


#: Of these, CloudFormation's Ref is the ARN; of all others it is a name or a URL, which no statement may name.
REF_IS_THE_ARN = {"AWS::SNS::Topic", "AWS::StepFunctions::StateMachine"}


def named(node: Any, template: Mapping[str, Any]) -> str:
    """The resource that a statement names by its ARN."""
    match node:
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
        case {"Ref": str(name)} if template["Resources"][name]["Type"] in REF_IS_THE_ARN:
            return name
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", text)
        case str(text):
            return text
    return f"{node}, which is no ARN"


def referred(node: Any) -> str:
    """The logical id that a property refers to, whether by name, URL or ARN."""
    match node:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return name
    raise AssertionError(f"{node} refers to no resource")
