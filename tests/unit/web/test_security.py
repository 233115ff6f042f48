"""Who may ask the console: every request that is not the operator's own is refused, each for one reason."""

from typing import Any

import pytest

from mailroomctl.web.security import MAIL_POLICY, TOKEN_HEADER, Gate, Guard
from tests.unit.web.asgi import Answer, ask, now, scope

PORT = 8850
HOST = f"127.0.0.1:{PORT}"


class Console:
    """A guarded application that answers every request, and a browser that has entered."""

    def __init__(self, *, read_only: bool = False) -> None:
        self.reached: list[str] = []
        self.addresses: list[str] = []
        self.gate = Gate(PORT, read_only=read_only, renewed=self.addresses.append)
        self.app = Guard(self._app, self.gate)
        answer = self.ask("GET", f"/enter/{self.gate.invitation}", cookie=None)
        assert answer.status == 303
        self.entered = answer
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        self.token = Gate.token(self.cookie.partition("=")[2])

    async def _app(self, given: Any, receive: Any, send: Any) -> None:
        self.reached.append(f"{given['method']} {given['path']}")
        headers = [(b"content-type", b"text/html")]
        if given["path"] == "/mail":
            headers.append((b"content-security-policy", MAIL_POLICY.encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"reached"})

    def ask(self, method: str, path: str, *, cookie: str | None = "", **headers: str) -> Answer:
        """Ask; headers are written with underscores, an empty one is left out."""
        given = {"host": HOST} | ({"cookie": cookie or self.cookie} if cookie is not None else {})
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return now(ask(self.app, scope(method, path, {name: value for name, value in given.items() if value})))

    def change(self, **headers: str) -> Answer:
        """Ask for a change as a page does, but for ``headers``."""
        usual = {"origin": f"http://{HOST}", TOKEN_HEADER: self.token}
        return self.ask(
            "POST", "/do/replay", **usual | {name.replace("_", "-"): value for name, value in headers.items()}
        )


@pytest.fixture
def console() -> Console:
    return Console()


def test_the_address_works_once_and_is_gone(console: Console) -> None:
    assert console.entered.headers["location"] == "/"
    cookie = console.entered.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    [address] = console.addresses
    assert address == f"http://{HOST}/enter/{console.gate.invitation}"
    assert console.ask("GET", "/").status == 200
    other = Console()
    first = other.addresses[0].removeprefix(f"http://{HOST}")
    assert other.ask("GET", first, cookie=None).status == 303
    assert other.ask("GET", first, cookie=None).status == 403
    assert other.ask("GET", "/enter/", cookie=None).status == 403
    assert other.ask("POST", other.addresses[-1].removeprefix(f"http://{HOST}"), cookie=None).status == 405
    assert other.reached == []


def test_a_session_is_needed(console: Console) -> None:
    for cookie in (
        None,
        f"mailroom-{PORT}=guess",
        f"mailroom-{PORT + 1}={console.cookie.partition('=')[2]}",
        "=;;\x00",
    ):
        answer = console.ask("GET", "/", cookie=cookie)
        assert answer.status == 401
        assert "reached" not in answer.text
    assert console.reached == []


def test_cookies_of_other_ports_hide_nothing(console: Console) -> None:
    for other in ('a={"x": "1, 2"}', "@=[,]", "naïve=ü", "a b=c"):
        assert console.ask("GET", "/", cookie=f"{other}; {console.cookie}; {other}").status == 200


def test_another_sites_link_leads_in(console: Console) -> None:
    """A browser keeps a strict cookie back from where it is redirected to, on behalf of another site."""
    invitation = console.addresses[-1].removeprefix(f"http://{HOST}")
    answer = console.ask("GET", invitation, cookie=None, sec_fetch_site="cross-site", sec_fetch_dest="document")
    assert answer.status == 200
    assert "0;url=/" in answer.text
    assert console.cookie.partition("=")[0] in answer.headers["set-cookie"]
    assert invitation.rpartition("/")[2] not in answer.text


