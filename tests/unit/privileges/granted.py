"""What the statements of the roles allow."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.unit.privileges.permission import Permission, named, referred


def granted(template: Mapping[str, Any]) -> dict[str, set[Permission]]:
    """The permissions of each role of a deployed template."""
    found: dict[str, set[Permission]] = defaultdict(set)
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            managed = resource["Properties"].get("ManagedPolicyArns", [])
            found[name] |= {Permission("everything of a managed policy", str(arn)) for arn in managed}
    for roles, statement in statements(template):
        for role in roles:
            found[role] |= set(_of_statement(statement, template))
    return found


def statements(template: Mapping[str, Any]) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """The statements of all policies in the template, where they are, with the roles that have them."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::IAM::Role":
                roles, policies = [name], properties.get("Policies", [])
            case "AWS::IAM::RolePolicy":
                roles, policies = [referred(properties["RoleName"])], [properties]
            case "AWS::IAM::Policy":
                roles, policies = [referred(role) for role in properties["Roles"]], [properties]
            case "AWS::IAM::ManagedPolicy":
                raise AssertionError(f"{name}: put its statements into the roles")
            case _:
                continue
        for policy in policies:
            yield from ((roles, statement) for statement in policy["PolicyDocument"]["Statement"])


def _of_statement(statement: Mapping[str, Any], template: Mapping[str, Any]) -> Iterator[Permission]:
    assert statement["Effect"] == "Allow", statement
    assert not statement.keys() & {"NotAction", "NotResource"}, statement
    conditions = [""]
    for test, wanted in statement.get("Condition", {}).items():
        assert test == "StringEquals", statement
        assert len(wanted) == 1, "one condition a statement"
        [(key, values)] = wanted.items()
        conditions = [f"{key}={value}" for value in _listed(values)]
    for action in _listed(statement["Action"]):
        for resource in _listed(statement["Resource"]):
            for condition in conditions:
                yield Permission(action, named(resource, template), condition)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
