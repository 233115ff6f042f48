"""What ``up`` refuses before it starts anything."""

from pathlib import Path

import pytest

from mailroomctl.errors import CommandError
from mailroomctl.local import lifecycle
from mailroomctl.local.settings import Settings


def test_up_names_the_extra_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "find_spec", lambda module: None if module in ("samcli", "ministack") else object())
    with pytest.raises(CommandError) as refused:
        lifecycle.up(Settings(state=tmp_path / "state"))
    assert str(refused.value) == (
        "mailroomctl local needs more packages (aws-sam-cli, ministack): pip install 'mailroom[local]' brings them"
    )
    assert not (tmp_path / "state").exists()


def test_the_extra_is_what_up_looks_for() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["local"]
    assert {one.partition(">")[0] for one in extra} == set(lifecycle.PACKAGES)
