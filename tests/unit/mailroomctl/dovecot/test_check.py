"""Each setting that loses, hides or slows mail is named with the line that mends it, and the mended one is silent."""

import pytest

from mailroomctl.dovecot.check import check_doveconf
from mailroomctl.dovecot.finding import Layout
from tests.unit.mailroomctl.dovecot.test_doveconf import PRINTED, START

LAYOUT = Layout()
#: What is said, and what makes it: the version, what stands in the printed configuration ("" for its first line), and
#: what is there instead.
CASES: dict[tuple[str, str, str], list[tuple[str, str, str]]] = {
    ("error", "mail_location", "mail_location = maildir:~/Maildir"): [
        ("2.3", "maildir:~/Maildir", "mbox:~/mail"),
        ("2.3", "maildir:~/Maildir", "maildir:~/mail"),
        ("2.3", "maildir:~/Maildir", "maildir:/mnt/mail/%d/%n/Maildir"),
        ("2.3", "maildir:~/Maildir", "maildir:~/Maildir:LAYOUT=fs"),
        ("2.3", "maildir:~/Maildir", "maildir:~/Maildir:INBOX=/var/mail/%u"),
        ("2.3", "maildir:~/Maildir", "maildir:~/Maildir:UTF-8"),
        ("2.3", "maildir:~/Maildir", "maildir:~/Maildir:DIRNAME=mBoX"),
    ],
    ("warning", "mail_location", "mail_location = maildir:~/Maildir"): [
        ("2.3", "maildir:~/Maildir", "maildir:~/Maildir:INDEX=MEMORY")
    ],
    ("error", "mail_driver", "mail_driver = maildir"): [("2.4", "mail_driver = maildir", "mail_driver = sdbox")],
    ("error", "mail_path", "mail_path = ~/Maildir"): [
        ("2.4", "mail_path = ~/Maildir", "mail_path = /mnt/mail/%{user | domain}/%{user | username}"),
        ("2.4", "mail_path = ~/Maildir", ""),
    ],
    ("error", "mailbox_list_layout", "mailbox_list_layout = maildir++"): [
        ("2.4", "mailbox_list_layout = maildir++", "mailbox_list_layout = fs")
    ],
    ("error", "mail_inbox_path", "mail_inbox_path ="): [("2.4", "", "mail_inbox_path = /var/mail/%{user}")],
    ("error", "mailbox_list_utf8", "mailbox_list_utf8 = no"): [("2.4", "", "mailbox_list_utf8 = yes")],
    ("error", "mailbox_directory_name", "mailbox_directory_name ="): [
        ("2.4", "", "mailbox_directory_name = dbox-Mails")
    ],
    ("warning", "mail_index_path", "mail_index_path ="): [("2.4", "", "mail_index_path = MEMORY")],
    ("error", "mmap_disable", "mmap_disable = yes"): [("both", "mmap_disable = yes\n", "")],
    ("error", "mail_fsync", "mail_fsync = always"): [("both", "mail_fsync = always\n", "")],
    ("warning", "mail_nfs_storage", "mail_nfs_storage = no"): [("both", "", "mail_nfs_storage = yes")],
    ("warning", "mail_nfs_index", "mail_nfs_index = no"): [("both", "", "mail_nfs_index = yes")],
    ("warning", "lock_method", "lock_method = fcntl"): [("both", "", "lock_method = dotlock")],
    ("error", "maildir_very_dirty_syncs", "maildir_very_dirty_syncs = no"): [
        ("2.3", "", "maildir_very_dirty_syncs = yes"),
        ("2.4", "very_dirty_syncs = no", "very_dirty_syncs = yes"),
    ],
    ("error", "mailbox_list_index_very_dirty_syncs", "mailbox_list_index_very_dirty_syncs = no"): [
        ("both", "", "mailbox_list_index_very_dirty_syncs = yes")
    ],
    ("warning", "mailbox_idle_check_interval", "mailbox_idle_check_interval = 30 secs"): [
        ("both", "", "mailbox_idle_check_interval = 5 mins")
    ],
    ("warning", "maildir_broken_filename_sizes", "maildir_broken_filename_sizes = no"): [
        ("both", "", "maildir_broken_filename_sizes = yes")
    ],
    ("warning", "maildir_stat_dirs", "maildir_stat_dirs = no"): [("both", "", "maildir_stat_dirs = yes")],
    ("error", "auth_username_chars", "auth_username_chars ="): [("both", "auth_username_chars = \n", "")],
    ("error", "auth_username_format", "auth_username_format = %Lu"): [("2.3", "", "auth_username_format = %Ln")],
    ("error", "auth_username_format", "auth_username_format = %{user | lower}"): [
        ("2.4", "", "auth_username_format = %{user}")
    ],
    ("error", "userdb", "userdb {\n  driver = passwd-file\n  args = /etc/dovecot/mailroom-users\n}"): [
        ("2.3", "driver = passwd-file\n}\nprotocol imap", "driver = static\n}\nprotocol imap")
    ],
    ("error", "userdb", "userdb passwd-file {\n  passwd_file_path = /etc/dovecot/mailroom-users\n}"): [
        ("2.4", "userdb passwd-file", "userdb static")
    ],
    ("error", "passdb", "passdb passwd-file {\n  passwd_file_path = /etc/dovecot/mailroom-users\n}"): [
        ("2.4", "passdb passwd-file", "passdb static")
    ],
    ("error", "namespace", "namespace inbox {\n  inbox = yes\n  separator = /\n}"): [
        ("both", "namespace inbox {\n  inbox = yes", "namespace inbox {\n  inbox = no")
    ],
    ("error", "namespace inbox", "namespace inbox {\n  location =\n}"): [
        ("2.3", "  location = \n", "  location = maildir:~/other\n")
    ],
    (
        "error",
        "mailbox Junk",
        "namespace inbox {\n  mailbox Junk {\n    auto = subscribe\n    special_use = \\Junk\n  }\n}",
    ): [
        ("both", "mailbox Junk", "mailbox Spam"),
        ("2.3", "auto = subscribe\n    special_use = \\Junk", "auto = create\n    special_use = \\Junk"),
    ],
    (
        "warning",
        "mailbox Junk",
        "namespace inbox {\n  mailbox Junk {\n    auto = subscribe\n    special_use = \\Junk\n  }\n}",
    ): [("2.4", '    special_use = "\\\\Junk"\n', "")],
    ("warning", "mailbox Junk autoexpunge", "autoexpunge = 0"): [
        ("both", "mailbox Junk {", "mailbox Junk {\n    autoexpunge = 30 days")
    ],
    ("warning", "plugin quota", "plugin {\n  quota = count:User quota\n  quota_vsizes = yes\n}"): [
        ("2.3", "count:User quota", "maildir:User quota")
    ],
    ("warning", "quota_driver", "quota_driver = count"): [("2.4", "driver = count", "driver = maildir")],
    ("warning", "ssl", "ssl = required"): [
        ("2.3", "ssl = required", "disable_plaintext_auth = no"),
        ("2.4", "ssl = required", "auth_allow_cleartext = yes"),
        ("both", "ssl = required", "ssl = no"),
    ],
}


