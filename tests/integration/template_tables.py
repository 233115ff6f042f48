"""The tables as template.yaml declares them, for moto: a command that asks an index meets the one that is deployed."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[2] / "template.yaml"

_ASKED = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's tags as plain values; of an ``!If`` it takes what the defaults take."""


def _tag(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        values = loader.construct_sequence(node, deep=True)
        return values[1] if suffix == "If" else values
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _tag)


@cache
def _resources() -> dict[str, Any]:
    # cfn-lint's own loader takes seconds, which each of two test processes would spend.
    template = yaml.load(TEMPLATE.read_text(encoding="utf-8"), _Loader)
    return dict(template["Resources"])


def table(logical_id: str, indexes: Sequence[str] | None = None) -> dict[str, Any]:
    """What CreateTable is asked for; with ``indexes`` only these, as while a stack is upgraded."""
    properties = _resources()[logical_id]["Properties"]
    asked = {name: properties[name] for name in _ASKED if name in properties}
    if indexes is not None:
        asked["GlobalSecondaryIndexes"] = [
            one for one in asked["GlobalSecondaryIndexes"] if one["IndexName"] in indexes
        ]
        schemas = [asked["KeySchema"], *(one["KeySchema"] for one in asked["GlobalSecondaryIndexes"])]
        keys = {key["AttributeName"] for schema in schemas for key in schema}
        asked["AttributeDefinitions"] = [one for one in asked["AttributeDefinitions"] if one["AttributeName"] in keys]
    return asked
