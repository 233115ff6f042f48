"""The console in a real browser: every page and action, with nothing but what the page shows."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from mailroomctl.local import lifecycle
from tests.e2e.browser import Operator, chromium
from tests.e2e.world import World, until

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def browser(world: World) -> Iterator[Browser]:
    with chromium() as one:
        yield one
    # The commands have made the domain known, which other tests do not expect.
    table = world.outputs["DirectoryTableName"]
    world.client("dynamodb").delete_item(TableName=table, Key={"address": {"S": "@example.com"}})


@pytest.fixture
def at(browser: Browser, world: World, tmp_path: Path) -> Iterator[Operator]:
    """An operator who has just opened the console; the browser must have had nothing to complain about."""
    with browser.new_context(viewport={"width": 1060, "height": 700}) as context:
        one = Operator(context.new_page(), world, tmp_path)
        yield one
        assert one.mistakes == []


def status(world: World, message_id: str, mailbox: str) -> str | None:
    return next((one["status"] for one in world.records(message_id) if one["mailbox"] == mailbox), None)


def test_a_message_and_its_way(at: Operator, world: World) -> None:
    bob, eve = world.mailbox("bob"), world.mailbox("eve")
    sent, _ = world.deliver((ROOT / "events" / "mail" / "plain.eml").read_bytes(), bob, eve)
    at.open("Messages")
    at.fill(mailbox=bob, since="1h")
    at.click("Find")
    at.sees(bob)
    at.picture("messages")
    at.click(at.page.locator("table.rows a").first)
    at.sees("From the execution log")
    at.sees("exact, a mailbox")
    assert str(sent.message_id) in at.page.url
    assert at.page.locator(".state.passed[data-state=WriteMailbox]").count() == 1
    at.page.locator("#way").scroll_into_view_if_needed()
    at.page.locator(".picture").screenshot(path=at.path("way"))
    at.click(at.page.locator("main a").filter(has_text=eve).first)
    at.sees("Delivered")
    at.click("Deliver again…")
    at.sees("would be replayed")
    at.act("Deliver again")
    at.sees("before, left as it is")


def test_case_held_by_an_entry_that_leads_nowhere(at: Operator, world: World) -> None:
    """Why is it missing, and how is it delivered: at most ten clicks."""
    target, entry = world.mailbox("later").replace("later", "soon"), world.mailbox("team")
    world.put({"address": entry, "type": "alias", "targets": [target]})
    sent, _ = world.deliver(b"Subject: missing\r\n\r\n", entry)
    at.click(at.page.locator("tr").filter(has_text=entry).locator("a").first)
    at.sees(f"a fault of our own holds it: 5.1.1 it leads to {target}")
    at.picture("held")
    at.click(f"Add the mailbox {target}")
    at.click(at.page.locator("details[open] button"))
    at.sees("added the mailbox")
    at.click("Back to the message")
    at.sees("The directory has been mended since.")
    at.click("Deliver again…")
    at.sees("would be replayed")
    at.act("Deliver again")
    assert at.clicks <= 6
    assert status(world, str(sent.message_id), target) == "DELIVERED"


def test_case_rejected_for_a_missing_mailbox(at: Operator, world: World) -> None:
    late = world.mailbox("early").replace("early", "late")
    sent, _ = world.deliver(b"Subject: missing\r\n\r\n", late)
    at.open("Messages")
    at.fill(mailbox=late)
    at.click("Find")
    at.click(at.page.locator("table.rows a").first)
    at.sees("it was rejected: 5.1.1 there is no such address")
    at.click(f"Add the mailbox {late}")
    at.click(at.page.locator("details[open] button"))
    at.click("Back to the message")
    at.click("Deliver again…")
    at.act("Deliver again")
    assert at.clicks <= 8
    assert status(world, str(sent.message_id), late) == "DELIVERED"


def test_case_in_quarantine(at: Operator, world: World) -> None:
    zoe = world.mailbox("zoe")
    world.put({"address": zoe, "type": "mailbox", "policy": {"spam_fail": "quarantine"}})
    sent, _ = world.deliver(b"From: a@example.org\r\nSubject: win\r\n\r\n", zoe, spam="FAIL")
    second, _ = world.deliver(b"Subject: win more\r\n\r\n", zoe, spam="FAIL")
    at.open("Messages")
    at.fill(mailbox=zoe, status="QUARANTINED")
    at.click("Find")
    at.sees("spam=FAIL; policy=quarantine")
    at.click(at.page.locator(f"a[href='/messages/{sent.message_id}']"))
    at.sees("where a policy holds it back: spam=FAIL")
    at.click("Release from quarantine…")
    at.sees("spam=FAIL")
    at.act("Release")
    assert at.clicks <= 5
    assert len(world.copies(zoe)) == 1
    at.open("Queues and holds")
    row = at.page.locator("tr").filter(has_text=zoe)
    at.click(row.get_by_role("link", name="Delete…"))
    at.act("Delete it")
    assert status(world, str(second.message_id), zoe) == "REJECTED"


def test_queues(at: Operator, world: World) -> None:
    bob, held = world.mailbox("bob"), world.mailbox("held")
    world.put({"address": held, "type": "alias", "targets": ["never@example.com"]})
    sent, _ = world.deliver(b"Subject: nobody wants it\r\n\r\n", held)
    event = world.stored("redriven", b"Subject: again\r\n\r\n")
    event["receipt"]["recipients"] = [bob]
    world.client("sqs").send_message(QueueUrl=world.outputs["DeadLetterQueueUrl"], MessageBody=json.dumps(event))
    world.publish("no notification at all")
    until(lambda: world.depth("Parked")[0])
    at.open("Queues and holds")
    at.sees("InvalidEvent")
    at.loaded()
    at.picture("queues", whole=True)
    at.click(at.page.locator("a[href^='/queues/parked/']").first)
    at.sees("no notification at all")
    at.click("Delete…")
    at.sees("would be deleted")
    at.act("Delete for good")
    assert world.depth("Parked") == (0, 0)
    at.open("Queues and holds")
    at.click("Move back…")
    at.act("Move")
    until(lambda: status(world, "redriven", bob) == "DELIVERED")
    at.open("Queues and holds")
    at.click(at.page.locator("tr").filter(has_text=held).get_by_role("link", name="Give up…"))
    at.act("Give it up")
    assert status(world, str(sent.message_id), held) == "DISCARDED"


def test_the_directory(at: Operator, world: World) -> None:
    bob = world.mailbox("bob")
    name = bob.replace("bob", "all")
    at.open("Directory")
    at.click("Read it again")
    at.click("Add a group")
    at.fill(address=name, members=bob)
    at.click(at.page.locator("details[open] button"))
    at.sees("added the group")
    at.page.locator("#entries td").filter(has_text=name).wait_for()
    at.click(f"Show {name}")
    at.click("Add members")
    at.fill(members="nobody@elsewhere.example")
    at.click(at.page.locator("details[open] button"))
    at.sees("Note:")
    at.page.locator("#entry dd").filter(has_text="nobody@elsewhere.example").wait_for()
    at.click(at.page.locator("main a").filter(has_text="Explain").first)
    at.sees("✓")
    assert at.page.locator(".drawing g").count() >= 3
    at.picture("explain")
    at.page.go_back()
    at.click("Remove the group")
    at.click(at.page.locator("details[open] button"))
    at.sees("removed the group")
    at.page.locator("#entry dl").wait_for(state="detached")
    assert at.page.locator("form[hx-post]").count() == 0
    at.open("Directory")
    at.fill(search=bob)
    at.click("Search")
    assert at.page.locator("table.rows tbody tr").count() == 1
    at.click("Check the whole directory")
    at.page.locator("#check table, #check p strong").first.wait_for()


def test_the_inbox(at: Operator, world: World, tmp_path: Path) -> None:
    anna = world.mailbox("anna")
    world.put({"address": anna, "type": "mailbox", "policy": {"spam_fail": "junk"}})
    world.deliver((ROOT / "events" / "mail" / "attachment.eml").read_bytes(), anna)
    at.open("Directory")
    at.click("Read it again")
    at.page.goto(at.page.url.partition("/directory")[0] + f"/inbox?mailbox={anna}")
    at.click(at.page.locator("table.rows a").first)
    at.sees("Attachments")
    at.page.frame_locator("iframe.mail").locator("body").wait_for()
    for view in ("Headers", "Source"):
        at.click(at.page.locator(".tabs a").filter(has_text=view))
        at.page.frame_locator("iframe.mail").get_by_text("Received").first.wait_for()
    at.picture("mail")
    with at.page.expect_download() as download:
        at.click(at.page.locator("a[download]").last)
    assert download.value.suggested_filename
    assert download.value.path().stat().st_size > 1000
    at.page.goto(at.page.url.partition("/mail/")[0] + f"/send?to={anna}")
    at.fill(subject="A try", text="Hello Anna", spam="FAIL")
    at.act("Send")
    at.sees("policy=junk")
    at.click("Go on")
    at.sees("Junk")
    file = tmp_path / "mail.eml"
    file.write_bytes(b"Subject: uploaded\r\n\r\nas it is")
    at.page.goto(at.page.url.partition("/messages/")[0] + f"/send?to={anna}")
    at.page.set_input_files("[name=file]", file)
    at.act("Send")
    assert any(copy.read_bytes().endswith(b"Subject: uploaded\r\n\r\nas it is") for copy in world.copies(anna))


def test_keys(at: Operator, world: World) -> None:
    world.deliver(b"Subject: keys\r\n\r\n", world.mailbox("keys"))
    at.page.keyboard.press("g")
    at.page.keyboard.press("m")
    at.page.wait_for_url("**/messages")
    at.page.locator("table.rows").wait_for()
    at.page.keyboard.press("j")
    at.page.keyboard.press("j")
    at.page.keyboard.press("k")
    assert at.page.evaluate("document.activeElement === document.querySelector('table.rows tbody a')")
    at.page.keyboard.press("/")
    assert at.page.evaluate("document.activeElement.name") == "mailbox"


def test_the_overview_changes_by_itself(at: Operator, world: World) -> None:
    assert at.page.url.endswith("/")
    at.sees("The last 24 hours")
    stop = at.page.get_by_role("link", name="Stop the pipe…")
    stop.focus()
    gone, held = world.mailbox("gone"), world.mailbox("entry")
    world.put({"address": held, "type": "alias", "targets": [f"no-{gone}"]})
    world.deliver(b"Subject: to nobody\r\n\r\n", held)
    at.sees(held)
    at.sees("An operator is needed")
    assert stop.evaluate("link => link === document.activeElement")
    at.page.evaluate("document.activeElement.blur()")
    at.picture("overview", whole=True)
    at.page.emulate_media(color_scheme="dark")
    at.picture("overview-dark")
    world.put({"address": f"no-{gone}", "type": "mailbox"})
    at.click("Stop the pipe")
    at.sees("storage breaker does not")
    at.click("Leave it")
    at.page.goto(at.page.url + "do/start-pipe")
    at.act("Start the pipe")
    at.sees("the pipe runs")


def test_another_browser_needs_an_address_of_its_own(browser: Browser, at: Operator, world: World) -> None:
    base = at.page.url
    with browser.new_context() as context:
        page = context.new_page()
        answer = page.goto(base)
        assert answer
        assert answer.status == 401
        page.goto(lifecycle.console_address(world.settings))
        assert page.url == base
        page.locator("#overview table").first.wait_for()
        page.route("**/events", lambda route: route.abort())
        page.reload()
        page.get_by_text("The console does not answer").wait_for()
    # The address that was used is gone from this one as well.
    assert "/enter/" not in at.page.evaluate("document.referrer + location.href")
