"""``mailroomctl dovecot``, typed by an operator; tests/dovecot runs what it prints."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.dynamodb import domain, mailbox
from tests.integration.command_line import Operator

PRINTED = Path(__file__).parents[1] / "unit/mailroomctl/dovecot"
HASHED = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$"


@pytest.fixture
def company(at: Operator) -> Operator:
    at.put(
        mailbox("bob@example.com"),
        mailbox("eve@example.com", path="staff/eve"),
        mailbox("old@example.com", enabled=False),
        domain("example.com", separators="+", policy={"junk_folder": "Spam"}),
    )
    return at


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "passwords"
    file.write_text("bob@example.com,{CRYPT}b\n")
    return file


def test_the_list_of_users_goes_to_standard_output(company: Operator, file: Path) -> None:
    assert company.run(f"dovecot users --passwords {file} --mail-root /srv/mail --uid 5000 --gid mail") == (
        "bob@example.com:{CRYPT}b:5000:mail::/srv/mail/example.com/bob::\n"
        "eve@example.com:{CRYPT}*:5000:mail::/srv/mail/staff/eve::userdb_mail=maildir:~ userdb_mail_path=~\n"
        "old@example.com:{CRYPT}*:5000:mail::/srv/mail/example.com/old::nologin\n"
    )
    assert company.stderr == "warning: no password, so nobody can log in: eve@example.com\n"


def test_the_list_follows_the_stack_s_template(company: Operator, file: Path) -> None:
    company.parameters["MailboxPathTemplate"] = "{domain}/{local_part}"
    assert company.run(f"dovecot users --passwords {file}").startswith(
        "bob@example.com:{CRYPT}b:vmail:vmail::/mnt/mail/example.com/bob::\n"
    )


def test_a_file_is_written_once_and_then_only_when_something_changes(
    company: Operator, file: Path, tmp_path: Path
) -> None:
    users = tmp_path / "users"
    assert company.run(f"dovecot users --passwords {file} --output {users}") == ""
    assert company.stderr.startswith(f"wrote {users}: 3 names\n")
    assert users.read_text().startswith("bob@example.com:{CRYPT}b:vmail:vmail::/mnt/mail/example.com/bob::\n")
    assert users.stat().st_mode & 0o777 == 0o640
    company.run(f"dovecot users --passwords {file} --output {users}")
    assert company.stderr.startswith(f"no change in {users}: 3 names\n")


def test_without_a_password_file_nobody_can_log_in(company: Operator) -> None:
    assert company.run("dovecot users").count("{CRYPT}*") == 3
    assert company.stderr == "warning: without --passwords nobody can log in with this list\n"


def test_for_programs_there_is_no_secret(company: Operator, file: Path) -> None:
    told = company.json(f"dovecot users --passwords {file}")
    assert told[0] == {
        "login": "bob@example.com",
        "mailbox": "bob@example.com",
        "home": "/mnt/mail/example.com/bob",
        "enabled": True,
    }
    assert "{CRYPT}" not in json.dumps(told)


def test_passwords_become_hashes_in_the_password_file(company: Operator, file: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("Eve@example.com,secret of eve\n")
    printed = company.run(f"dovecot users --passwords {file} --set-passwords {new}")
    kept = file.read_text().splitlines()
    assert kept[0] == "bob@example.com,{CRYPT}b"
    assert kept[1].startswith(f'Eve@example.com,"{HASHED}')
    assert f"eve@example.com:{HASHED}" in printed
    assert "secret of eve" not in printed + file.read_text() + company.stderr


def test_the_first_passwords_make_the_file(company: Operator, tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    company.run(f"dovecot users --passwords {file} --set-passwords -", stdin="bob@example.com,secret\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith(f'bob@example.com,"{HASHED}')


def test_a_mistake_in_the_passwords_changes_nothing(company: Operator, file: Path, tmp_path: Path) -> None:
    line = f"dovecot users --passwords {file} --output {tmp_path}/users --set-passwords -"
    said = company.fails(line, stdin="eve@example.com,x\neve,hunter2\n")
    assert said == "standard input, line 2: 'eve' is not an address: an address needs an @."
    assert file.read_text() == "bob@example.com,{CRYPT}b\n"
    assert not (tmp_path / "users").exists()


def test_an_interruption_while_hashing_changes_nothing(
    company: Operator, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mailroomctl.commands.dovecot.hashed", interrupted)
    line = f"dovecot users --passwords {file} --set-passwords -"
    assert company.fails(line, stdin="eve@example.com,x\n", code=130) == "interrupted"
    assert file.read_text() == "bob@example.com,{CRYPT}b\n"


def test_an_empty_directory_does_not_lock_everybody_out(at: Operator, file: Path, tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text("bob@example.com:…\n")
    said = at.fails(f"dovecot users --passwords {file} --output {users}")
    assert said == "the directory has no mailbox; nothing was written."
    assert users.read_text() == "bob@example.com:…\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--set-passwords x", "--set-passwords puts hashes into a password file; name it with --passwords."),
        ("--passwords none", "none: No such file or directory."),
        ("--passwords p --set-passwords none", "none: No such file or directory."),
        ("--mail-root mail", "--mail-root mail: a path from the root on, without a colon."),
        ("--mail-root /a:b", "--mail-root /a:b: a path from the root on, without a colon."),
    ],
)
def test_mistakes_in_the_options(company: Operator, options: str, said: str) -> None:
    assert company.fails(f"dovecot users {options}") == said


def test_the_configuration_is_for_this_stack(company: Operator) -> None:
    company.parameters.update(MailboxPathTemplate="{domain}/{local_part}/mail", JunkFolder="Rubbish")
    printed = company.run("dovecot config --version 2.3 --users-file /etc/people --quota 2G")
    assert "mail_location = maildir:~/mail\n" in printed
    assert "mailbox Rubbish {" in printed
    assert "mailbox Spam {" in printed
    assert printed.count("args = /etc/people\n") == 2
    told = company.json("dovecot config --version 2.4 --certificate /c.pem --key /k.pem")
    assert told["version"] == "2.4"
    assert "ssl_server_cert_file = /c.pem\nssl_server_key_file = /k.pem\n" in told["configuration"]


def test_there_is_no_configuration_for_other_versions(company: Operator) -> None:
    said = company.fails("dovecot config --version 2.2")
    assert said == "there is no configuration for Dovecot 2.2; there is for 2.3 and 2.4."


def test_what_is_wrong_is_shown_with_its_remedy(company: Operator, tmp_path: Path) -> None:
    text = (PRINTED / "doveconf-2.4.txt").read_text().replace("mail_fsync = always\n", "")
    given = tmp_path / "doveconf"
    given.write_text(text)
    said = company.run(f"dovecot check {given}", code=1)
    assert said.startswith("error: mail_fsync: on NFS, ")
    assert "\n    mail_fsync = always\nerror: mailbox Spam: nobody subscribes to it" in said
    rows = company.json("dovecot check " + str(given), code=1)
    assert [(row["severity"], row["setting"]) for row in rows] == [("error", "mail_fsync"), ("error", "mailbox Spam")]
    assert rows[0]["fix"] == "mail_fsync = always"


def test_warnings_alone_are_no_failure(at: Operator) -> None:
    text = (PRINTED / "doveconf-2.3.txt").read_text() + "maildir_stat_dirs = yes\n"
    assert at.run("dovecot check -", stdin=text).startswith("warning: maildir_stat_dirs: ")
    assert at.run("dovecot check -", stdin=(PRINTED / "doveconf-2.3.txt").read_text()) == (
        "the configuration is in order\n"
    )


def test_without_a_file_doveconf_is_asked(at: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "doveconf"
    program.write_text(f'#!/bin/sh\n[ "$*" = -n ] && cat {PRINTED}/doveconf-2.3.txt\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert at.run("dovecot check") == "the configuration is in order\n"
    program.write_text("#!/bin/sh\necho doveconf: Fatal: Error in line 3 >&2\nexit 89\n")
    assert at.fails("dovecot check") == "doveconf -n failed: doveconf: Fatal: Error in line 3"
    program.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert at.fails("dovecot check") == "there is no doveconf here; give the output of doveconf -n as FILE."


def test_a_file_that_cannot_be_read(at: Operator, tmp_path: Path) -> None:
    assert at.fails(f"dovecot check {tmp_path}/none").endswith("none: No such file or directory.")
    (tmp_path / "bytes").write_bytes(b"\xff")
    assert at.fails(f"dovecot check {tmp_path}/bytes").endswith(
        "bytes: this is no text in UTF-8; give what doveconf -n prints."
    )
    (tmp_path / "text").write_text("hello\n")
    assert at.fails(f"dovecot check {tmp_path}/text") == (
        f"{tmp_path}/text: this is no output of doveconf -n, whose first line says the version; "
        "a file dovecot.conf will not do."
    )
