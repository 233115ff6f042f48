"""A KMS key of one's own: whether the stack can have it, and what its policy has to say, which no stack can change."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mailroomctl import key_policy
from mailroomctl.errors import CommandError
from mailroomctl.setup.account import Account
from mailroomctl.setup.calls import Calls
from mailroomctl.setup.steps import Step
from mailroomctl.stack import Stack

type _Statement = dict[str, Any]

_ARN = re.compile(r"arn:[\w-]+:kms:(?P<region>[\w-]+):(?P<account>\d+):key/[\w-]+")
_MERGE = (
    "import json; p = json.load(open('key-policy.json')); s = p['Statement']; "
    "p['Statement'] = (s if isinstance(s, list) else [s]) + json.load(open('statements.json')); "
    "json.dump(p, open('key-policy.json', 'w'))"
)


@dataclass
class Key:
    """What follows from a key; nothing without one."""

    parameters: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def look_at_key(stack: Stack, calls: Calls, account: Account, arn: str, *, of_alarms: bool) -> Key:
    """Look at the key that was given; ``of_alarms`` says that the topic of the alarms is under it, too."""
    if not arn:
        return Key()
    match = _ARN.fullmatch(arn)
    if not match:
        raise CommandError(f"{arn!r} is not the ARN of a key: neither its id nor an alias will do.")
    if match["region"] != account.region:
        raise CommandError(f"the key is in {match['region']}, and has to be in {account.region}.")
    key = Key({"KmsKeyArn": arn})
    kms = stack.client("kms")
    answer = calls.ask(
        "kms:DescribeKey", "whether the key can be used", kms.describe_key, absent=["NotFoundException"], KeyId=arn
    )
    if answer is not None and (state := answer.get("KeyMetadata", {}).get("KeyState", "not there")) != "Enabled":
        key.warnings.append(f"the key {arn} is {state}: nothing could be stored or read.")
        return key
    found = calls.ask(
        "kms:GetKeyPolicy", "what the key's policy allows", kms.get_key_policy, KeyId=arn, PolicyName="default"
    )
    document = None if found is None else json.loads(found["Policy"])
    there = [] if document is None else _statements(document)
    wanted = key_policy.statements(
        account.stack_name, region=account.region, account=account.id, partition=account.partition
    )
    said = [_without_sid(one) for one in there]
    missing = [
        one for one in wanted if _without_sid(one) not in said and (of_alarms or one["Sid"] != key_policy.OF_ALARMS)
    ]
    if missing:
        key.steps.append(_let(account.stack_name, arn, document, missing))
    return key


def _let(stack_name: str, arn: str, document: _Statement | None, missing: Sequence[_Statement]) -> Step:
    whom = ", ".join(one["Principal"]["Service"] for one in missing)
    if document is None:
        commands: tuple[str, ...] = (
            f"aws kms get-key-policy --key-id {arn} --policy-name default --query Policy --output text"
            " > key-policy.json",
            f"echo {shlex.quote(json.dumps(missing))} > statements.json",
            f"python -c {shlex.quote(_MERGE)}",
            f"aws kms put-key-policy --key-id {arn} --policy-name default --policy file://key-policy.json",
        )
    else:
        there = _statements(document)
        new = [key_policy.named(one, stack_name, {other.get("Sid") for other in there}) for one in missing]
        policy = json.dumps({**document, "Statement": [*there, *new]})
        commands = (f"aws kms put-key-policy --key-id {arn} --policy-name default --policy {shlex.quote(policy)}",)
    return Step(
        "Let the services use your key",
        f"The stack cannot change the key's policy. It keeps what it says, and gets statements for {whom}, which "
        "docs/encryption.md explains. Never put the key into the receipt rule.",
        commands,
    )


def _statements(document: _Statement) -> list[_Statement]:
    """A policy's statements; a single one may stand without brackets."""
    found = document["Statement"]
    return list(found) if isinstance(found, list) else [found]


def _without_sid(statement: _Statement) -> _Statement:
    return {name: value for name, value in statement.items() if name != "Sid"}
