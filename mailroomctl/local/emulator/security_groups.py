"""Lets a rule of a security group be deployed as a resource of its own.

ministack 1.5 knows no ``AWS::EC2::SecurityGroupIngress``, and refuses the whole stack. Here such a rule is added to its
group, as if it stood there.

Delete this module when ministack knows the type: ``test_the_emulator_still_lacks_it`` then fails.
"""

from typing import Any

KIND = "AWS::EC2::SecurityGroupIngress"


def install() -> None:
    """Add the type to those that ministack makes."""
    from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

    provisioners._RESOURCE_HANDLERS.setdefault(KIND, {"create": create, "update": update, "delete": delete})


def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
    """Add the rule, and give its name and attributes."""
    permissions, rule = _found(properties)
    permissions.append(rule)
    return f"{stack_name}-{logical_id}", {}


def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], _stack_name: str) -> tuple[str, dict[str, Any]]:
    """Put the new rule into the place of the old one."""
    delete(physical_id, old)
    permissions, rule = _found(new)
    permissions.append(rule)
    return physical_id, {}


def delete(_physical_id: str, properties: dict[str, Any]) -> None:
    """Take the rule away, where its group is still there."""
    permissions, rule = _found(properties)
    if rule in permissions:
        permissions.remove(rule)


def _found(properties: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rules of the group, none for a group that is gone, and the rule as they have it."""
    from ministack.services import ec2  # type: ignore[import-untyped]
    from ministack.services.cloudformation import provisioners

    group = ec2._security_groups.get(properties["GroupId"], {"IpPermissions": []})
    [rule] = provisioners._ec2_sg_permissions([properties])
    return group["IpPermissions"], rule
