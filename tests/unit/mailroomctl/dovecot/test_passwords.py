"""The password file: read, hashed, merged, written, and never told."""

import io
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from mailroomctl.console import Progress
from mailroomctl.dovecot.passwords import Password, hashed, merged, read_hashes, read_passwords, write_hashes
from mailroomctl.errors import CommandError

HASH = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"


def file_of(folder: Path, text: str) -> Path:
    file = folder / "passwords"
    file.write_text(text, encoding="utf-8")
    return file


def test_lines_have_an_address_a_hash_and_perhaps_a_name(tmp_path: Path) -> None:
    file = file_of(tmp_path, f'O\'Brien@example.com,"{HASH}"\n\n"""a:b""@example.com",{{SHA512-CRYPT}}$6$x, a.b \n')
    assert read_hashes(file) == [
        Password("O'Brien@example.com", HASH),
        Password('"a:b"@example.com', "{SHA512-CRYPT}$6$x", "a.b"),
    ]


def test_a_file_of_windows_is_read(tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.write_bytes(b"\xef\xbb\xbfbob@example.com,{CRYPT}x\r\n")
    assert read_hashes(file) == [Password("bob@example.com", "{CRYPT}x")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bob@example.com\n", "line 1: a line has two or three columns"),
        ("bob@example.com,{CRYPT}x,a,b\n", "line 1: a line has two or three columns"),
        ("bob,{CRYPT}x\n", "line 1: 'bob' is not an address"),
        ("bob@example.com,{CRYPT}x\nbob@example.com,{CRYPT}y\n", "line 2: bob@example.com is in line 1 already"),
        ("bob@example.com,{CRYPT}x,a:b\n", "line 1: nobody can log in as 'a:b'"),
        ("bob@example.com,hunter2\n", "line 1: the second column is no hash"),
        ("bob@example.com,{PLAIN}hunter2\n", "line 1: the second column is no hash"),
        ("bob@example.com,{cleartext}hunter2\n", "line 1: the second column is no hash"),
        ("bob@example.com,{CRYPT}hunter2 x\n", "line 1: the second column is no hash"),
        ("bob@example.com,{CRYPT}hunter2:x\n", "line 1: the second column is no hash"),
        ('bob@example.com,"{CRYPT}hunter2\n', "not CSV in UTF-8"),
    ],
)
def test_mistakes_are_told_with_their_line_and_without_the_secret(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CommandError) as caught:
        read_hashes(file_of(tmp_path, text))
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        read_hashes(tmp_path / "none")
    file = tmp_path / "passwords"
    file.write_bytes(b"b\xfcb@example.com,{CRYPT}x\n")
    with pytest.raises(CommandError, match="not CSV in UTF-8"):
        read_hashes(file)


def test_an_empty_password_and_a_hash_are_no_passwords() -> None:
    with pytest.raises(CommandError, match="csv, line 1: the password is empty"):
        read_passwords(io.StringIO("bob@example.com,\n"), "csv")
    with pytest.raises(CommandError, match="csv, line 1: that is a hash already"):
        read_passwords(io.StringIO(f'bob@example.com,"{HASH}"\n'), "csv")


def test_passwords_become_hashes_that_only_they_match() -> None:
    given = read_passwords(io.StringIO('bob@example.com," p,w ",robert\neve@example.com, p\n'), "csv")
    counted = Progress()
    bob, eve = hashed(given, counted)
    assert (bob.spelling, bob.login, eve.login) == ("bob@example.com", "robert", "")
    assert bob.secret.startswith("{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$")
    assert PasswordHasher().verify(bob.secret.removeprefix("{ARGON2ID}"), " p,w ")
    assert PasswordHasher().verify(eve.secret.removeprefix("{ARGON2ID}"), " p")
    assert bob.secret != hashed([given[0]], counted)[0].secret, "two people with one password have two hashes"


def test_new_lines_take_the_place_of_old_ones(tmp_path: Path) -> None:
    old = [
        Password("a@x.example", "{CRYPT}1"),
        Password("b@x.example", "{CRYPT}2"),
        Password("b@x.example", "{CRYPT}3", "bob"),
    ]
    lines = merged(old, [Password("b@x.example", "{CRYPT}4"), Password("c@x.example", "{CRYPT}5")])
    assert [(one.spelling, one.secret, one.login) for one in lines] == [
        ("a@x.example", "{CRYPT}1", ""),
        ("b@x.example", "{CRYPT}4", ""),
        ("b@x.example", "{CRYPT}3", "bob"),
        ("c@x.example", "{CRYPT}5", ""),
    ]
    file = tmp_path / "passwords"
    write_hashes(file, lines)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_hashes(file) == lines
