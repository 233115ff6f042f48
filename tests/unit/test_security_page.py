"""docs/security.md names tests, parameters and roles that there are, and says of the roles what they may do."""

import re
from pathlib import Path

from tests.unit.privileges.granted import granted
from tools.deployed_template import deployed, source

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()


def test_what_shows_it_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert len(named) > 10
    assert [one for one in sorted(named) if not (ROOT / one).is_file()] == []


def test_parameters_are_the_template_s() -> None:
    named = set(re.findall(r"`([A-Z][A-Za-z]+)(?:=\w+)?`", PAGE)) - {"SECURITY", "LF"}
    assert len(named) > 6
    assert named <= source()["Parameters"].keys()


def test_links_lead_somewhere() -> None:
    for link, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", PAGE):
        text = (ROOT / "docs" / link).resolve().read_text() if link else PAGE
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
        assert not anchor or anchor in anchors, (link, anchor)


def test_no_role_may_delete_mail_or_change_the_directory() -> None:
    for way in ("key-and-everything-on", "own-network-and-everything-on"):
        for role, permissions in granted(deployed(way)).items():
            for one in permissions:
                assert not one.action.startswith("s3:Delete"), role
                directory = one.resource == "DirectoryTable"
                assert not directory or one.action in ("dynamodb:BatchGetItem", "dynamodb:Scan"), role
