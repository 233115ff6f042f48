"""Seventy hostile mails in a real browser: no connection, no look-up of a name, no script."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from boto3.dynamodb.types import TypeSerializer
from mailroom.months import month_of
from playwright.sync_api import Page

from mailroomctl.local import lifecycle
from mailroomctl.times import iso
from tests.e2e.browser import CHROMIUM, chromium
from tests.e2e.eavesdroppers import asking_it, eavesdropping
from tests.e2e.world import World, until
from tests.fakes.hostile_mails import JUST_HTML, hostile_mails

#: Shows all at once, each in a frame that forbids nothing: what is not allowed is up to the answer alone.
_FRAMES = """views => Promise.all(views.map(view => new Promise(shown => {
    const frame = document.createElement("iframe");
    frame.onload = shown;
    frame.src = view;
    document.body.append(frame);
})))"""


def test_no_mail_is_noticed(world: World, tmp_path: Path) -> None:
    with eavesdropping() as heard, chromium(program=asking_it(CHROMIUM or "", tmp_path)) as browser:
        mailbox = world.mailbox("victim")
        mails = dict(hostile_mails(lambda number: f"mail{number:02}.evil.example:{heard.port}"))
        ids = [_arrived(world, mailbox, f"hostile{n:02}", content) for n, content in enumerate(mails.values())]
        page = browser.new_page()
        wrong: list[str] = []
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("popup", lambda popup: wrong.append(popup.url))
        page.on("download", lambda download: wrong.append(download.url))
        page.goto(lifecycle.console_address(world.settings))
        base = page.url.rstrip("/")
        page.goto(f"{base}/inbox?mailbox={mailbox}")
        page.goto(f"{base}/messages?mailbox={mailbox}")
        page.locator("table.rows").wait_for()
        page.goto(f"{base}/messages/{ids[0]}")
        # Most are HTML and have no other text; headers and source of each are written alike.
        views = [
            f"{base}/mail/{message_id}/view/{view}"
            for number, message_id in enumerate(ids)
            for view in (("html", "text", "headers", "source") if number >= JUST_HTML else ("html",))
        ]
        page.evaluate(_FRAMES, views)
        assert page.url == f"{base}/messages/{ids[0]}"
        assert [frame.url for frame in page.frames[1:]] == views
        for message_id in [ids[0], *ids[JUST_HTML:]]:
            address = f"{base}/mail/{message_id}"
            page.goto(address)
            assert page.url == address
            assert len(page.frames) == 2
        assert wrong == []
        assert heard.connections == []
        assert [name for name in heard.names if name.endswith("evil.example")] == []
        _show_that_it_would_be_heard(page, heard.port)
        until(lambda: heard.heard_of("GET /seen") and heard.heard_of("Host: control.evil.example"))
        assert "control.evil.example" in heard.names


def _arrived(world: World, mailbox: str, message_id: str, content: bytes) -> str:
    """Put a mail where SES and the workflow would have put it: seventy of them take a minute through the queue."""
    world.stored(message_id, content)
    now = datetime.now(UTC)
    record = {
        "message_id": message_id,
        "mailbox": mailbox,
        "status": "DELIVERED",
        "recipients": {mailbox},
        "received_at": iso(now),
        "month": month_of(now, message_id),
        "source": '"<script>alert(1)</script>\'"@evil.example',
        "rfc_message_id": "<img src=//mail99.evil.example/>",
        "bucket": world.outputs["MailBucketName"],
        "key": f"mail/{message_id}",
        "folder": "<b>INBOX",
    }
    item = {name: TypeSerializer().serialize(value) for name, value in record.items()}
    world.client("dynamodb").put_item(TableName=world.outputs["DeliveriesTableName"], Item=item)
    return message_id


def _show_that_it_would_be_heard(page: Page, port: int) -> None:
    """The same browser on a page without any protection."""
    with _serving(f"<img src='http://control.evil.example:{port}/seen'>".encode()) as address:
        page.goto(address)


@contextmanager
def _serving(content: bytes) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