def test_another_sites_page_looks_at_nothing(console: Console) -> None:
    """Another port counts as the same site, so its pictures and frames would bring the cookie."""
    for site in ("same-site", "cross-site"):
        for kind in ("image", "iframe", "empty", "script"):
            assert console.ask("GET", "/queues/parked", sec_fetch_site=site, sec_fetch_dest=kind).status == 403
        assert console.reached == []
        assert console.ask("GET", "/", sec_fetch_site=site, sec_fetch_dest="document").status == 200
        console.reached.clear()
    assert console.ask("GET", "/", sec_fetch_site="same-origin", sec_fetch_dest="empty").status == 200


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"[::1]:{PORT}"])
def test_its_own_names(console: Console, host: str) -> None:
    assert console.ask("GET", "/", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        f"evil.example:{PORT}",
        f"127.0.0.1:{PORT + 1}",
        f"0.0.0.0:{PORT}",
        f"127.0.0.1.evil:{PORT}",
        "",
    ],
)
def test_other_names(console: Console, host: str) -> None:
    assert console.ask("GET", "/", host=host).status == 421
    invitation = console.addresses[-1].removeprefix(f"http://{HOST}")
    assert console.ask("GET", invitation, host=host, cookie=None).status == 421
    assert console.reached == []


def test_two_hosts_in_one_request(console: Console) -> None:
    given = scope("GET", "/", {"host": HOST, "cookie": console.cookie})
    given["headers"].append((b"host", b"evil.example"))
    assert now(ask(console.app, given)).status == 421


def test_a_change_of_a_page(console: Console) -> None:
    assert console.change().status == 200
    assert console.change(origin="", sec_fetch_site="same-origin").status == 200
    assert console.reached == ["POST /do/replay"] * 2


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"http://localhost:{PORT}"},
        {"origin": f"https://{HOST}"},
        {"origin": f"http://127.0.0.1:{PORT + 1}"},
        {"origin": ""},
        {"origin": "", "sec_fetch_site": "same-site"},
        {"origin": "", "sec_fetch_site": "cross-site"},
        {"origin": "http://evil.example", "sec_fetch_site": "same-origin"},
        {TOKEN_HEADER: ""},
        {TOKEN_HEADER: "guess"},
    ],
)
def test_a_change_of_somebody_else(console: Console, headers: dict[str, str]) -> None:
    assert console.change(**headers).status == 403
    assert console.reached == []


def test_any_method_but_two_is_a_change(console: Console) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "ANYTHING"):
        assert console.ask(method, "/").status == 403
    assert console.ask("HEAD", "/").status == 200
    assert console.reached == ["HEAD /"]


def test_a_token_of_another_session(console: Console) -> None:
    other = Console()
    assert console.change(**{TOKEN_HEADER: other.token}).status == 403


def test_an_event_stream_of_somebody_else(console: Console) -> None:
    assert console.ask("GET", "/events").status == 403
    assert console.ask("GET", "/events", origin="http://evil.example").status == 403
    assert console.ask("GET", "/events", sec_fetch_site="cross-site").status == 403
    assert console.ask("GET", "/events", sec_fetch_site="same-origin").status == 200


def test_read_only() -> None:
    console = Console(read_only=True)
    assert console.ask("GET", "/").status == 200
    answer = console.change()
    assert (answer.status, "--read-only" in answer.text) == (403, True)
    assert console.reached == ["GET /"]


def test_no_websockets(console: Console) -> None:
    given = scope("GET", "/", {"host": HOST, "cookie": console.cookie}, kind="websocket")
    assert "websocket.close" in now(ask(console.app, given)).text
    assert console.reached == []


def test_every_answer_has_the_headers(console: Console) -> None:
    for answer in (
        console.ask("GET", "/"),
        console.ask("GET", "/", cookie=None),
        console.ask("GET", "/", host="x"),
        console.entered,
    ):
        headers = answer.headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-dns-prefetch-control"] == "off"
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


def test_a_mail_has_its_own_policy(console: Console) -> None:
    headers = console.ask("GET", "/mail").headers
    policy = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert headers["content-security-policy"] == policy
    assert headers["x-dns-prefetch-control"] == "off"
    assert headers["x-frame-options"] == "SAMEORIGIN"
