"""What an earlier stack of the same name has left: its mail, its directory and its records."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mailroomctl.setup.calls import Calls
from mailroomctl.setup.steps import Step
from mailroomctl.stack import Stack

#: By the name of a resource in the template: the parameter that takes it over.
PARAMETERS = {
    "MailBucket": "ExistingMailBucket",
    "DirectoryTable": "ExistingDirectoryTable",
    "DeliveriesTable": "ExistingDeliveriesTable",
}
#: The indexes that a deliveries table of version 0.1 lacks: the key beside received_at, and what is in them besides.
INDEXES = {
    "by_time": ("month", ["source"]),
    "needs_attention": ("attention", ["status", "entry", "code", "error", "source"]),
}


@dataclass(frozen=True)
class Left:
    """Names of buckets and tables by parameter; several of a kind are from more than one earlier stack."""

    found: dict[str, tuple[str, ...]]
    lacking: tuple[str, ...] = ()
    """Indexes that the deliveries table does not have."""

    @property
    def parameters(self) -> dict[str, str]:
        """What the new stack takes over: what there is one of."""
        return {parameter: names[0] for parameter, names in self.found.items() if len(names) == 1}

    def warnings(self, stack_name: str) -> Iterator[str]:
        """Say what is taken over, and what a person has to choose."""
        if self.parameters:
            names = ", ".join(self.parameters.values())
            yield (
                f"an earlier stack {stack_name} has left {names}: the new one takes it over, as it is. "
                "See docs/operations.md."
            )
        for parameter, several in self.found.items():
            if len(several) > 1:
                yield (
                    f"several earlier stacks {stack_name} have left {', '.join(several)}: "
                    f"put the one to take over into {parameter}."
                )

    def steps(self) -> Iterator[Step]:
        """What the deliveries table needs before the new stack can list held mail."""
        if self.lacking:
            table = self.parameters[PARAMETERS["DeliveriesTable"]]
            yield Step(
                "Add the indexes that the earlier version did not have",
                "One after the other: DynamoDB makes one at a time. Mail is delivered without them; the commands "
                "that list held or rejected mail need them.",
                tuple(command for index in self.lacking for command in (making(table, index), waiting(table))),
            )


def look_at_left(stack: Stack, calls: Calls) -> Left:
    """Find what has the tags that CloudFormation gives, and DynamoDB and S3 keep."""
    tags = [{"Key": "aws:cloudformation:stack-name", "Values": [stack.name]}]
    listed = calls.list(
        "tag:GetResources",
        f"what an earlier stack {stack.name} has left",
        stack.client("resourcegroupstaggingapi"),
        "get_resources",
        "ResourceTagMappingList",
        TagFilters=tags,
        ResourceTypeFilters=["s3", "dynamodb:table"],
    )
    found: dict[str, list[str]] = {}
    for one in listed or ():
        logical = {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}.get("aws:cloudformation:logical-id", "")
        if logical in PARAMETERS:
            name = one["ResourceARN"].rpartition(":")[2].rpartition("/")[2]
            found.setdefault(PARAMETERS[logical], []).append(name)
    names = {parameter: tuple(found[parameter]) for parameter in PARAMETERS.values() if parameter in found}
    tables = names.get(PARAMETERS["DeliveriesTable"], ())
    return Left(names, _lacking(stack, calls, tables[0]) if len(tables) == 1 else ())


def making(table: str, index: str) -> str:
    """The command that makes an index."""
    key, others = INDEXES[index]
    create = {
        "IndexName": index,
        "KeySchema": [
            {"AttributeName": key, "KeyType": "HASH"},
            {"AttributeName": "received_at", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": others},
    }
    return (
        f"aws dynamodb update-table --table-name {table} --attribute-definitions"
        f" AttributeName={key},AttributeType=S AttributeName=received_at,AttributeType=S"
        f" --global-secondary-index-updates '{json.dumps([{'Create': create}])}'"
    )


def waiting(table: str) -> str:
    """The command that ends when no index is being made."""
    return (
        f"while aws dynamodb describe-table --table-name {table} --query 'Table.GlobalSecondaryIndexes[].IndexStatus'"
        " --output text | grep -qw CREATING; do sleep 10; done"
    )


def _lacking(stack: Stack, calls: Calls, table: str) -> tuple[str, ...]:
    answer: dict[str, Any] | None = calls.ask(
        "dynamodb:DescribeTable",
        "which indexes the table of an earlier stack has",
        stack.client("dynamodb").describe_table,
        TableName=table,
    )
    if answer is None:
        return ()
    there = {one["IndexName"] for one in answer["Table"].get("GlobalSecondaryIndexes", [])}
    return tuple(index for index in INDEXES if index not in there)