def changed(version: str, old: str, new: str) -> str:
    text = PRINTED[version]
    if not old:
        return text.replace(START[version], f"{START[version]}{new}\n")
    assert text.count(old) >= 1, old
    return text.replace(old, new)


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_nothing_is_said_of_what_is_printed(version: str) -> None:
    assert check_doveconf(PRINTED[version], LAYOUT) == []


@pytest.mark.parametrize("said", CASES, ids=lambda said: said[1])
def test_what_is_wrong_is_named_with_what_mends_it(said: tuple[str, str, str]) -> None:
    for versions, old, new in CASES[said]:
        for version in ("2.3", "2.4") if versions == "both" else (versions,):
            [found] = check_doveconf(changed(version, old, new), LAYOUT)
            assert (found.severity, found.setting, found.fix) == said, (version, new)
            assert found.text


@pytest.mark.parametrize(
    ("version", "old", "new"),
    [
        ("2.3", "maildir:~/Maildir", "maildir:%h/Maildir/"),
        ("2.3", "maildir:~/Maildir", "maildir:~/Maildir:LAYOUT=Maildir++"),
        ("2.3", "maildir:~/Maildir", "maildir:~/Maildir:INDEX=/var/indexes/%u"),
        ("2.4", "mail_path = ~/Maildir", "mail_path = %{home}/Maildir"),
        ("2.4", "mailbox_list_layout = maildir++\n", ""),
        ("2.3", "driver = passwd-file\n}\nplugin", "driver = pam\n}\nplugin"),
        ("2.3", "driver = passwd-file", "driver = sql"),
        ("2.4", "userdb passwd-file", "userdb ldap"),
        ("2.3", "ssl = required\n", ""),
        ("2.4", "ssl = required\n", ""),
        ("2.3", "", "mailbox_idle_check_interval = 1 mins"),
        ("2.4", "  separator = /", "  separator = ."),
    ],
)
def test_what_is_as_good_is_left_alone(version: str, old: str, new: str) -> None:
    assert check_doveconf(changed(version, old, new), LAYOUT) == []


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_every_folder_with_junk_has_to_show(version: str) -> None:
    layout = Layout(junk_folders=("Junk", "Lists/Spam"))
    [found] = check_doveconf(PRINTED[version], layout)
    assert found.setting == "mailbox Lists/Spam"
    assert 'mailbox "Lists/Spam" {' in found.fix


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_the_folder_of_the_template_counts(version: str) -> None:
    assert check_doveconf(PRINTED[version].replace("~/Maildir", "~"), Layout(folder="")) == []
    [found] = check_doveconf(PRINTED[version], Layout(folder="mail"))
    assert found.fix.endswith("~/mail")


