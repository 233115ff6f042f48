"""One version: of the package, the stack and the changelog."""

import re
import tomllib
from pathlib import Path

from cfnlint.decode.cfn_yaml import loads

from mailroomctl.version import VERSION

ROOT = Path(__file__).parents[2]
STATED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_installed_version_is_the_stated_one() -> None:
    assert VERSION == STATED


def test_the_stack_tells_the_version() -> None:
    template = (ROOT / "template.yaml").read_text()
    assert loads(template, "template.yaml")["Outputs"]["Version"]["Value"] == STATED


def test_the_changelog_starts_with_what_is_not_released_and_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    first, second = re.findall(r"^## (.+)$", changelog, re.MULTILINE)[:2]
    assert first == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(STATED)}\] - \d{{4}}-\d\d-\d\d", second)
    for name in ("Unreleased", STATED):
        assert re.search(rf"^\[{re.escape(name)}\]: https://\S+v{re.escape(STATED)}\S*$", changelog, re.MULTILINE)


def test_the_operations_page_shows_it() -> None:
    assert re.search(rf"^stack +{re.escape(STATED)}$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)


def test_changes_are_in_the_groups_of_keep_a_changelog() -> None:
    groups = set(re.findall(r"^### (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE))
    assert groups <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
