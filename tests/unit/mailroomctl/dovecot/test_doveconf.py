"""What doveconf -n prints is read as it is meant, of either version."""

from pathlib import Path

import pytest

from mailroomctl.dovecot.doveconf import read_doveconf
from mailroomctl.errors import CommandError

HERE = Path(__file__).parent
PRINTED = {version: (HERE / f"doveconf-{version}.txt").read_text(encoding="utf-8") for version in ("2.3", "2.4")}
START = {version: text.splitlines()[0] + "\n" for version, text in PRINTED.items()}


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_settings_have_their_place(version: str) -> None:
    conf = read_doveconf(PRINTED[version])
    assert conf.version == version
    assert conf.get("mail_fsync") == "always"
    assert conf.is_on("mmap_disable")
    assert conf.settings["namespace inbox", "mailbox Junk", "special_use"] == "\\Junk"
    assert conf.get("mail_nfs_index") == "no", "a default"
    assert set(conf.sections("mailbox")) == {
        ("namespace inbox", f"mailbox {name}") for name in ("Junk", "Sent", "Drafts", "Trash")
    }


def test_a_setting_of_2_4_may_stand_in_a_section_of_its_kind() -> None:
    for line in ("very_dirty_syncs = yes", "maildir_very_dirty_syncs = yes"):
        assert read_doveconf(f"{START['2.4']}maildir {{\n  {line}\n}}\n").is_on("maildir_very_dirty_syncs")


def test_sections_of_one_name_stay_apart() -> None:
    conf = read_doveconf(START["2.3"] + "passdb {\n  driver = pam\n}\npassdb {\n  args = a = b\n  driver = sql\n}\n")
    assert [inside["driver"] for inside in conf.sections("passdb").values()] == ["pam", "sql"]
    assert conf.settings["passdb #2", "args"] == "a = b"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('mailbox "Sent Messages" {', "Sent Messages"),
        ("mailbox Lists/Ünï {", "Lists/Ünï"),
        ("mailbox a=b {", "a=b"),
        ('mailbox "a {b" {', "a {b"),
        ("mailbox a{b {", "a{b"),
        ('mailbox "it\\\'s" {', "it's"),
    ],
)
def test_names_of_sections_as_both_versions_print_them(line: str, name: str) -> None:
    conf = read_doveconf(f"{START['2.3']}namespace inbox {{\n  {line}\n    auto = no\n  }}\n}}\n")
    assert conf.settings["namespace inbox", f"mailbox {name}", "auto"] == "no"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "whose first line says the version"),
        ("mail_fsync = always\n", "whose first line says the version"),
        ("# 2.2.36 (1f10bfa63): /etc/dovecot/dovecot.conf\n", "of Dovecot 2.2; 2.3 and 2.4 can be checked"),
        (START["2.3"] + "}\n", "a section ends that has not begun"),
        (START["2.3"] + "namespace inbox {\n", "a section does not end"),
        (START["2.3"] + "some words\n", "no output of doveconf -n: 'some words'"),
    ],
)
def test_other_texts_are_refused(text: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        read_doveconf(text)
