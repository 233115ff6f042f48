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
        ("mailbox add bob@example.com --path a/../../b", "holds '..'"),
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
        (
            "alias add info@example.com eve@example.com",
            "info@example.com leads to eve@example.com already: mailroomctl alias set info@example.com --add TARGET.",
        ),
        ("alias set info@example.com", "give all targets, or --add and --remove."),
        ("alias set info@example.com eve@example.com --add max@example.com", "give all targets, or"),
        ("alias set info@example.com --remove max@example.com", "max@example.com: no target of info@example.com;"),
        ("alias set info@example.com --remove eve@example.com", "would lead nowhere: mailroomctl alias remove info"),
        ("alias set info@example.com info@example.com", "aliases go round in a loop"),
        ("alias set all@example.com eve@example.com", "all@example.com is a group, not an alias."),
        ("mailbox rename gone@example.com new@example.com", "there is no mailbox gone@example.com."),
        ("mailbox rename eve@example.com max@example.com", "max@example.com is in the directory already."),
        ("mailbox rename eve@example.com EVE@example.com", "eve@example.com is its address already."),
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
        (
            "domain add example.com",
            "example.com has settings already: mailroomctl domain set example.com changes them.",
        ),
        ("domain set example.com --separators a", "'a' cannot separate a tag"),
        ("domain set example.com --alias-of example.com", "example.com → example.com."),
        ("domain set example.com --alias-of example.org", "example.com → example.org → example.com."),
        ("domain remove gone.example", "gone.example has no settings yet: mailroomctl domain add gone.example"),
        ("domain set bücher.example --separators +", "bücher.example has no settings yet"),
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
        ("", "the file is empty; it may have the sections domains, mailboxes, aliases, groups, catch_alls."),
        ("- bob@example.com", "the file has no sections; it may have domains,"),
        ("mailboxes: [", "the file is not YAML: line 2: did not find"),
        ("mailboxes: [bob@x.de]", "line 1: mailboxes holds no entries, such as NAME: VALUE."),
        ("mailboxes:\n  ? [b@x.de]\n  : {}", "line 2: mailboxes: ['b@x.de'] cannot be a name."),
        (
            "mailboxes:\n  bob@example.com:\n  bob@example.com:",
            "line 3: mailboxes: bob@example.com is there twice, also in line 2.",
        ),
        (
            "mailboxes:\n  bob@example.com:\n  Bob@example.com:",
            "line 3: mailboxes: Bob@example.com is there already, spelled bob@example.com in line 2.",
        ),
        ("mailboxes: {b@x.de: {path: a, path: b}}", "line 1: mailboxes.b@x.de.path is there twice."),
        (
            "mailboxes:\n  b@x.de:\naliases: {b@x.de: a@x.de}",
            "line 3: b@x.de is in the sections mailboxes (line 2) and aliases; it can be in one only.",
        ),
        ("users: {}", "line 1: there is no section users; there are domains,"),
        ("mailboxes:\n  bob:", "line 2: mailboxes.bob: 'bob' is not an address"),
        ("mailboxes: {5: }", "mailboxes.5: it must be a text; quotes make one of a number"),
        ("mailboxes:\n  b@x.de:\n    pat: x", "line 3: mailboxes.b@x.de.pat: there is no such setting."),
        ("mailboxes: {b@x.de: {enabled: 1}}", "mailboxes.b@x.de.enabled: it must be true or false."),
        ("mailboxes: {b@x.de: 5}", "mailboxes.b@x.de: it must have settings, such as {enabled: false}."),
        ("mailboxes: {b@x.de: {path: ../x}}", "mailboxes.b@x.de.path: '../x': the mailbox path holds '..'"),
        ("mailboxes: {b@x.de: {policy: {spam_fail: no}}}", "mailboxes.b@x.de.policy.spam_fail: it must be a text;"),
        ("aliases: {b@x.de: []}", "aliases.b@x.de: it needs an address that it leads to."),
        ("aliases: {b@x.de: {}}", "aliases.b@x.de: it must be an address or a list of addresses."),
        ("aliases:\n  b@x.de:\n  - a@x.de\n  - [1]", "line 4: aliases.b@x.de.1: it must be a text;"),
        ("domains: {x.de: {separators: ab}}", "domains.x.de.separators: 'a' cannot separate a tag"),
        ("catch_alls: {x..de: b@x.de}", "'x..de' is not a domain"),
        (
            "aliases:\n" + "".join(f"  bad{n}: a@x.de\n" for n in range(30)),
            "nothing was changed: the file has 30 mistakes.",
        ),
        (
            "mailboxes:\n  a@x.de: {path: p}\n  b@x.de: {path: p/q}",
            "line 2: the path of b@x.de, p/q, is inside the mailbox a@x.de, p.",
        ),
        (
            "mailboxes: {a@x.de: {path: old/zoe}}",
            "zoe@example.com and a@x.de have the same path old/zoe.",
        ),
        ("aliases: {a@x.de: b@x.de, b@x.de: a@x.de}", "go round in a loop: a@x.de → b@x.de → a@x.de"),
        ("{entries: [{address: b@x.de, type: mailbox, pat: x}, 5]}", "nothing was changed: the file has 2 mistakes."),
    ],
)
def test_wrong_files_change_nothing(at_company: Operator, content: str, why: str) -> None:
    before = at_company.entries()
    assert why in at_company.fails("directory import -", stdin=content)
    assert at_company.entries() == before


def test_every_mistake_is_told_at_once(at_company: Operator) -> None:
    content = """
mailboxes:
  bob:
  a@x.de: {path: old/zoe}
  b@x.de: {pat: x}
aliases:
  c@x.de: [nonsense, d@x.de]
  e@x.de: f@x.de
  f@x.de: e@x.de
"""
    said = at_company.fails("directory import -", stdin=content)
    assert said == "nothing was changed: the file has 5 mistakes."
    lines = at_company.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["line 3", "line 5", "line 7"]
    assert "zoe@example.com and a@x.de have the same path old/zoe." in lines[3]
    assert lines[4].startswith("line 8: aliases go round in a loop: e@x.de → f@x.de → e@x.de")


def test_missing_file(at_company: Operator) -> None:
    assert at_company.fails("directory import /nonexistent/file") == "/nonexistent/file: No such file or directory."
