"""A saved query is accepted by the emulator, which knows no such type."""

from pathlib import Path

from cfnlint.decode.cfn_yaml import loads
from ministack.services.cloudformation import provisioners

from mailroomctl.local.emulator import queries

TEMPLATE = Path(__file__).parents[4] / "template.yaml"


def test_a_query_is_made_changed_and_removed() -> None:
    name, attributes = queries.create("OneMessageQuery", {}, "mail")
    assert (name, attributes) == ("mail-OneMessageQuery", {})
    assert queries.update(name, {}, {}, "mail") == (name, {})
    queries.delete(name, {})


def test_the_template_has_it() -> None:
    resources = loads(TEMPLATE.read_text(), str(TEMPLATE))["Resources"].values()
    assert queries.KIND in {one["Type"] for one in resources}


def test_the_emulator_still_lacks_it() -> None:
    """When this fails, ``mailroomctl.local.emulator.queries`` can go."""
    own = provisioners._RESOURCE_HANDLERS.get(queries.KIND)
    assert own is None or own["create"] is queries.create
