"""Whatever file is given as the output of doveconf -n, what is wrong with it is said, and soon."""

import io
import sys
import time
from pathlib import Path

import pytest

from mailroomctl.dovecot.check import check_doveconf
from mailroomctl.dovecot.finding import Layout
from mailroomctl.dovecot.reading import read_text
from mailroomctl.errors import CommandError

HEAD = b"# 2.4.1 (7d8c0e5759): /etc/dovecot/dovecot.conf\n"
FILES = Path(__file__).parent


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "whose first line says the version"),
        (b"\n \n", "whose first line says the version"),
        (b"hello\n", "whose first line says the version"),
        (b"mail_driver = maildir\n!include conf.d/*.conf\n", "a file dovecot.conf will not do"),
        (b"# 2.2.36 (1f10bfa63): x\n", "the configuration of Dovecot 2.2; 2.3 and 2.4 can be checked"),
        (bytes(range(256)), "no text in UTF-8"),
        (HEAD + b"mail_path = \xff\n", "no text in UTF-8"),
        (HEAD.decode().encode("utf-16"), "no text in UTF-8"),
        (HEAD + b"passdb {\n", "a section does not end"),
        (HEAD + b"}\n", "a section ends that has not begun"),
        (HEAD + b"a {\n" * 50_000 + b"}\n" * 50_000, "too deep"),
        (HEAD + b"mail_path = x\n" * 100_000, "larger than any output"),
        (HEAD + b"what is this\n", "'what is this'"),
    ],
)
def test_what_is_no_output_of_doveconf(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "conf"
    file.write_bytes(content)
    with pytest.raises(CommandError) as raised:
        read_text(file)
    assert said in str(raised.value)
    assert str(raised.value).startswith(f"{file}: ")


@pytest.mark.parametrize("name", ["none", ".", "a\0b", "/dev/zero", "/dev/null"])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError):
        read_text(tmp_path / name)


def test_what_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CommandError, match="Permission denied"):
        read_text(tmp_path / "conf")


@pytest.mark.parametrize("version", ["2.3", "2.4"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_the_output_of_both_versions(tmp_path: Path, version: str, ending: str) -> None:
    """Also as an editor on another system has saved it."""
    text = (FILES / f"doveconf-{version}.txt").read_text()
    (tmp_path / "conf").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", ending).encode())
    assert check_doveconf(read_text(tmp_path / "conf"), Layout()) == check_doveconf(text, Layout())


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(HEAD)))
    assert read_text(Path("-")) == HEAD.decode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    with pytest.raises(CommandError, match="standard input: "):
        read_text(Path("-"))


def test_many_sections_of_one_name_take_no_time(tmp_path: Path) -> None:
    (tmp_path / "conf").write_bytes(HEAD + b"passdb {\n}\n" * 20_000)
    begun = time.process_time()
    check_doveconf(read_text(tmp_path / "conf"), Layout())
    assert time.process_time() - begun < 5
