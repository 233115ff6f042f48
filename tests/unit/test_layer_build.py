"""What `sam build` ships: the layer's pins and the functions' build recipes."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "layers/mailroom/requirements.txt"
# The packages that the domain package imports by name; pyproject.toml lists them first.
DIRECT = {"aws-lambda-powertools", "cachetools", "idna", "tenacity"}


def pins() -> dict[str, str]:
    """The layer's requirements as name → version; a line that is not an exact pin fails the test."""
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def test_the_layer_ships_the_versions_that_were_tested() -> None:
    locked = {
        package["name"]: package["version"] for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    assert pins() == {name: locked.get(name) for name in pins()}


def test_the_layer_ships_every_dependency_and_no_more() -> None:
    """The layer is installed with --no-deps, so requirements.txt has to be complete by itself."""
    needed: set[str] = set()
    pending = set(DIRECT)
    while pending:
        name = pending.pop()
        needed.add(name)
        for requirement in requires(name) or ():
            if "extra ==" not in requirement:
                pending |= {re.split(r"[^A-Za-z0-9._-]", requirement)[0]} - needed
    assert set(pins()) == needed


@pytest.mark.parametrize("step", ["validate_event", "resolve_mailboxes", "write_mailbox", "audit_mail"])
def test_every_function_is_shipped_with_bytecode(step: str) -> None:
    recipe = (ROOT / "functions" / step / "Makefile").read_text()
    assert "compileall" in recipe
    assert "unchecked-hash" in recipe
