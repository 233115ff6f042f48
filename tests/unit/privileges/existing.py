"""What an earlier stack has left, as if the template had made it."""

from collections.abc import Mapping
from typing import Any

from tools.deployed_template import PSEUDO_PARAMETERS

_REGION, _ACCOUNT = PSEUDO_PARAMETERS["AWS::Region"], PSEUDO_PARAMETERS["AWS::AccountId"]
_TABLES = f"arn:aws:dynamodb:{_REGION}:{_ACCOUNT}:table/"
#: By parameter: the resource in whose place it is, its type, and its ARN without its name.
_KINDS = {
    "ExistingMailBucket": ("MailBucket", "AWS::S3::Bucket", "arn:aws:s3:::"),
    "ExistingDirectoryTable": ("DirectoryTable", "AWS::DynamoDB::Table", _TABLES),
    "ExistingDeliveriesTable": ("DeliveriesTable", "AWS::DynamoDB::Table", _TABLES),
}


def with_existing(template: Mapping[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """Refer to resources again where the template names what exists; all of it has the key, where there is one."""
    left = {parameters[name]: kind for name, kind in _KINDS.items() if name in parameters}
    key = {"KmsKeyId": parameters["KmsKeyArn"]} if "KmsKeyArn" in parameters else {}
    made = {logical: {"Type": kind, "Properties": key} for logical, kind, _ in left.values()}
    assert not made.keys() & template["Resources"].keys()

    def referring(node: Any) -> Any:
        match node:
            case dict():
                return {name: referring(value) for name, value in node.items()}
            case list():
                return [referring(value) for value in node]
            case str():
                return _reference(node, left)
        return node

    return {**template, "Resources": referring(template["Resources"]) | made}


def _reference(text: str, left: Mapping[str, tuple[str, str, str]]) -> Any:
    for name, (logical, _, prefix) in left.items():
        arn = f"{prefix}{name}"
        if text == name:
            return {"Ref": logical}
        if text == arn:
            return {"Fn::GetAtt": [logical, "Arn"]}
        if text.startswith(f"{arn}/"):
            return {"Fn::Sub": f"${{{logical}.Arn}}{text.removeprefix(arn)}"}
    return text
