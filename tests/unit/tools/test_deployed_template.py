"""The template in all ways to deploy it: complete, under one key where one is given, each exception with its reason."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from mailroomctl.key_policy import statements
from tools.deployed_template import KEY, PSEUDO_PARAMETERS, TEMPLATE, WAYS, conditions, deployed, main, source

KEYED = {
    "AWS::S3::Bucket": "BucketEncryption",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::DynamoDB::Table": "SSESpecification",
    "AWS::Logs::LogGroup": "KmsKeyId",
}
KEYED_WAYS = {way for way, parameters in WAYS.items() if "KmsKeyArn" in parameters}
PAGE = (TEMPLATE.parent / "docs/encryption.md").read_text()


def keyed(template: dict[str, Any]) -> dict[str, Any]:
    """What holds data of ours, and its encryption."""
    return {
        name: one.get("Properties", {}).get(KEYED[one["Type"]])
        for name, one in template["Resources"].items()
        if one["Type"] in KEYED
    }


def encryption_of_bucket(template: dict[str, Any]) -> Any:
    """Nothing for a bucket that an earlier stack has left."""
    return template["Resources"].get("MailBucket", {}).get("Properties", {}).get("BucketEncryption")


def references(node: Any) -> Iterator[str]:
    match node:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from re.findall(r"\$\{(\w+)(?:\.\w+)?\}", text)
        case {"Fn::Sub": _} | {"Fn::If": _} | {"Condition": str()}:
            raise AssertionError(f"not evaluated: {node}")
        case dict():
            for value in node.values():
                yield from references(value)
        case list():
            for value in node:
                yield from references(value)


def test_every_condition_holds_in_one_way_and_not_in_another() -> None:
    seen: dict[str, set[bool]] = {}
    for way in WAYS:
        for name, holds in conditions(way).items():
            seen.setdefault(name, set()).add(holds)
    assert set(seen) == set(source()["Conditions"])
    assert {name for name, answers in seen.items() if answers != {True, False}} == set()


@pytest.mark.parametrize("way", WAYS)
def test_the_values_of_every_way_are_allowed(way: str) -> None:
    parameters = source()["Parameters"]
    for name, value in WAYS[way].items():
        assert re.fullmatch(parameters[name].get("AllowedPattern", ".*"), value), name
        assert value in map(str, parameters[name].get("AllowedValues", [value])), name


@pytest.mark.parametrize("way", WAYS)
def test_nothing_refers_to_what_is_left_out(way: str) -> None:
    template = deployed(way)
    resources = set(template["Resources"])
    for name, one in (template["Resources"] | template["Outputs"]).items():
        after = one.get("DependsOn", [])
        assert {*references(one), *([after] if isinstance(after, str) else after)} <= resources, name


@pytest.mark.parametrize("way", sorted(KEYED_WAYS))
def test_everything_that_is_stored_takes_the_key(way: str) -> None:
    template = deployed(way)
    for name, encryption in keyed(template).items():
        assert KEY in json.dumps(encryption), name
    bucket = encryption_of_bucket(template)
    assert not bucket or bucket["ServerSideEncryptionConfiguration"] == [
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}, "BucketKeyEnabled": True}
    ]
    for name, one in template["Resources"].items():
        if one["Type"] == "AWS::SQS::Queue":
            assert "SqsManagedSseEnabled" not in one["Properties"], f"{name}: a queue has one of the two"
        if one["Type"] == "AWS::DynamoDB::Table":
            assert one["Properties"]["SSESpecification"] == {
                "SSEEnabled": True,
                "SSEType": "KMS",
                "KMSMasterKeyId": KEY,
            }


@pytest.mark.parametrize("way", sorted(WAYS.keys() - KEYED_WAYS))
def test_without_a_key_everything_is_encrypted_by_aws(way: str) -> None:
    template = deployed(way)
    assert "kms" not in json.dumps([one.get("Properties") for one in template["Resources"].values()]).lower()
    bucket = encryption_of_bucket(template)
    assert not bucket or bucket["ServerSideEncryptionConfiguration"] == [
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ]
    for name, one in template["Resources"].items():
        if one["Type"] == "AWS::SQS::Queue":
            assert one["Properties"]["SqsManagedSseEnabled"] is True, name
        if one["Type"] == "AWS::DynamoDB::Table":
            assert one["Properties"]["SSESpecification"] == {"SSEEnabled": True}, "as it always was: no update"


def test_the_receipt_rule_never_takes_the_key() -> None:
    """SES would encrypt for its own clients, and no function could read the mail."""
    rule = deployed("key-and-everything-on")["Resources"]["ReceiptRule"]
    assert "kms" not in json.dumps(rule).lower()


@pytest.mark.parametrize(
    ("arn", "allowed"),
    [
        ("", True),
        (KEY, True),
        ("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef", True),
        ("arn:aws:kms:eu-west-1:123456789012:alias/mail", False),
        ("01234567-89ab-cdef-0123-456789abcdef", False),
    ],
)
def test_the_key_is_named_by_its_arn(arn: str, allowed: bool) -> None:
    pattern = source()["Parameters"]["KmsKeyArn"]["AllowedPattern"]
    assert (re.fullmatch(pattern, arn) is not None) == allowed


def test_the_page_has_the_statements_of_the_key_s_policy() -> None:
    [block] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    expected = statements("mailroom", region="eu-west-1", account="123456789012")
    assert json.loads(block) == expected
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert rows == [one["Sid"] for one in expected], "each says what happens without it"


def test_the_key_s_policy_is_about_this_stack_s_logs_and_topic() -> None:
    own = statements("mailroom", region=PSEUDO_PARAMETERS["AWS::Region"], account=PSEUDO_PARAMETERS["AWS::AccountId"])
    by_service = {one["Principal"]["Service"]: one.get("Condition", {}) for one in own}
    patterns = by_service["logs.eu-west-1.amazonaws.com"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    prefixes = [pattern.split("log-group:")[1].removesuffix("*") for pattern in patterns]
    groups = [
        one["Properties"]["LogGroupName"]
        for one in deployed("key")["Resources"].values()
        if one["Type"] == "AWS::Logs::LogGroup"
    ]
    assert all(any(group.startswith(prefix) for prefix in prefixes) for group in groups)
    assert all(any(group.startswith(prefix) for group in groups) for prefix in prefixes)
    bucket_policy = deployed("key")["Resources"]["MailBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    [of_ses] = [one for one in bucket_policy if one["Effect"] == "Allow"]
    assert {key.lower(): value for condition in of_ses["Condition"].values() for key, value in condition.items()} == {
        key.lower(): value for condition in by_service["ses.amazonaws.com"].values() for key, value in condition.items()
    }


def test_every_exception_from_a_check_has_its_reason() -> None:
    skipped = [
        one
        for resource in source()["Resources"].values()
        for one in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert skipped
    assert all(re.fullmatch(r"CKV_AWS_\d+", one["id"]) and len(one["comment"].split()) > 3 for one in skipped)


def test_all_ways_are_written(tmp_path: Any) -> None:
    main(tmp_path / "ways")
    written = {file.stem: json.loads(file.read_text()) for file in (tmp_path / "ways").iterdir()}
    assert written == {way: deployed(way) for way in WAYS}
    assert "MountMailRoot" in json.dumps(written["existing-network"]["Resources"]["WriteMailboxRole"])
    assert "MountMailRoot" not in json.dumps(written["defaults"]["Resources"]["WriteMailboxRole"])
