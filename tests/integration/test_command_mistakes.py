"""A command that cannot do what it was asked says why in one line, and changes nothing."""

import pytest

from tests.integration.command_line import Operator


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("mailbox add bob", "'bob' is not an address: an address needs an @."),
        (
            "mailbox add *@example.com",
            "'*@example.com' is the catch-all of its domain, which mailroomctl catch-all sets.",
        ),
        ("mailbox add bob@example.com --path /mail/bob", "relative to the mail root"),
        ("mailbox add bob@example.com --path a/../../b", "the component .."),
        ("mailbox add bob@example.com --policy spam_fail", "write it as NAME=VALUE"),
        ("mailbox add bob@example.com --policy spam=junk", "spam is no policy; there are spam_fail,"),
        ("mailbox add bob@example.com --policy spam_fail=delete", "not delete"),
        ("mailbox add bob@example.com --policy junk_folder=a.b", "cannot name a folder"),
        ("mailbox add eve@example.com", "eve@example.com is in the directory already."),
        ("mailbox add bob@example.com --path example.com/eve/Maildir", "have the same path example.com/eve/Maildir"),
        (
            "mailbox add bob@example.com --path example.com/eve",
            "is inside the mailbox bob@example.com, example.com/eve",
        ),
        ("mailbox add bob@example.com --path example.com/eve/Maildir/x", "is inside the mailbox eve@example.com"),
        ("mailbox set max@example.com --path example.com//eve/Maildir/", "have the same path"),
        ("mailbox set gone@example.com --path x", "there is no mailbox gone@example.com."),
        ("mailbox remove info@example.com", "info@example.com is an alias, not a mailbox."),
        ("mailbox enable gone@example.com", "there is no mailbox gone@example.com."),
        ("alias add info@example.com eve@example.com", "info@example.com is in the directory already."),
        ("alias add eve@example.com max@example.com", "eve@example.com is in the directory already."),
        ("alias add a@example.com a@example.com", "aliases go round in a loop: a@example.com → a@example.com"),
        ("alias add a@example.com nonsense", "'nonsense' is not an address"),
        ("alias remove eve@example.com", "eve@example.com is a mailbox, not an alias."),
        ("group add-member eve@example.com max@example.com", "eve@example.com is a mailbox, not a group."),
        ("group add-member all@example.com all@example.com", "all@example.com → all@example.com; nothing was changed"),
        ("group remove-member all@example.com bob@example.com", "bob@example.com: not in the group all@example.com"),
        ("group remove gone@example.com", "there is no group gone@example.com."),
        ("catch-all set example.com nobody@example.com", "nobody@example.com → nobody@example.com"),
        ("catch-all set exam_ple.com eve@example.com", "'exam_ple.com' is not a domain"),
        ("catch-all unset example.com", "there is no catch-all example.com."),
        ("domain add example.com", "is in the directory already."),
        ("domain set example.com --separators a", "'a' cannot separate a tag"),
        ("domain set example.com --alias-of example.com", "example.com → example.com."),
        ("domain set example.com --alias-of example.org", "example.com → example.org → example.com."),
        ("domain remove gone.example", "there is no domain gone.example."),
        ("mailbox list --domain exam_ple.com", "'exam_ple.com' is not a domain"),
        ("directory export --output /nonexistent/file", "/nonexistent/file: No such file or directory."),
        ("quarantine release m1 --mailbox bob", "m1 is not in quarantine; mailroomctl quarantine list shows what is."),
        ("explain eve@example.com --verdict spam=BAD", "--verdict spam=BAD: write spam|"),
        ("explain eve@example.com --verdict dmarc=FAIL", "add --verdict dmarc-policy"),
    ],
)
def test_mistakes_explain_themselves_and_change_nothing(at_company: Operator, command: str, why: str) -> None:
    before = at_company.entries()
    assert why in at_company.fails(command)
    assert at_company.entries() == before


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "the file must have the sections domains, mailboxes, aliases, groups, catch_alls."),
        ("- bob@example.com", "the file must have the sections"),
        ("mailboxes: [", "the file is not YAML"),
        ("mailboxes: {bob@example.com: {path: 2026-99-99}}", "the file is not YAML: month must be in 1..12"),
        ("mailboxes: {bob@example.com: , bob@example.com: }", "bob@example.com is there twice"),
        ("mailboxes: {bob@example.com: , Bob@example.com: }", "mailboxes: the same name is there twice"),
        ("mailboxes: {b@x.de: }\naliases: {b@x.de: a@x.de}", "b@x.de is in the sections mailboxes and aliases"),
        ("users: {}", "users: there is no such setting."),
        ("mailboxes: {bob: }", "mailboxes.bob: 'bob' is not an address"),
        ("mailboxes: {5: }", "mailboxes.5"),
        ("mailboxes: {b@x.de: {pat: x}}", "mailboxes.b@x.de.pat: there is no such setting."),
        ("mailboxes: {b@x.de: {enabled: 1}}", "mailboxes.b@x.de.enabled"),
        ("mailboxes: {b@x.de: {path: ../x}}", "mailboxes.b@x.de.path: '../x': the mailbox path holds the component"),
        ("mailboxes: {b@x.de: {policy: {spam_fail: no}}}", "mailboxes.b@x.de.policy.spam_fail"),
        ("aliases: {b@x.de: []}", "aliases.b@x.de"),
        ("aliases: {b@x.de: [1]}", "aliases.b@x.de.0"),
        ("domains: {x.de: {separators: ab}}", "domains.x.de.separators: 'a' cannot separate a tag"),
        ("catch_alls: {x..de: b@x.de}", "'x..de' is not a domain"),
        ("aliases: {" + ", ".join(f"bad{n}: a@x.de" for n in range(30)) + "}", "and 20 more."),
        (
            "mailboxes: {a@x.de: {path: p}, b@x.de: {path: p/q}}",
            "nothing was changed: the path of b@x.de, p/q, is",
        ),
        (
            "mailboxes: {a@x.de: {path: old/zoe}}",
            "zoe@example.com and a@x.de have the same path old/zoe.",
        ),
        ("aliases: {a@x.de: b@x.de, b@x.de: a@x.de}", "go round in a loop: a@x.de → b@x.de → a@x.de"),
    ],
)
def test_wrong_files_change_nothing(at_company: Operator, content: str, why: str) -> None:
    before = at_company.entries()
    assert why in at_company.fails("directory import -", stdin=content)
    assert at_company.entries() == before


def test_missing_file(at_company: Operator) -> None:
    assert at_company.fails("directory import /nonexistent/file") == "/nonexistent/file: No such file or directory."
