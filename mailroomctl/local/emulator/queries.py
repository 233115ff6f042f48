"""Lets a saved query of Logs Insights be deployed.

ministack 1.5 knows no ``AWS::Logs::QueryDefinition``, and refuses the whole stack. Here such a query is accepted and
kept nowhere: nobody asks the embedded AWS for it.

Delete this module when ministack knows the type: ``test_the_emulator_still_lacks_it`` then fails.
"""

from typing import Any

KIND = "AWS::Logs::QueryDefinition"


def install() -> None:
    """Add the type to those that ministack makes."""
    from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

    provisioners._RESOURCE_HANDLERS.setdefault(KIND, {"create": create, "update": update, "delete": delete})


def create(logical_id: str, _properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
    """Give the name and the attributes of the new resource."""
    return f"{stack_name}-{logical_id}", {}


def update(
    physical_id: str, _old: dict[str, Any], _new: dict[str, Any], _stack_name: str
) -> tuple[str, dict[str, Any]]:
    """Give the same as before."""
    return physical_id, {}


def delete(_physical_id: str, _properties: dict[str, Any]) -> None:
    """Nothing is there."""
