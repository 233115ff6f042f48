"""Who may ask the console, and the headers of every answer.

The console listens on loopback, where every program and every web page that the operator has open can reach it. So a
request must name the console's own address (against DNS rebinding), bring the cookie of a session, and, if it changes
something or opens an event stream, come from the console's own pages: by its Origin, and with a token in a header,
because cookies are shared between the ports of a host.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

TOKEN_HEADER = "x-mailroom-token"  # noqa: S105 - a name
ENTER = "/enter/"
EVENTS = "/events"

_SAFE_METHODS = frozenset({"GET", "HEAD"})

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: Of a mail, and of whatever else strangers have written.
MAIL_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_HEADERS = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-dns-prefetch-control": "off",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(slots=True)
class Gate:
    """The secrets of one console. ``invitation`` opens it once; then a new one takes its place."""

    port: int
    read_only: bool = False
    renewed: Callable[[str], None] = lambda address: None
    """Called with the address of each new invitation."""
    invitation: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _sessions: set[str] = field(default_factory=set)

    @property
    def cookie(self) -> str:
        """The name of the cookie: two consoles on one host must not take each other's."""
        return f"mailroom-{self.port}"

    @property
    def hosts(self) -> frozenset[str]:
        """What a request may call this console."""
        return frozenset(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    @property
    def address(self) -> str:
        """Where a browser gets in, once."""
        return f"http://127.0.0.1:{self.port}{ENTER}{self.invitation}"

    def enter(self, invitation: str) -> str | None:
        """Exchange the invitation for a session; None when it is another or was used."""
        if not hmac.compare_digest(invitation.encode(), self.invitation.encode()):
            return None
        self.invitation = secrets.token_urlsafe(24)
        self.renewed(self.address)
        session = secrets.token_urlsafe(32)
        self._sessions.add(session)
        return session

    def session_of(self, headers: Headers) -> str | None:
        """Return the session that a request's cookie names."""
        # Not by http.cookies, which reads nothing behind a cookie that it does not understand: other ports have such.
        given = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        return given if given in self._sessions else None

    @staticmethod
    def token(session: str) -> str:
        """What a page of this session sends along with each change. It does not tell the session."""
        return hmac.new(session.encode(), b"change", hashlib.sha256).hexdigest()


class Guard:
    """Lets a request through to the pages, or answers it."""

    def __init__(self, app: App, gate: Gate) -> None:
        """Stand in front of ``app``."""
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if len(headers.getlist("host")) != 1 or headers["host"] not in self._gate.hosts:
            return _no(421, "This is not the console's address.")
        if scope["path"].startswith(ENTER):
            return self._enter(scope)
        session = self._gate.session_of(headers)
        if session is None:
            return _no(401, _WHO)
        scope["session"] = session
        if _from_elsewhere(headers):
            return _no(403, "The request comes from another site's page.")
        changes = scope["method"] not in _SAFE_METHODS
        if (changes or scope["path"] == EVENTS) and not _from_own_page(headers):
            return _no(403, "The request does not come from the console's own pages.")
        if not changes:
            return None
        given = headers.get(TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode(), self._gate.token(session).encode()):
            return _no(403, "The request does not bring the token of a page: load the page again.")
        if self._gate.read_only:
            return _no(403, "The console was started with --read-only: nothing can be changed.")
        return None

    def _enter(self, scope: Scope) -> Response:
        if scope["method"] != "GET":
            return _no(405, "Open this address in a browser.")
        headers = Headers(scope=scope)
        session = self._gate.enter(scope["path"].removeprefix(ENTER))
        if session is None:
            return _no(403, "This address was used before. Ask mailroomctl for a new one, or start the console again.")
        # A browser that was led here by another site's page would keep the cookie from a page it is redirected to.
        led = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        answer: Response = HTMLResponse(_ENTRANCE) if led else RedirectResponse("/", 303)
        answer.set_cookie(self._gate.cookie, session, httponly=True, samesite="strict", path="/")
        return answer


_ENTRANCE = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/"><a href="/">The console</a>'
)


def _from_elsewhere(headers: Headers) -> bool:
    """Whether another site's page, such as one of another port, asks for a part of itself: to look costs something too.

    A link there may lead here, as from a terminal in a browser.
    """
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    return headers.get("sec-fetch-dest") != "document"


def _from_own_page(headers: Headers) -> bool:
    """Browsers send an Origin with every change; with an event stream of one's own they send Sec-Fetch-Site only."""
    origins = headers.getlist("origin")
    if origins:
        return origins == [f"http://{headers['host']}"]
    return headers.get("sec-fetch-site") == "same-origin"


def _with_headers(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if "content-security-policy" not in headers:
                headers["content-security-policy"] = PAGE_POLICY
                headers["x-frame-options"] = "DENY"
            else:
                headers["x-frame-options"] = "SAMEORIGIN"
        await send(message)

    return sending


_WHO = (
    "Open the address that mailroomctl console has printed. It works once, in one browser; mailroomctl local status\n"
    "has the next one of an embedded AWS. Of AWS, end the console with Ctrl-C, and start it again."
)


def _no(status: int, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status)
