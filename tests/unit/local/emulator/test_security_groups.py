"""A rule of a security group is a resource of its own for the emulator, which knows no such type."""

from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads
from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from mailroomctl.local.emulator import security_groups

TEMPLATE = Path(__file__).parents[4] / "template.yaml"


def rule(source: str) -> dict[str, Any]:
    return {
        "GroupId": "sg-efs",
        "IpProtocol": "tcp",
        "FromPort": 2049,
        "ToPort": 2049,
        "SourceSecurityGroupId": source,
    }


def allowed(group: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["FromPort"], pair["GroupId"]) for one in group["IpPermissions"] for pair in one["UserIdGroupPairs"]]


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    made: dict[str, Any] = {"IpPermissions": []}
    monkeypatch.setattr(ec2, "_security_groups", {"sg-efs": made})
    return made


def test_a_rule_is_made_changed_and_removed(group: dict[str, Any]) -> None:
    name, attributes = security_groups.create("Rule", rule("sg-function"), "mail")
    assert (name, attributes) == ("mail-Rule", {})
    assert allowed(group) == [(2049, "sg-function")]
    assert security_groups.update(name, rule("sg-function"), rule("sg-dovecot"), "mail") == (name, {})
    assert allowed(group) == [(2049, "sg-dovecot")]
    security_groups.delete(name, rule("sg-dovecot"))
    assert allowed(group) == []


def test_a_group_that_is_gone_has_taken_its_rules_along() -> None:
    security_groups.delete("mail-Rule", rule("sg-function"))


def test_the_template_has_it() -> None:
    resources = loads(TEMPLATE.read_text(), str(TEMPLATE))["Resources"].values()
    assert security_groups.KIND in {one["Type"] for one in resources}


def test_the_emulator_still_lacks_it() -> None:
    """When this fails, ``mailroomctl.local.emulator.security_groups`` can go."""
    own = provisioners._RESOURCE_HANDLERS.get(security_groups.KIND)
    assert own is None or own["create"] is security_groups.create
