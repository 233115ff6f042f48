"""mailbox rename: the Maildir and the records stay, and the old address leads to the new one."""

from tests.fakes.dynamodb import alias, domain, mailbox
from tests.integration.command_line import Operator


def test_a_mailbox_is_renamed(at: Operator) -> None:
    at.put(mailbox("bob@example.com", subaddress_folders=True), alias("info@example.com", "bob@example.com"))
    at.put(domain("example.com"))
    said = at.run("mailbox rename bob@example.com robert@example.com")
    path = "example.com/bob/Maildir"
    assert said == f"renamed the mailbox to robert@example.com, at {path}; bob@example.com is an alias of it\n"
    entries = at.entries()
    robert = entries["robert@example.com"]
    assert (robert["type"], robert["path"], robert["subaddress_folders"]) == ("mailbox", path, True)
    assert (entries["bob@example.com"]["type"], entries["bob@example.com"]["targets"]) == (
        "alias",
        ["robert@example.com"],
    )
    found = at.json("explain info@example.com")
    assert [one["path"] for one in found["deliveries"]] == [path]


def test_a_mailbox_is_renamed_and_its_old_address_given_up(at: Operator) -> None:
    at.put(mailbox("bob@example.com"), alias("info@example.com", "bob@example.com"), domain("example.com"))
    assert "bob@example.com is gone" in at.run("mailbox rename bob@example.com robert@example.com --no-alias")
    assert "bob@example.com" not in at.entries()
    assert "the alias info@example.com still leads to bob@example.com" in at.stderr


def test_the_records_of_a_renamed_mailbox_stay_under_its_first_address(at: Operator) -> None:
    at.run("mailbox add bob@example.com")
    at.run("mailbox rename bob@example.com robert@example.com --no-alias")
    at.run("mailbox rename robert@example.com rob@example.com")
    at.run("mailbox set rob@example.com --subaddress-folders")
    at.run("mailbox disable rob@example.com")
    assert at.entries()["rob@example.com"]["records_under"] == "bob@example.com"
    assert at.json("mailbox show rob@example.com")["records_under"] == "bob@example.com"
    at.run("mailbox enable rob@example.com")
    assert [one["mailbox"] for one in at.json("explain robert@example.com")["deliveries"]] == ["bob@example.com"]
    assert "✓ rob@example.com: example.com/bob/Maildir" in at.run("explain robert@example.com")
    at.run("mailbox rename rob@example.com bob@example.com")
    assert "records_under" not in at.entries()["bob@example.com"]


def test_nobody_gets_the_address_under_which_the_records_of_another_mailbox_stand(at: Operator) -> None:
    at.put(mailbox("bob@example.com"), mailbox("eve@example.com"), domain("example.com"))
    at.run("mailbox rename bob@example.com robert@example.com --no-alias")
    refused = (
        "the records of robert@example.com stand under bob@example.com, so bob@example.com cannot be a mailbox with"
        " that name; give the mailbox another address, and make bob@example.com an alias of it.\n"
    )
    at.run("mailbox add bob@example.com --path other/bob", code=1)
    assert at.stderr == f"mailroomctl: {refused}"
    at.run("mailbox rename eve@example.com bob@example.com", code=1)
    assert "the records of robert@example.com stand under bob@example.com, so bob@example.com cannot" in at.stderr
    assert "bob@example.com" not in at.entries()
    at.run("alias add bob@example.com eve@example.com")
    at.run("alias remove bob@example.com")
    at.run("mailbox remove robert@example.com")
    at.run("mailbox add bob@example.com")
