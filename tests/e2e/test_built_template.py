"""What ``sam build`` makes of the template: CloudFormation takes no YAML aliases, and nothing may be lost."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.decode.cfn_yaml import loads

from mailroomctl.local import deploy
from mailroomctl.local.settings import Settings

#: What sam rewrites: where the artifacts are, and its own notes about them.
REWRITTEN = {"CodeUri", "ContentUri", "DefinitionUri"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    deploy.build(Settings(state=tmp_path_factory.mktemp("build")))
    return deploy.PROJECT / ".aws-sam" / "build" / "template.yaml"


def test_no_anchor_is_left(built: Path) -> None:
    def anchored(path: Path) -> bool:
        return any(isinstance(token, yaml.AnchorToken | yaml.AliasToken) for token in yaml.scan(path.read_text()))

    assert anchored(deploy.PROJECT / "template.yaml")
    assert not anchored(built)


def test_nothing_is_lost(built: Path) -> None:
    assert content(built) == content(deploy.PROJECT / "template.yaml")


def content(path: Path) -> dict[str, Any]:
    """A template without what sam rewrites."""
    template: dict[str, Any] = loads(path.read_text(), str(path))
    for resource in template["Resources"].values():
        resource.pop("Metadata", None)
        for name in REWRITTEN & set(resource.get("Properties", {})):
            del resource["Properties"][name]
    return template
