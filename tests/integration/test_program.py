"""``mailroomctl`` as a program: its version, and ``python -m mailroomctl``."""

import subprocess
import sys

import pytest

from mailroomctl.version import VERSION


@pytest.mark.parametrize("arguments", [["--version"], ["--version", "status"]])
def test_the_version(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "mailroomctl", *arguments], capture_output=True, text=True, check=True)
    assert done.stdout == f"mailroomctl {VERSION}\n"


def test_a_command_needs_none_of_the_embedded_aws() -> None:
    """What an installation without the extra ``local`` lacks is not imported by the commands."""
    program = (
        "import sys\n"
        "for name in ('aiosmtpd', 'ministack', 'samcli', 'samtranslator'):\n"
        "    sys.modules[name] = None\n"
        "from mailroomctl.main import app\n"
        "app(['local', 'send', '--help'], prog_name='mailroomctl')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--verdict" in done.stdout
