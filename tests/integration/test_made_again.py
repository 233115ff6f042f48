"""A table that a stack of version 0.1 has left gets the indexes that this version asks, by our commands."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws

from mailroomctl.setup.left import INDEXES, making, waiting
from tests.integration.template_tables import table

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text()
NAME = "mailroom-DeliveriesTable-0123456789AB"


def indexes(client: Any) -> dict[str, Any]:
    described = client.describe_table(TableName=NAME)["Table"]["GlobalSecondaryIndexes"]
    return {one["IndexName"]: (one["KeySchema"], one["Projection"]) for one in described}


def typed(client: Any, command: str) -> None:
    words = shlex.split(command)
    assert words[:5] == ["aws", "dynamodb", "update-table", "--table-name", NAME]
    first, last = words.index("--attribute-definitions"), words.index("--global-secondary-index-updates")
    attributes = [dict(pair.split("=") for pair in word.split(",")) for word in words[first + 1 : last]]
    updates = json.loads(words[last + 1])
    client.update_table(TableName=NAME, AttributeDefinitions=attributes, GlobalSecondaryIndexUpdates=updates)


def test_the_page_s_commands_make_what_the_template_makes() -> None:
    commands = [line for line in PAGE.splitlines() if f"--table-name {NAME}" in line]
    assert commands == [command for index in INDEXES for command in (making(NAME, index), waiting(NAME))]
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1")
        client.create_table(TableName=NAME, **table("DeliveriesTable"))
        wanted = indexes(client)
        client.delete_table(TableName=NAME)
        client.create_table(TableName=NAME, **table("DeliveriesTable", ["by_mailbox"]))
        for command in commands:
            if " update-table " in command:
                typed(client, command)
        assert indexes(client) == wanted


def test_the_wait_ends_when_no_index_is_being_made() -> None:
    """It looks for a word among the statuses that DynamoDB has for an index."""
    [word] = re.findall(r"grep -qw (\w+)", waiting(NAME))
    model = boto3.client("dynamodb", region_name="eu-west-1").meta.service_model
    assert word in model.shape_for("IndexStatus").enum
