"""Where the container engine is looked for, and what is said when there is none or none can be made here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sam_local import engine

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "lambda-containers"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The only folder on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_one_line_says_that_no_engine_answers(tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/engine.sock"
    done = subprocess.run(
        [sys.executable, "-m", "tests.sam_local.engine"],
        cwd=ROOT,
        env={**os.environ, "DOCKER_HOST": nowhere},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    [line] = (done.stdout + done.stderr).splitlines()
    assert line.startswith(f"sam-local: no container engine answers at {nowhere} (No such file or directory): ")
    assert "tools/lambda-containers up" in line


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "rubbish", "http://", "ssh://nobody@nowhere.invalid"])
def test_every_wrong_address_is_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(engine.NoEngineError) as caught:
        engine.connect()
    assert str(caught.value).startswith(f"no container engine answers at {address} (")
    assert "\n" not in str(caught.value)


def test_docker_host_goes_before_the_docker_command(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert engine.address() == "unix:///var/run/docker.sock"
    program(programs, "docker", "exit 1")
    assert engine.address() == "unix:///var/run/docker.sock"
    program(programs, "docker", "echo unix:///run/user/1000/docker.sock")
    assert engine.address() == "unix:///run/user/1000/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2375")
    assert engine.address() == "tcp://127.0.0.1:2375"


def run_tool(programs: Path, *arguments: str) -> tuple[int, str]:
    """Run ``tools/lambda-containers``; returns its exit code and what it said. Nothing is to be evaluated."""
    done = subprocess.run(
        ["/bin/bash", TOOL, *arguments],
        env={"PATH": str(programs), "LAMBDA_CONTAINERS_HOME": str(programs.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", [(), ("sideways",)])
def test_the_tool_says_how_it_is_used(programs: Path, arguments: tuple[str, ...]) -> None:
    assert run_tool(programs, *arguments) == (2, "lambda-containers: usage: lambda-containers up | down\n")


def test_the_tool_says_what_it_needs(programs: Path) -> None:
    program(programs, "id", "echo 1000")
    program(programs, "uname", "echo aarch64")
    assert run_tool(programs, "up") == (1, "lambda-containers: root is needed to start containers\n")
    program(programs, "id", "echo 0")
    assert run_tool(programs, "up") == (1, "lambda-containers: Debian is needed: there is no apt-get here\n")
    program(programs, "apt-get", "echo no network; exit 100")
    assert run_tool(programs, "up") == (1, "lambda-containers: x86_64 is needed: this is aarch64\n")


def test_the_tool_names_the_log_of_what_failed(programs: Path) -> None:
    program(programs, "id", "echo 0")
    program(programs, "uname", "echo x86_64")
    program(programs, "apt-get", "echo no network; exit 100")
    for name in ("mkdir", "flock"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    code, said = run_tool(programs, "up")
    log = programs.parent / "home" / "apt.log"
    assert code == 1
    assert said.splitlines()[-1] == f"lambda-containers: apt-get failed, see {log}"
    assert log.read_text() == "no network\n"


def test_ending_what_does_not_run_is_no_error(programs: Path) -> None:
    assert run_tool(programs, "down") == (0, "")