def test_errors_come_first() -> None:
    """What Debian 12 has after its installation."""
    text = START["2.3"] + "mail_location = mbox:~/mail:INBOX=/var/mail/%u\nmail_nfs_index = yes\n"
    found = check_doveconf(text, LAYOUT)
    assert [one.severity for one in found] == sorted(one.severity for one in found)
    assert {"mail_location", "mmap_disable", "mail_fsync", "auth_username_chars", "namespace", "passdb", "userdb"} <= {
        one.setting for one in found
    }


def test_a_junk_folder_that_2_4_keeps_from_being_a_variable_is_found() -> None:
    section = '  mailbox "100%%{off}" {\n    auto = subscribe\n    special_use = "\\\\Junk"\n  }\n'
    text = PRINTED["2.4"].replace("  mailbox Junk {", section + "  mailbox Junk {", 1)
    layout = Layout(junk_folders=("Junk", "100%{off}"))
    assert check_doveconf(text, layout) == []
    [missing] = check_doveconf(PRINTED["2.4"], layout)
    assert 'mailbox "100%%{off}" {' in missing.fix


@pytest.mark.parametrize("version", ["2.3", "2.4"])
@pytest.mark.parametrize("section", ["protocol pop3", "remote 192.0.2.0/24", "local 192.0.2.1"])
def test_what_holds_for_some_sessions_alone_counts(version: str, section: str) -> None:
    text = f"{PRINTED[version]}{section} {{\n  mail_fsync = never\n}}\n"
    [found] = check_doveconf(text, LAYOUT)
    assert (found.severity, found.setting, found.fix) == ("error", f"{section}: mail_fsync", "mail_fsync = always")
    assert check_doveconf(f"{PRINTED[version]}{section} {{\n  mail_fsync = always\n}}\n", LAYOUT) == []


@pytest.mark.parametrize("version", ["2.3", "2.4"])
@pytest.mark.parametrize(("pattern", "covered"), [("*", ["INBOX", "Junk"]), ("Ju%", ["Junk"]), ("Old/*", [])])
def test_mail_that_a_pattern_deletes_is_told(version: str, pattern: str, covered: list[str]) -> None:
    section = f'  mailbox "{pattern}" {{\n    autoexpunge = 30 days\n  }}\n'
    text = PRINTED[version].replace("  mailbox Junk {", f"{section}  mailbox Junk {{", 1)
    assert [one.setting for one in check_doveconf(text, LAYOUT)] == [f"mailbox {name} autoexpunge" for name in covered]


@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_a_namespace_that_is_not_listed_hides_its_folders(version: str) -> None:
    [found] = check_doveconf(PRINTED[version].replace("  inbox = yes", "  inbox = yes\n  list = no", 1), LAYOUT)
    assert (found.severity, found.setting) == ("error", "namespace inbox list")
    assert found.fix == "namespace inbox {\n  list = yes\n}"
