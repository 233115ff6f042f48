"""``mailroomctl`` as a program: its version, ``python -m mailroomctl``, and without the extra ``local``."""

import subprocess
import sys

import pytest

from mailroomctl.version import VERSION

#: What an installation without the extra lacks.
HIDDEN = """
import sys
for name in ("aiosmtpd", "ministack", "pip", "samcli", "samtranslator"):
    sys.modules[name] = None
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("arguments", [["--version"], ["--version", "status"]])
def test_the_version(arguments: list[str]) -> None:
    done = python("-m", "mailroomctl", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mailroomctl {VERSION}\n", "")


@pytest.mark.parametrize("command", [["explain"], ["local", "up"], ["local", "send"]])
def test_help_needs_none_of_the_embedded_aws(command: list[str]) -> None:
    arguments = [*command, "--help"]
    done = python("-c", f"{HIDDEN}from mailroomctl.main import app\napp({arguments!r}, prog_name='mailroomctl')")
    assert done.returncode == 0, done.stderr
    assert f"Usage: mailroomctl {' '.join(command)}" in done.stdout


def test_the_demo_names_the_extra_that_it_needs() -> None:
    done = python("-c", f"{HIDDEN}from mailroomctl.local import demo\nsys.exit(demo.main())")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        'demo: mailroomctl local needs the extra "local": pip install "mailroom[local]"'
        " (missing: aiosmtpd, aws-sam-cli, aws-sam-translator, ministack, pip)\n"
    )
