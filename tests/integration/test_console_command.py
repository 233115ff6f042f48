"""``mailroomctl console`` as a process: quick, on loopback only, and clear about what keeps it from starting."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailroomctl.commands import console
from mailroomctl.local import lifecycle
from mailroomctl.local.settings import Settings
from mailroomctl.web import server
from mailroomctl.web.context import Context
from mailroomctl.web.security import Gate
from tests.integration.command_line import Operator

MAILROOMCTL = str(Path(sys.executable).with_name("mailroomctl"))
#: Seconds of a processor; a test beside others cannot count those of the clock.
QUICK = 2.0


@contextmanager
def running(*options: str, stderr: int | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A console of a stack that does not answer, and its address."""
    command = [MAILROOMCTL, "console", "--port", "0", "--endpoint-url", "http://127.0.0.1:9", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)


def test_the_first_page_comes_within_two_seconds() -> None:
    with running() as (process, address):
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(address) as answer:
            assert b"<h1>Overview</h1>" in answer.read()
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        took = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        with pytest.raises(urllib.error.HTTPError) as refusal:
            opener.open(address)
        assert refusal.value.code == 403
        refusal.value.close()
    assert took < QUICK


def test_it_ends_in_silence_while_a_browser_listens() -> None:
    with running(stderr=subprocess.PIPE) as (process, address):
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(address) as answer:
            base = answer.url
        request = urllib.request.Request(f"{base}events", headers={"Sec-Fetch-Site": "same-origin"})
        with opener.open(request) as stream:
            assert stream.readline() == b"event: overview\n"
            process.send_signal(signal.SIGINT)
            assert process.stderr
            assert process.stderr.read() == ""
        assert process.wait() == 0


def test_a_port_that_is_taken(at: Operator) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert at.fails(f"console --port {port}").startswith(f"cannot listen on 127.0.0.1:{port}")


def test_a_port_that_is_taken_on_the_other_loopback(at: Operator) -> None:
    """Whoever listens there would get what is meant for localhost."""
    with socket.socket(socket.AF_INET6) as taken:
        taken.bind(("::1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert at.fails(f"console --port {port}").startswith(f"cannot listen on ::1:{port}")


def test_without_its_packages(at: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "find_spec", lambda name: None if name == "uvicorn" else object())
    assert 'pip install "mailroom[console]" (missing: uvicorn)' in at.fails("console")
    monkeypatch.setattr(lifecycle, "find_spec", lambda name: None)
    assert not lifecycle.has_console()


def test_what_it_is_told(at: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    served: list[Context] = []
    opened: list[str] = []

    def serve(context: Context, port: int, call: object) -> None:
        assert port == 8850
        served.append(context)
        assert callable(call)
        call(Gate(port))

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr(console.webbrowser, "open", opened.append)
    Settings(state=tmp_path, aws_port=4999).save()
    said = at.json(f"console --read-only --show-mail --open --state {tmp_path}")
    assert said["address"] == opened[0]
    at.run(f"console --endpoint-url http://127.0.0.1:4999/ --state {tmp_path}")
    at.run(f"console --endpoint-url http://127.0.0.1:4998 --state {tmp_path}")
    at.run(f"console --endpoint-url http://127.0.0.1:4999 --state {tmp_path / 'none'}")
    first, embedded, other, unknown = served
    assert (first.read_only, first.show_mail, first.embedded) == (True, True, None)
    assert embedded.embedded
    assert embedded.embedded.state == tmp_path
    assert embedded.mail_is_shown
    assert (other.embedded, unknown.embedded, other.mail_is_shown) == (None, None, False)


def test_up_prints_the_address(at: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[Settings] = []

    def up(settings: Settings, progress: object) -> Settings:
        given.append(settings)
        settings.run_folder.mkdir(exist_ok=True)
        if settings.console_port is not None:
            settings.console_address.write_text("http://127.0.0.1:8850/enter/once")
        return settings

    monkeypatch.setattr(lifecycle, "up", up)
    assert "http://127.0.0.1:8850/enter/once" in at.run(f"local up --state {tmp_path}")
    (tmp_path / "run" / "console.address").unlink()
    assert "console" not in at.run(f"local up --state {tmp_path} --no-console")
    assert [settings.console_port for settings in given] == [8850, None]


def test_the_address_of_the_embedded_console_is_its_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(state=tmp_path, console_port=0)
    settings.save()
    settings.run_folder.mkdir()
    assert lifecycle.console_address(settings) == ""

    def serve(context: Context, port: int, opened: object) -> None:
        gate = Gate(8850)
        assert callable(opened)
        opened(gate)
        assert lifecycle.console_address(settings) == gate.address
        gate.enter(gate.invitation)
        assert lifecycle.console_address(settings) == gate.address

    monkeypatch.setattr(server, "serve", serve)
    server.main(str(tmp_path))
    assert settings.console_address.stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "local.json").read_text())["console_port"] == 0
