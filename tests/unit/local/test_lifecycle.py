"""What ``up`` refuses before it starts anything: the packages of the extra ``local`` are hidden from it."""

import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailroomctl.local import lifecycle
from mailroomctl.main import app

NEEDED = 'mailroomctl local needs the extra "local": pip install "mailroom[local]" (missing: {})\n'


@pytest.fixture(params=[["aiosmtpd"], ["aws-sam-cli", "ministack"], list(lifecycle.PACKAGES)], ids=len)
def missing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = request.param
    for name in names:
        monkeypatch.setitem(sys.modules, lifecycle.PACKAGES[name], None)
    return names


def test_up_says_in_one_line_which_extra_it_needs(missing: list[str], tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["local", "up", "--state", str(tmp_path / "state")])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.endswith("mailroomctl: " + NEEDED.format(", ".join(missing)))
    assert not (tmp_path / "state").exists()


def test_down_names_the_folder_that_it_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["local", "down"])
    assert (done.exit_code, done.stdout) == (0, f"nothing was running with state folder {tmp_path}/.local\n")


def test_the_extra_is_what_up_looks_for() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["local"]
    assert {one.partition(">")[0] for one in extra} == set(lifecycle.PACKAGES)
