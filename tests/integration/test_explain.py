"""explain: every step, as the function itself goes it."""

from tests.fakes.dynamodb import alias, domain, group, mailbox
from tests.integration.command_line import Operator


def test_every_step_to_every_mailbox(at: Operator) -> None:
    at.put(
        mailbox("bob@example.com", subaddress_folders=True),
        mailbox("eve@example.com", policy={"spam_fail": "quarantine"}),
        mailbox("max@example.com", enabled=False),
        mailbox("zoe@example.com", policy={"spam_fail": "reject"}),
        alias("info@example.com", "bob+work@example.com"),
        group("all@example.com", *(f"{name}@example.com" for name in ("info", "eve", "max", "zoe", "all"))),
        domain("example.org", alias_of="example.com", separators="-"),
    )
    assert at.run("explain all-x@example.org --verdict spam=fail").splitlines() == [
        "all-x@example.org",
        "├── all-x@example.org: exact, none",
        "├── all@example.org: without the tag 'x', none",
        "├── @example.org: an alias of example.com",
        "├── all-x@example.com: exact, none",
        "├── *@example.com: catch-all, none",
        "├── @example.com: none, so the domain is not known",
        "├── ✗ 5.1.2 the directory does not know the domain example.com",
        "└── outcome",
        "    └── ⏸ HELD, the entry @example.com is at fault: 5.1.2 the directory does not know the domain example.com"
        "; mailroomctl domain add example.com",
    ]
    assert at.run("explain All@example.org --verdict spam=fail").splitlines() == [
        "all@example.org",
        "├── all@example.org: exact, none",
        "├── @example.org: an alias of example.com",
        "├── all@example.com: exact, a group to 5 addresses",
        "├── → info@example.com",
        "│   ├── info@example.com: exact, an alias to 1 address",
        "│   └── → bob+work@example.com",
        "│       ├── bob+work@example.com: exact, none",
        "│       ├── bob@example.com: without the tag 'work', a mailbox",
        "│       └── ✓ bob@example.com: example.com/bob/Maildir, folder Junk (spam=FAIL; policy=junk)",
        "├── → eve@example.com",
        "│   ├── eve@example.com: exact, a mailbox",
        "│   └── ⏸ eve@example.com: quarantine (spam=FAIL; policy=quarantine)",
        "├── → max@example.com",
        "│   ├── max@example.com: exact, a mailbox, disabled",
        "│   └── ✗ 5.2.1 the mailbox max@example.com is disabled",
        "├── → zoe@example.com",
        "│   ├── zoe@example.com: exact, a mailbox",
        "│   └── ✗ zoe@example.com: no copy, see the outcome",
        "├── → all@example.com",
        "│   ├── all@example.com: exact, a group to 5 addresses",
        "│   ├── → info@example.com",
        "│   │   └── (see above)",
        "│   ├── → eve@example.com",
        "│   │   └── (see above)",
        "│   ├── → max@example.com",
        "│   │   └── (see above)",
        "│   ├── → zoe@example.com",
        "│   │   └── (see above)",
        "│   └── → all@example.com",
        "│       └── (see above)",
        "└── outcome",
        "    ├── ✓ bob@example.com: example.com/bob/Maildir, folder Junk (spam=FAIL; policy=junk)",
        "    ├── ⏸ eve@example.com: quarantine (spam=FAIL; policy=quarantine)",
        "    ├── but: 5.2.1 it leads to max@example.com: the mailbox max@example.com is disabled",
        "    ├── but: 5.4.6 aliases go round in a loop: all@example.com → all@example.com; take one of them out of it",
        "    └── but: 5.7.1 refused by the policy of zoe@example.com: spam=FAIL; policy=reject",
    ]
    said = at.run("explain info@example.com")
    assert "✓ bob@example.com: example.com/bob/Maildir, folder work if there is one, else INBOX" in said


def test_the_stack_decides_where_nobody_else_does(at: Operator) -> None:
    at.put(mailbox("bob@example.com"))
    at.parameters |= {"SpamGrayPolicy": "junk", "JunkFolder": "Spam", "MailboxPathTemplate": "{local_part}.{domain}"}
    [delivery] = at.json("explain bob@example.com --verdict spam=GRAY")["deliveries"]
    assert (delivery["folder"], delivery["path"]) == ("Spam", "bob.example.com")
    at.parameters |= {"FanOutLimit": "1"}
    at.put(mailbox("eve@example.com"), group("all@example.com", "bob@example.com", "eve@example.com"))
    assert at.fails("explain all@example.com") == "the message leads to more than 1 mailboxes"


def test_what_is_no_address_is_explained_too(at: Operator) -> None:
    assert at.run("explain 'bob smith@example.com'").splitlines() == [
        "bob smith@example.com",
        "├── ✗ 5.1.3 not an address: the local part holds a character it may not, or a dot where none may stand",
        "└── outcome",
        "    └── ✗ REJECTED: 5.1.3 not an address: the local part holds a character it may not, or a dot where none"
        " may stand",
    ]


def test_json_has_all_of_it(at: Operator) -> None:
    at.put(mailbox("bob@example.com"), alias("info@example.com", "bob@example.com", "gone@example.com"))
    answer = at.json("explain Info@example.com --verdict dmarc=FAIL --verdict dmarc-policy=reject")
    assert [one["address"] for one in answer["look_ups"]] == ["info@example.com", "bob@example.com", "gone@example.com"]
    assert answer["look_ups"][0]["leads_to"] == ["bob@example.com", "gone@example.com"]
    assert answer["look_ups"][2]["problem"].startswith("5.1.1 ")
    assert answer["deliveries"][0]["verdict"] == "dmarc=FAIL (p=reject); policy=junk"
    assert answer["undelivered"] == []
    [problem] = answer["problems"]
    assert (problem["code"], problem["entry"]) == ("5.1.1", "info@example.com")


def test_held_and_rejected_are_told_apart(at: Operator) -> None:
    at.put(
        domain("example.com"), mailbox("off@example.com", enabled=False), alias("info@example.com", "gone@example.com")
    )
    held = at.json("explain info@example.com")["undelivered"]
    assert held == [
        {
            "recipient": "info@example.com",
            "status": "HELD",
            "entry": "info@example.com",
            "code": "5.1.1",
            "reason": "it leads to gone@example.com: there is no such address, and its domain has no catch-all"
            "; correct the entry, or add what it leads to",
        }
    ]
    assert "⏸ HELD, the entry info@example.com is at fault: 5.1.1 it leads to" in at.run("explain info@example.com")
    [rejected] = at.json("explain off@example.com")["undelivered"]
    assert (rejected["status"], rejected["entry"], rejected["code"]) == ("REJECTED", "", "5.2.1")
    assert "✗ REJECTED: 5.2.1 the mailbox off@example.com is disabled" in at.run("explain off@example.com")
