"""console: every page and action against moto, as the commands do it, within the calls that it may make."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mailroomctl.stack import Stack
from mailroomctl.times import iso
from mailroomctl.web.graph.way import Way
from mailroomctl.web.pages.edits import EDITS
from tests.fakes.dynamodb import alias, domain, group, mailbox
from tests.integration.command_line import REGION, Operator
from tests.integration.console_pages import DEFINITION, Pages
from tests.integration.waiting_messages import FakeWorkflow, delivered, give_up, hold, park, record, records, resolves

NEW = datetime.now(UTC)


@pytest.fixture
def pages(at: Operator) -> Pages:
    at.parameters["MailKeyPrefix"] = "mail/"
    return Pages(at, show_mail=True)


class RunningWorkflow(FakeWorkflow):
    """A workflow that also tells its definition."""

    def describe_state_machine(self, **request: str) -> dict[str, Any]:
        return {"definition": DEFINITION}


def store(at: Operator, message_id: str, content: bytes = b"Subject: hello\r\n\r\nbody\r\n") -> None:
    at.s3.put_object(Bucket="mail", Key=f"mail/{message_id}", Body=content)


def event(number: int, kind: str, **details: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "previous_event_id": str(number - 1),
        "type": kind,
        "details": details,
        "event_timestamp": str(int(NEW.timestamp() * 1000) + number),
        "execution_arn": "arn:aws:states:eu-central-1:1:express:deliver:run-1:uuid",
    }


def test_the_overview(pages: Pages) -> None:
    assert "/events" in pages.get("/")
    text = pages.get("/overview")
    assert "Mail flows" in text
    assert "DELIVERED: 14" in text
    assert "the metrics of CloudWatch" in text
    record(pages.at, "m1", "bob@example.com", "FAILED", error="StorageUnavailable", received_at=iso(NEW))
    hold(pages.at, "m2", "info@example.com", "info@example.com")
    text = pages.get("/overview")
    assert "An operator is needed" in text
    assert '<a href="/queues#held">Look at it</a>' in text
    assert '<a href="/queues">Queues and holds</a>' in text
    assert "StorageUnavailable" in text
    assert "/messages/m2" in text


def test_a_stack_that_is_not_there(at: Operator) -> None:
    pages = Pages(at)
    pages.context.stack = Stack("other", region=REGION)
    assert "there is no stack other" in pages.get("/overview", 502)
    assert "There is no such page" in pages.get("/nowhere", 404)
    assert "/nowhere" in pages.get("/nowhere", 404)


def test_what_cannot_be_asked_is_explained(pages: Pages, capfd: pytest.CaptureFixture[str]) -> None:
    record(pages.at, "m1", "bob@example.com", "DELIVERED", received_at=iso(NEW))
    for path, code, said in (
        ("/send", 404, "to the embedded AWS only"),
        ("/jobs/none", 404, "its result is not kept"),
        ("/directory?start=x", 200, "The directory is empty"),
        ("/directory?start=-1", 200, "The directory is empty"),
        ("/directory?add=nonsense", 200, "Add a mailbox"),
        ("/messages/rows?start=[", 502, "begin it again"),
        ("/messages/rows?start=1", 502, "begin it again"),
        ("/messages/rows?status=BROKEN", 502, "there is no outcome BROKEN: it is one of CLAIMED, DELIVERED"),
        ("/messages/rows?since=1h&until=2h", 502, "is later than"),
        ("/messages/rows?since=999999w", 502, "too long ago"),
        ("/messages/rows?until=9999-12-31T23:59", 200, "/messages/m1"),
        ("/messages/rows?until=0001-01-01", 200, "Nothing is on record"),
        ("/messages/rows?mailbox=bob", 502, "is not an address, and nothing is on record under it"),
        ("/messages/rows?sender=Eve", 200, "Nothing is on record"),
        ("/messages/rows?mailbox=%00%0d%0a", 502, "is not an address"),
        ("/messages/m1?execution=99999999999999999999", 200, "Delivered to bob"),
        ("/messages/" + "x" * 3000, 200, "nor of an id that begins so"),
        ("/inbox?until=yesterday", 502, "not a date or time"),
        ("/do/release", 502, "does not say which message"),
        ("/do/discard", 502, "does not say which entry"),
        ("/do/replay?message_ids=", 502, "does not say which message"),
        ("/directory/explain?address=&verdicts=nonsense", 200, "Where does mail to an address go?"),
        ("/queues/parked/none", 200, "is not in the queue"),
    ):
        text = pages.get(path, code)
        assert said in text, (path, text)
    assert pages.answer("GET", "/messages?message_id=a%2Fb%3Fc").headers["location"] == "/messages/a%2Fb%3Fc"
    assert pages.answer("PUT", "/messages").status == 403
    assert capfd.readouterr().err == ""


def test_what_nobody_has_foreseen_is_no_blank_page(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(stack: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("mailroomctl.web.pages.message.execution_log.ways_of", lambda *_: fails(None))
    record(pages.at, "m1", "bob@example.com", "DELIVERED", received_at=iso(NEW))
    with pytest.raises(ZeroDivisionError):  # for the console's log
        pages.get("/messages/m1")
    answer = pages.answer_of_fault("GET", "/messages/m1")
    assert answer.status == 500
    assert "ZeroDivisionError; the console&#39;s log says more" in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_the_overview_shows_what_may_be_seen(pages: Pages) -> None:
    """Each part stands for itself: one that AWS refuses says so."""
    record(pages.at, "m1", "bob@example.com", "FAILED", error="StorageUnavailable", received_at=iso(NEW))
    pages.at.replaced["pipes"] = Refuses("DescribePipe", "AccessDeniedException", "not authorized to perform it")
    pages.at.replaced["cloudwatch"] = Refuses("GetMetricData", "Throttling", "Rate exceeded")
    pages.context.stack = Stack(region=REGION)
    text = pages.get("/overview")
    assert text.count("AWS refused DescribePipe: not authorized to perform it") == 2
    assert "AWS refused GetMetricData: Rate exceeded" in text
    assert "/messages/m1" in text


class Refuses:
    """A client that is refused whatever it asks for."""

    def __init__(self, operation: str, code: str, text: str) -> None:
        self._error = ClientError({"Error": {"Code": code, "Message": text}}, operation)

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: Any, **__: Any) -> None:
            raise self._error

        return refuse


def test_the_beginning_of_an_id_leads_to_the_message(pages: Pages) -> None:
    for name in ("abcdef1", "abcdxyz"):
        store(pages.at, name)
        record(pages.at, name, "bob@example.com", "DELIVERED")
    assert pages.answer("GET", "/messages/abcde").headers["location"] == "/messages/abcdef1"
    assert "abcd is the beginning of 2 ids: abcdef1, abcdxyz" in pages.get("/messages/abcd", 502)
    assert "nor of an id that begins so" in pages.get("/messages/zzzz")


def test_messages_are_found(pages: Pages) -> None:
    record(pages.at, "m1", "bob@example.com", "DELIVERED", received_at=iso(NEW), folder="INBOX")
    record(pages.at, "m2", "eve@example.com", "REJECTED", code="5.1.1", received_at=iso(NEW - timedelta(hours=30)))
    page = pages.get("/messages", mailbox="bob@example.com", since="2d")
    assert "/messages/rows?mailbox=bob%40example.com&amp;since=2d" in page
    for query, found in (
        ({}, ["m1", "m2"]),
        ({"mailbox": "BOB@example.com"}, ["m1"]),
        ({"status": "REJECTED"}, ["m2"]),
        ({"status": "DELIVERED"}, ["m1"]),
        ({"sender": "sender@example.org", "since": "1h"}, ["m1"]),
        ({"sender": "other@example.org"}, []),
        ({"rfc_message_id": "m2@example.org"}, ["m2"]),
        ({"until": "1d"}, ["m2"]),
    ):
        text = pages.get("/messages/rows", **query)
        assert [name for name in ("m1", "m2") if f"/messages/{name}" in text] == found, query
    assert pages.answer("GET", "/messages?message_id=m1").headers["location"] == "/messages/m1"
    assert "not a date or time" in pages.get("/messages/rows", 502, since="yesterday")


def test_a_message_by_the_log_of_its_executions(pages: Pages) -> None:
    pages.at.put(mailbox("bob@example.com"), alias("info@example.com", "bob@example.com"), domain("example.com"))
    fields = {"attempts": 2, "lease_owner": "run-1", "path": "p", "folder": "INBOX", "file_name": "f"}
    record(
        pages.at, "m1", "bob@example.com", "DELIVERED", received_at=iso(NEW), recipients={"info@example.com"}, **fields
    )
    store(pages.at, "m1")
    pages.logs.events = [
        event(1, "ExecutionStarted", input='{"messageId": "m1"}'),
        event(2, "TaskStateEntered", name="ValidateEvent"),
        event(3, "TaskStateExited", name="ValidateEvent"),
        event(4, "MapStateEntered", name="DeliverToMailboxes"),
        event(5, "MapIterationStarted", name="DeliverToMailboxes", index=0),
        event(6, "TaskStateEntered", name="WriteMailbox", input='{"delivery": {"mailbox": "bob@example.com"}}'),
        event(7, "TaskFailed", error="StorageUnavailable", cause='{"errorMessage": "the file system is full"}'),
        event(8, "ExecutionFailed", error="DeliveryIncomplete"),
    ]
    text = pages.get("/messages/m1")
    assert "From the execution log" in text
    assert "StorageUnavailable: the file system is full" in text
    assert "run-1" in text
    assert "info@example.com: exact, an alias to 1 address" in text
    assert 'class="state task failed" data-state="WriteMailbox"' in text
    assert "p/new/f" in text
    assert "/do/replay?message_ids=m1" in text


def test_a_message_by_its_records(pages: Pages) -> None:
    record(pages.at, "m1", "bob@example.com", "HELD", attempts=1, error="MessageMissing", entry="bob@example.com")
    text = pages.get("/messages/m1", **{"for": "bob@example.com"})
    assert "From the records" in text
    assert "is gone" in text
    assert 'data-state="DeliveryHeld"' in text
    assert "Give up what bob@example.com holds" in text
    assert "No copy for bob@example.com yet, a fault of our own holds it" in text
    assert "/do/replay" not in text


def test_a_message_of_which_nothing_is_known(pages: Pages) -> None:
    assert "SES did not accept it" in pages.get("/messages/nobody")
    store(pages.at, "lost")
    text = pages.get("/messages/lost")
    assert "Nothing is on record" in text
    assert 'name="recipient"' in text


def test_a_message_costs_few_calls(pages: Pages) -> None:
    for number in range(60):
        record(pages.at, "m1", f"box{number}@example.com", "DELIVERED", attempts=1, received_at=iso(NEW))
    store(pages.at, "m1")
    pages.get("/messages/m1")
    pages.count()
    pages.logs.calls.clear()
    pages.get("/messages/m1")
    assert 0 < len(pages.calls) + len(pages.logs.calls) <= 8, pages.calls


def test_replay(pages: Pages) -> None:
    workflow = RunningWorkflow(pages.at, resolves(pages.at, {"bob@example.com": "bob@example.com"}))
    pages.at.replaced["stepfunctions"] = workflow
    record(pages.at, "m1", "bob@example.com", "FAILED", error="StorageUnavailable", received_at=iso(NEW))
    store(pages.at, "m1")
    assert "would be replayed" in pages.get("/do/replay", message_ids="m1")
    assert workflow.events == []
    text = pages.do("replay", message_ids="m1")
    assert "✓ Done" in text
    assert "DELIVERED" in text
    assert 'href="/messages/m1"' in text
    assert len(workflow.events) == 1
    assert records(pages.at)["m1", "bob@example.com"]["status"] == "DELIVERED"


def test_replay_of_what_is_gone_says_so(pages: Pages) -> None:
    record(pages.at, "m1", "bob@example.com", "FAILED")
    text = pages.get("/do/replay", message_ids="m1")
    assert "is gone" in text
    assert "hx-post" not in text


def test_what_can_never_be_delivered_is_given_up(pages: Pages) -> None:
    store(pages.at, "m1")
    record(pages.at, "m1", "bob@example.com", "FAILED")
    assert "/do/give-up" not in pages.get("/messages/m1")
    pages.at.s3.delete_object(Bucket="mail", Key="mail/m1")
    assert "/do/give-up?message_ids=m1" in pages.get("/messages/m1")
    assert "would be discarded" in pages.get("/do/give-up", message_ids="m1")
    assert records(pages.at)["m1", "bob@example.com"]["status"] == "FAILED"
    text = pages.do("give-up", message_ids="m1")
    assert "✓ Done" in text
    assert 'href="/messages/m1"' in text
    assert records(pages.at)["m1", "bob@example.com"]["status"] == "DISCARDED"
    text = pages.get("/messages/m1")
    assert "its raw mail was gone" in text
    assert "/do/give-up" not in text


def test_what_is_held_is_delivered_or_given_up(pages: Pages) -> None:
    workflow = RunningWorkflow(pages.at, resolves(pages.at, {"info@example.com": "bob@example.com"}))
    pages.at.replaced["stepfunctions"] = workflow
    hold(pages.at, "m1", "info@example.com", "info@example.com")
    hold(pages.at, "m2", "other@example.com", "other@example.com")
    text = pages.get("/queues/held")
    assert "/do/replay-held?entry=info%40example.com" in text
    assert "replayed" in pages.do("replay-held", entry="info@example.com")
    assert records(pages.at)["m1", "bob@example.com"]["status"] == "DELIVERED"
    assert "1 message for other@example.com would be discarded" in pages.get("/do/discard", entry="other@example.com")
    assert "discarded 1 of 1" in pages.do("discard", entry="other@example.com")
    assert records(pages.at)["m2", "other@example.com"]["status"] == "DISCARDED"
    assert "No mail is held" in pages.get("/queues/held")
    assert "no mail is held" in pages.get("/do/discard", entry="other@example.com")


def test_the_parked_queue(pages: Pages) -> None:
    pages.at.replaced["stepfunctions"] = RunningWorkflow(pages.at, delivered)
    first, second = (park(pages.at, name, f"{name}@example.com") for name in ("m1", "m2"))
    assert "/queues/parked" in pages.get("/queues")
    assert first in pages.get("/queues/parked")
    text = pages.get(f"/queues/parked/{first}")
    assert "arn:aws:states:execution" in text
    assert "would be replayed" in pages.get("/do/replay-parked", ids=first)
    assert "delivered" in pages.do("replay-parked", ids=first)
    assert "would be deleted" in pages.get("/do/delete-parked", everything="yes")
    assert "deleted" in pages.do("delete-parked", everything="yes")
    assert second not in pages.get("/queues/parked")
    assert "is not in the queue" in pages.get(f"/queues/parked/{first}")
    pages.get("/queues/other", 404)
    pages.get("/do/other", 404)


def test_dead_letters(pages: Pages) -> None:
    letter = give_up(pages.at, "m1", "bob@example.com")
    record(pages.at, "m1", "bob@example.com", "FAILED", error="StorageUnavailable")
    assert "StorageUnavailable" in pages.get("/queues/dead-letters")
    assert "bob@example.com" in pages.get(f"/queues/dead-letters/{letter}")
    assert "/do/redrive?message_id=m1" in pages.get("/messages/m1")
    assert "would be moved" in pages.get("/do/redrive", message_id="m1")
    assert "nothing in the dead-letter queue matches" in pages.get("/do/redrive", message_id="m2")
    assert "would be moved" in pages.get("/do/redrive", ids=letter)
    assert "moved to the inbound queue" in pages.do("redrive", ids=letter)
    assert "It is empty" in pages.get("/queues/dead-letters")


def test_the_quarantine(pages: Pages) -> None:
    at = pages.at
    at.replaced["stepfunctions"] = RunningWorkflow(at, resolves(at, {"bob@example.com": "bob@example.com"}))
    for name in ("m1", "m2"):
        key = f"quarantine/{name}"
        record(at, name, "bob@example.com", "QUARANTINED", quarantine_key=key, verdict="spam=FAIL; policy=quarantine")
        at.s3.put_object(Bucket="mail", Key=key, Body=b"Subject: win\r\n\r\n")
    assert "/do/release?message_id=m1" in pages.get("/queues/quarantine")
    assert "spam=FAIL" in pages.get("/do/release", message_id="m1", mailbox="bob@example.com")
    assert "released m1" in pages.do("release", message_id="m1", mailbox="bob@example.com")
    assert "deleted m2" in pages.do("delete-quarantined", message_id="m2")
    assert "The quarantine is empty" in pages.get("/queues/quarantine")


def test_an_action_that_fails_unforeseen_says_so(pages: Pages, capfd: pytest.CaptureFixture[str]) -> None:
    def fails(event: Any) -> dict[str, Any]:
        raise ZeroDivisionError

    pages.at.replaced["stepfunctions"] = RunningWorkflow(pages.at, fails)
    record(pages.at, "m1", "bob@example.com", "FAILED")
    store(pages.at, "m1")
    text = pages.do("replay", message_ids="m1")
    assert "Not all is done" in text
    assert "ZeroDivisionError" in text
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_read_only(at: Operator) -> None:
    pages = Pages(at, read_only=True)
    hold(at, "m1", "info@example.com", "info@example.com")
    at.put(mailbox("bob@example.com"))
    for path in ("/overview", "/queues/held", "/directory", "/messages/m1", "/directory/entry?key=bob@example.com"):
        text = pages.get(path)
        assert "/do/" not in text
        assert "hx-post" not in text
    assert "nothing can be changed" in pages.get("/do/discard", entry="info@example.com")
    pages.post("/do/discard", 403, entry="info@example.com")
    pages.post("/directory/edit/mailbox-remove", 403, address="bob@example.com")
    assert records(at)["m1", "info@example.com"]["status"] == "HELD"
    assert "bob@example.com" in at.entries()


def test_the_directory_is_read_once(pages: Pages) -> None:
    pages.at.put(mailbox("bob@example.com"), alias("info@example.com", "bob@example.com"), domain("example.com"))
    assert "info@example.com" in pages.get("/directory")
    pages.at.put(mailbox("eve@example.com"))
    pages.count()
    text = pages.get("/directory", search="BOB")
    assert pages.calls == []
    assert "2 of 3 entries" in text
    assert "1 of 3 entries" in pages.get("/directory", kind="domain")
    assert "eve@example.com" not in pages.get("/directory")
    pages.get("/directory/refresh", 303)
    assert "eve@example.com" in pages.get("/directory")
    text = pages.get("/directory/entry", key="bob@example.com")
    assert "what leads to it" in text
    assert "info@example.com" in text
    assert "no such entry" in pages.get("/directory/entry", key="gone@example.com")


def test_many_entries_come_page_by_page(pages: Pages) -> None:
    pages.at.put(*(mailbox(f"box{number:03}@example.com") for number in range(150)))
    text = pages.get("/directory")
    assert "box099@example.com" in text
    assert "box100@example.com" not in text
    assert "start=100" in text
    assert "box100@example.com" in pages.get("/directory", start="100")


def test_changes_of_the_directory(pages: Pages) -> None:
    change = "/directory/edit"
    assert "added the mailbox" in pages.post(
        f"{change}/mailbox-add", address="Bob@example.com", policy="spam_fail=junk"
    )
    assert "is in the directory already" in pages.post(f"{change}/mailbox-add", address="bob@example.com")
    assert "not an address" in pages.post(f"{change}/mailbox-add", address="nonsense")
    assert pages.at.entries()["bob@example.com"]["policy"] == {"spam_fail": "junk"}
    pages.get("/directory")
    text = pages.post(f"{change}/mailbox-set", address="bob@example.com", path="", policy="", subaddress_folders="yes")
    assert "changed the mailbox" in text
    assert "policy" not in pages.at.entries()["bob@example.com"]
    assert "disabled" in pages.post(f"{change}/mailbox-disable", address="bob@example.com")
    assert "enabled" in pages.post(f"{change}/mailbox-enable", address="bob@example.com")
    assert "added the alias" in pages.post(f"{change}/alias-add", address="info@example.com", targets="bob@example.com")
    loop = pages.post(f"{change}/alias-add", address="a@example.com", targets="a@example.com")
    assert "nothing was changed" in loop
    assert "added the group" in pages.post(
        f"{change}/group-add", address="all@example.com", members="bob@example.com\r\n"
    )
    add = pages.post(f"{change}/group-add-member", address="all@example.com", members="info@example.com")
    assert "added info@example.com" in add
    assert "set the catch-all" in pages.post(f"{change}/catch-all-set", domain="example.com", targets="bob@example.com")
    assert "added the domain" in pages.post(f"{change}/domain-add", domain="example.org", alias_of="example.com")
    text = pages.post(f"{change}/domain-set", domain="example.org", separators="-", alias_of="", policy="")
    assert "separators -" in text
    assert "still used" in pages.post(f"{change}/domain-remove", domain="example.com")
    pages.post(f"{change}/nonsense", 404)
    for name in ("info@example.com", "*@example.com", "@example.org", "all@example.com"):
        assert "Change" in pages.get("/directory/entry", key=name)
    for name, field in (
        ("group-remove", {"address": "all@example.com"}),
        ("alias-remove", {"address": "info@example.com"}),
        ("catch-all-unset", {"domain": "example.com"}),
        ("domain-remove", {"domain": "example.org"}),
        ("mailbox-remove", {"address": "bob@example.com"}),
    ):
        assert "removed" in pages.post(f"{change}/{name}", **field)
    assert list(pages.at.entries()) == ["@example.com"]


@pytest.mark.parametrize("name", EDITS)
def test_a_form_that_is_empty_or_wrong_says_what_the_command_says(pages: Pages, name: str) -> None:
    for text in ("", "\0<b>", "a@b@c", "x" * 400):
        answer = pages.posted(f"/directory/edit/{name}", **{field.name: text for field in EDITS[name].fields})
        assert answer.status == 200
        assert "<strong>Not done:</strong>" in answer.text
        assert "<b>" not in answer.text
    assert pages.at.entries() == {}


def test_what_a_change_was_for(pages: Pages) -> None:
    """From a rejected message to the form, and back."""
    pages.at.put(domain("example.com"))
    record(pages.at, "m1", "late@example.com", "REJECTED", code="5.1.1", received_at=iso(NEW))
    store(pages.at, "m1")
    text = pages.get("/messages/m1")
    [address] = re.findall(r'href="(/directory[?]add=[^"#]*)', text)
    form = pages.get(html.unescape(address))
    assert re.search(r"<details class=\"edit\" open>\s*<summary>Add a mailbox", form)
    assert 'name="address" value="late@example.com"' in form
    assert form.count('name="message" value="m1"') == form.count("<details")
    answer = pages.posted("/directory/edit/mailbox-add", address="late@example.com", message="m1")
    assert answer.headers["hx-trigger"] == "directory-changed"
    assert 'href="/messages/m1">Back to the message' in answer.text
    assert "The directory has been mended since." in pages.get("/messages/m1")
    wrong = pages.posted("/directory/edit/mailbox-add", address="late@example.com", message="m1")
    assert "hx-trigger" not in wrong.headers
    assert "Back to the message" not in wrong.text


def test_a_page_shows_what_was_changed(pages: Pages) -> None:
    pages.at.put(mailbox("bob@example.com"), alias("info@example.com", "gone@example.com"))
    page = pages.get("/directory/entry", key="info@example.com")
    assert 'hx-get="/directory/entry?key=info%40example.com" hx-select="#entry"' in page
    pages.posted("/directory/edit/alias-set", address="info@example.com", targets="bob@example.com")
    assert "gone@example.com" not in pages.get("/directory/entry", key="info@example.com")
    moved = pages.posted("/directory/edit/mailbox-rename", address="bob@example.com", new_address="rob@example.com")
    assert "renamed the mailbox to rob@example.com" in moved.text
    assert "Show rob@example.com" in moved.text
    assert moved.headers["hx-retarget"] == "#changes"
    removed = pages.posted("/directory/edit/alias-remove", address="info@example.com")
    assert removed.headers["hx-retarget"] == "#changes"
    assert "Show info@example.com" not in removed.text
    domain_added = pages.posted("/directory/edit/domain-add", domain="bücher.example")
    assert "key=%40xn--bcher-kva.example" in domain_added.text
    text = pages.get("/directory/entry", key="*@example.com")
    assert "/directory?add=catch-all-set&amp;domain=example.com#add" in text


def test_explain_and_check(pages: Pages) -> None:
    pages.at.put(
        mailbox("bob@example.com"),
        group("all@example.com", "bob@example.com", "gone@example.com"),
        alias("info@example.com", "gone@example.com"),
        domain("example.com"),
    )
    text = pages.get("/directory/explain", address="bob+lists@example.com", verdicts="spam=FAIL")
    assert "without the tag" in text
    assert "✓ bob@example.com" in text
    assert "Held, the entry info@example.com is at fault" in pages.get("/directory/explain", address="info@example.com")
    assert "<strong>But:</strong> 5.1.1" in pages.get("/directory/explain", address="all@example.com")
    assert "✗ Rejected" in pages.get("/directory/explain", address="@example.com")
    assert "Add this mailbox" in pages.get("/directory/explain", address="nobody@example.com")
    assert "write spam|" in pages.get("/directory/explain", address="bob@example.com", verdicts="spam=MAYBE")
    assert "dangling" in pages.get("/directory/check")


def test_a_mail(pages: Pages) -> None:
    source = (
        b"From: Eve <eve@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>hi</p><script>x</script>\r\n--b\r\nContent-Type: text/html\r\n"
        b'Content-Disposition: attachment; filename="a b.html"\r\n\r\n<script>\r\n--b--\r\n'
    )
    pages.at.put(mailbox("bob@example.com"))
    record(pages.at, "m1", "bob@example.com", "DELIVERED", received_at=iso(NEW), folder="INBOX")
    store(pages.at, "m1", source)
    assert "/mail/m1" in pages.get("/inbox")
    text = pages.get("/mail/m1")
    assert "Grüße" in text
    assert 'sandbox=""' in text
    policy = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    for view, wanted in (
        ("html", "<p>hi</p>"),
        ("headers", "From: Eve &lt;eve"),
        ("source", "&lt;script&gt;x"),
        ("text", ""),
    ):
        answer = pages.answer("GET", f"/mail/m1/view/{view}")
        assert answer.status == 200
        assert answer.headers["content-security-policy"] == policy
        assert wanted in answer.text
        assert "<script" not in answer.text
    answer = pages.answer("GET", "/mail/m1/part/1")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20b.html"
    assert answer.headers["content-security-policy"] == policy
    assert pages.answer("GET", "/mail/m1/part/source").text == source.decode()
    store(pages.at, "m2", b"Content-Type: text/html; charset=utf-7\r\n\r\n<p>+2AA-half</p>")
    assert "half" in pages.get("/mail/m2/view/html")
    store(pages.at, "m3", b"Subject: long\r\n\r\n" + b"x" * 600_000)
    for view in ("text", "source"):
        text = pages.get(f"/mail/m3/view/{view}")
        assert len(text) < 530_000
        assert "The rest is in the file of the whole mail" in text
    pages.get("/mail/m1/part/9", 404)
    pages.get("/mail/m1/view/other", 404)
    assert "is gone" in pages.get("/mail/m9", 502)
    pages.get("/send", 404)


def test_mail_is_not_shown_unless_asked_for(at: Operator) -> None:
    pages = Pages(at)
    store(at, "m1")
    assert "/inbox" not in pages.get("/")
    for path in ("/inbox", "/mail/m1", "/mail/m1/view/source", "/mail/m1/part/source"):
        pages.get(path, 403)
    assert "Read it" not in pages.get("/messages/m1")


def test_a_way_without_items_is_no_mistake() -> None:
    assert Way("log").of("bob@example.com") == []
