"""The printed configuration; tests/dovecot runs it."""

from pathlib import Path

import pytest

from mailroomctl.dovecot.config import VERSIONS, Version, Wanted, configuration
from mailroomctl.errors import CommandError

PAGE = Path(__file__).parents[4] / "docs/dovecot.md"


def settings(text: str) -> list[str]:
    """The lines that set something."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_wish_has_its_place(version: Version) -> None:
    wanted = Wanted(
        folder="mail",
        junk_folders=["Spam", "Lists/Ünï"],
        users_file="/etc/dovecot/people",
        certificate="/tls/chain.pem",
        key="/tls/key.pem",
        quota="5G",
    )
    text = configuration(version, wanted)
    assert "~/mail\n" in text
    assert text.count("/etc/dovecot/people") == 2
    assert text.count("/tls/chain.pem") == text.count("/tls/key.pem") == 1
    assert "  mailbox Spam {\n    auto = subscribe\n    special_use = \\Junk\n  }\n" in text
    assert '  mailbox "Lists/Ünï" {\n    auto = subscribe\n    special_use = \\Junk\n  }\n' in text
    assert "storage=5G" in text or "storage_size = 5G" in text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_quota_none_is_configured(version: Version) -> None:
    assert "quota" not in configuration(version, Wanted())


@pytest.mark.parametrize("version", VERSIONS)
def test_where_the_home_is_the_maildir(version: Version) -> None:
    lines = settings(configuration(version, Wanted(folder="")))
    assert {"mail_location = maildir:~", "mail_path = ~"} & set(lines)


def test_what_looks_like_a_variable_of_2_4_is_none() -> None:
    wanted = Wanted(junk_folders=["100%{off}", "5%"])
    assert '  mailbox "100%%{off}" {\n' in configuration("2.4", wanted)
    assert '  mailbox "100%{off}" {\n' in configuration("2.3", wanted)
    assert all('  mailbox "5%" {\n' in configuration(version, wanted) for version in VERSIONS)


def test_the_first_setting_of_2_4_is_the_version() -> None:
    assert settings(configuration("2.4", Wanted()))[0] == "dovecot_config_version = 2.4.0"


@pytest.mark.parametrize("version", VERSIONS)
def test_junk_may_go_where_another_folder_is_usual(version: Version) -> None:
    text = configuration(version, Wanted(junk_folders=["Trash"]))
    assert text.count("mailbox Trash {") == 1
    assert text.count("\\Trash") == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_folder_that_dovecot_cannot_name(version: Version) -> None:
    with pytest.raises(CommandError, match='cannot name the folder a"b'):
        configuration(version, Wanted(junk_folders=['a"b']))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_page_explains_each_line(version: Version) -> None:
    page = PAGE.read_text(encoding="utf-8")
    names = {
        line.partition("=")[0].strip() for line in settings(configuration(version, Wanted(quota="10G"))) if "=" in line
    }
    assert len(names) > 15
    assert [name for name in sorted(names) if f"`{name}" not in page] == []
