"""Background processes, with one that only sleeps: found while they live, gone when they are ended."""

import os
import signal
import time
from pathlib import Path

import pytest

from mailroomctl.errors import CommandError
from mailroomctl.local import processes
from mailroomctl.local.settings import Settings

SLEEPER = """
import subprocess, sys, time
from pathlib import Path
from mailroomctl.local import processes
from mailroomctl.local.settings import Settings
settings = Settings.load(Path(sys.argv[1]))
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", stubborn])
(settings.state / "child").write_text(str(child.pid))
processes.say_ready(settings, "sleeper")
time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose processes may be modules of the test's own."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "sleeper.py").write_text(SLEEPER)
    (modules / "broken.py").write_text("raise SystemExit('it is broken')\n")
    monkeypatch.setenv("PYTHONPATH", str(modules))
    monkeypatch.setattr(processes, "MODULES", {"sleeper": "sleeper", "broken": "broken"})
    made = Settings(state=tmp_path / "state")
    made.save()
    return made


def gone(pid: int) -> bool:
    """Whether a process ends within a moment; a zombie that init has yet to collect has ended."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_start_find_and_end(settings: Settings) -> None:
    pid = processes.start(settings, "sleeper")
    processes.wait_until_ready(settings, "sleeper", 20)
    assert processes.running(settings, "sleeper") == pid
    with pytest.raises(CommandError, match="running already"):
        processes.start(settings, "sleeper")
    child = int((settings.state / "child").read_text())
    assert processes.stop(settings, "sleeper")
    assert processes.running(settings, "sleeper") is None
    assert gone(pid)
    assert gone(child)  # although it ignores SIGTERM
    assert not processes.stop(settings, "sleeper")


def test_a_killed_process_is_not_running(settings: Settings) -> None:
    pid = processes.start(settings, "sleeper")
    processes.wait_until_ready(settings, "sleeper", 20)
    os.killpg(pid, signal.SIGKILL)
    assert gone(pid)
    assert processes.running(settings, "sleeper") is None
    assert not processes.stop(settings, "sleeper")  # and no zombie stays


def test_a_stale_pid_file_is_not_believed(settings: Settings) -> None:
    settings.run_folder.mkdir(parents=True)
    (settings.run_folder / "sleeper.pid").write_text(str(os.getpid()))
    assert processes.running(settings, "sleeper") is None
    assert not processes.stop(settings, "sleeper")  # and this test lives on


def test_a_process_that_cannot_start_is_reported_with_its_last_words(settings: Settings) -> None:
    processes.start(settings, "broken")
    with pytest.raises(CommandError, match=r"broken did not start: it is broken \(see .*broken\.log\)"):
        processes.wait_until_ready(settings, "broken", 20)
    processes.stop(settings, "broken")


def test_one_up_at_a_time(settings: Settings) -> None:
    with (
        processes.exclusive(settings),
        pytest.raises(CommandError, match="another `up`"),
        processes.exclusive(settings),
    ):
        pass
