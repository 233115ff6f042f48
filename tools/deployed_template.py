"""Write what CloudFormation makes of the template, for each way to deploy it.

``python -m tools.deployed_template FOLDER`` writes ``FOLDER/WAY.json``: SAM's transform is applied, parameters have
their values, and what a condition leaves out is gone. References to resources stay references.
"""

import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from cfnlint.decode.cfn_yaml import loads  # type: ignore[import-untyped]
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
PSEUDO_PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "mailroom",
    "AWS::URLSuffix": "amazonaws.com",
}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef"
_FILE_SYSTEM = {
    "FileSystemId": "fs-0123456789abcdef0",
    "AccessPointId": "fsap-0123456789abcdef0",
    "SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "SecurityGroupIds": "sg-0123456789abcdef0",
}
#: Of an earlier stack, with the resources that had them; the bucket's policy is the new stack's.
_LEFT = {
    "ExistingMailBucket": "mailroom-mailbucket-0123456789ab",
    "ExistingDirectoryTable": "mailroom-DirectoryTable-0123456789AB",
    "ExistingDeliveriesTable": "mailroom-DeliveriesTable-0123456789AB",
}
_ON = {
    "ReceiptRuleSetName": "default-rule-set",
    "MailDomains": "example.com,example.org",
    "BounceSender": "postmaster@example.com",
    "WriteMailboxConcurrency": "50",
    "AlarmTopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms",
    "AuditSchedule": "daily",
}
_OFF = {"StorageBreakerMode": "disabled", "ExecutionLog": "metadata", "AttentionIndex": "later", "Tracing": "disabled"}
#: Every condition of the template holds in one of these ways and does not in another; a test says so.
WAYS: dict[str, dict[str, str]] = {
    "defaults": {},
    "everything-off": _OFF,
    "everything-on": {**_FILE_SYSTEM, **_ON, "LogLevel": "WARNING", "EndpointUrl": "http://localhost:4566"},
    "existing-network": _FILE_SYSTEM,
    "own-network": {"Storage": "new"},
    "own-network-and-everything-on": {**_ON, "Storage": "new", "Zones": "3", "KmsKeyArn": KEY},
    "existing-data": _LEFT,
    "existing-data-and-everything-on": {**_FILE_SYSTEM, **_ON, **_LEFT, "KmsKeyArn": KEY},
    "key": {"KmsKeyArn": KEY},
    "key-and-everything-on": {**_FILE_SYSTEM, **_ON, "KmsKeyArn": KEY},
}
#: Where SAM looks for files that are not on S3 yet.
_ARTIFACTS = ("CodeUri", "ContentUri", "DefinitionUri")
_NOTHING = {"Ref": "AWS::NoValue"}


def source() -> dict[str, Any]:
    """The template as it is written, with long function names and plain values."""
    plain: dict[str, Any] = json.loads(_source())
    return plain


def deployed(way: str) -> dict[str, Any]:
    """The template as it is deployed in one of ``WAYS``."""
    return _Evaluation(json.loads(_transformed()), WAYS[way]).template()


def conditions(way: str) -> dict[str, bool]:
    """The template's conditions, and whether they hold in one of ``WAYS``."""
    evaluation = _Evaluation(json.loads(_transformed()), WAYS[way])
    return {name: evaluation.holds(name) for name in source()["Conditions"]}


@cache
def _source() -> str:
    return json.dumps(loads(TEMPLATE.read_text(), str(TEMPLATE)))


@cache
def _transformed() -> str:
    template = source()
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for name in properties.keys() & _ARTIFACTS:
            properties[name] = f"s3://artifacts/{properties[name]}"
    session = boto3.Session(region_name=PSEUDO_PARAMETERS["AWS::Region"])
    translator = Translator(managed_policy_map={}, sam_parser=Parser(), boto_session=session)
    return json.dumps(translator.translate(template, dict(PSEUDO_PARAMETERS), passthrough_metadata=True))


class _Evaluation:
    def __init__(self, template: dict[str, Any], parameters: Mapping[str, str]) -> None:
        self._template = template
        self._values: dict[str, Any] = dict(PSEUDO_PARAMETERS)
        for name, parameter in template["Parameters"].items():
            value = parameters.get(name, parameter["Default"])
            match parameter["Type"]:
                case "Number":
                    self._values[name] = int(value)
                case "CommaDelimitedList":
                    self._values[name] = value.split(",")
                case _:
                    self._values[name] = value
        if unknown := parameters.keys() - template["Parameters"].keys():
            raise ValueError(f"the template has no parameter {', '.join(sorted(unknown))}")

    def template(self) -> dict[str, Any]:
        kept = {
            section: {
                name: self._value({key: value for key, value in one.items() if key != "Condition"})
                for name, one in self._template[section].items()
                if "Condition" not in one or self.holds(one["Condition"])
            }
            for section in ("Resources", "Outputs")
        }
        return {"AWSTemplateFormatVersion": self._template["AWSTemplateFormatVersion"], **kept}

    def holds(self, condition: str) -> bool:
        return self._question(self._template["Conditions"][condition])

    def _question(self, node: Any) -> bool:
        match node:
            case {"Fn::Not": [one]}:
                return not self._question(one)
            case {"Fn::And": several}:
                return all(map(self._question, several))
            case {"Fn::Or": several}:
                return any(map(self._question, several))
            case {"Fn::Equals": [one, other]}:
                return str(self._value(one)) == str(self._value(other))
            case {"Condition": str(name)}:
                return self.holds(name)
        raise ValueError(f"no condition: {node}")

    def _value(self, node: Any) -> Any:
        match node:
            case {"Ref": str(name)}:
                return self._values.get(name, node)
            case {"Fn::If": [condition, then, otherwise]}:
                return self._value(then if self.holds(condition) else otherwise)
            case {"Fn::FindInMap": [table, row, column]}:
                return self._template["Mappings"][table][row][column]
            case {"Fn::Sub": str(text)}:
                return self._filled(text, {})
            case {"Fn::Sub": [text, names]}:
                return self._filled(text, self._value(names))
            case {"Fn::Join": [separator, parts]}:
                values = self._value(parts)
                return (
                    separator.join(values)
                    if all(isinstance(one, str) for one in values)
                    else {"Fn::Join": [separator, values]}
                )
            case dict():
                filled = {name: self._value(value) for name, value in node.items()}
                return {name: value for name, value in filled.items() if value != _NOTHING}
            case list():
                return [value for value in map(self._value, node) if value != _NOTHING]
        return node

    def _filled(self, text: str, names: Mapping[str, Any]) -> Any:
        """A text, or what is left of an Fn::Sub when it names resources."""
        known = self._values | {name: _inlined(value) for name, value in names.items()}

        def fill(match: re.Match[str]) -> str:
            return str(known.get(match[1], match[0]))

        filled = re.sub(r"\$\{([\w:]+)\}", fill, text)
        return {"Fn::Sub": filled} if "${" in filled else filled


def _inlined(value: Any) -> Any:
    """A reference as Fn::Sub writes it."""
    match value:
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": str(text)}:
            return text
    return value


def main(folder: Path) -> None:
    """Write all ways."""
    folder.mkdir(parents=True, exist_ok=True)
    for way in WAYS:
        (folder / f"{way}.json").write_text(json.dumps(deployed(way), indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
