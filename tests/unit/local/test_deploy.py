"""When sam has to build, and which line of its output a user gets to see."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from mailroomctl.errors import CommandError
from mailroomctl.local import deploy
from mailroomctl.local.settings import Settings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that sam is said to build."""
    folder = tmp_path / "project"
    for name in ("functions", "layers", "statemachine"):
        (folder / name).mkdir(parents=True)
    (folder / "template.yaml").write_text("template")
    (folder / "functions" / "app.py").write_text("1")
    return folder


@pytest.fixture
def builds(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls of sam, which does nothing but leave a template."""
    calls: list[str] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
        calls.append(command[3])
        (project / ".aws-sam" / "build").mkdir(parents=True, exist_ok=True)
        (project / ".aws-sam" / "build" / "template.yaml").write_text("built")
        options["stdout"].write(b"some\nError: it does not work\n\nbye\n")
        return subprocess.CompletedProcess(command, 1 if "fail" in (project / "template.yaml").read_text() else 0)

    monkeypatch.setattr(deploy.subprocess, "run", run)
    return calls


def test_it_builds_again_only_when_something_changed(project: Path, builds: list[str], tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state")
    deploy.build(settings, project)
    deploy.build(settings, project)
    assert builds == ["build"]
    (project / "functions" / "__pycache__").mkdir()
    (project / "functions" / "__pycache__" / "app.pyc").write_text("")
    deploy.build(settings, project)
    assert builds == ["build"]
    (project / "functions" / "app.py").write_text("2")
    deploy.build(settings, project)
    assert builds == ["build"] * 2
    (project / ".aws-sam" / "build" / "template.yaml").write_text("built by hand, later")
    deploy.build(settings, project)
    assert builds == ["build"] * 3


def test_a_failed_build_is_not_taken_for_a_good_one(project: Path, builds: list[str], tmp_path: Path) -> None:
    settings = Settings(state=tmp_path / "state")
    (project / "template.yaml").write_text("fail")
    for _ in range(2):
        with pytest.raises(CommandError, match=r"sam build failed: Error: it does not work \(see .*sam-build\.log\)"):
            deploy.build(settings, project)
    assert builds == ["build"] * 2


def test_what_is_missing_is_named(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(state=tmp_path / "state")
    monkeypatch.setattr(deploy.shutil, "which", lambda program, path: None if program == "make" else program)
    with pytest.raises(CommandError, match="make is not on the PATH"):
        deploy.build(settings, project)
    (project / "template.yaml").unlink()
    with pytest.raises(CommandError, match=r"no template\.yaml"):
        deploy.build(settings, project)


def test_a_parameter_that_the_template_lacks_is_named(project: Path, builds: list[str], tmp_path: Path) -> None:
    (project / "template.yaml").write_text("Parameters:\n  LogLevel: { Default: !Ref Nothing }\n")
    settings = Settings(state=tmp_path / "state", parameters={"LogLevel": "DEBUG", "LogLevle": "DEBUG"})
    with pytest.raises(CommandError, match=r"^--parameter LogLevle: template\.yaml has no such parameter$"):
        deploy.deploy(settings, project)
    assert builds == []


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("CREATE_IN_PROGRESS X\nCREATE_FAILED   AWS::X   Name  no such\n  thing\nError: failed\n", "CREATE_FAILED"),
        ("first\nError: one\nError: two\n", "Error: two"),
        ("first\nlast\n\n", "last"),
        ("", "no output"),
    ],
)
def test_the_line_that_says_most(log: str, line: str) -> None:
    assert deploy._reason(log).startswith(line)
