"""A command that cannot do what it was asked says why in one line, and changes nothing."""

import pytest

from tests.integration.operator import Operator


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("mailbox add bob", "'bob' is not an address: an address needs an @."),
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
        ("explain eve@example.com --verdict spam=BAD", "--verdict spam=BAD: write spam|"),
        ("explain eve@example.com --verdict dmarc=FAIL", "add --verdict dmarc-policy"),
    ],
)
def test_mistakes_explain_themselves_and_change_nothing(at_company: Operator, command: str, why: str) -> None:
    before = at_company.entries()
    assert why in at_company.fails(command)
    assert at_company.entries() == before
