"""Ask an ASGI application without a server, and where nothing waits without an event loop."""

from collections.abc import Coroutine, MutableMapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Answer:
    """What an application answered."""

    status: int
    headers: dict[str, str]
    text: str


def scope(method: str, path: str, headers: dict[str, str], kind: str = "http") -> dict[str, Any]:
    """A request as a server hands it over."""
    path, _, query = path.partition("?")
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", 8850),
        "client": ("127.0.0.1", 50000),
    }


async def ask(app: Any, given: dict[str, Any], body: bytes = b"") -> Answer:
    """Hand a request to an application, and collect what it answers."""
    sent: list[MutableMapping[str, Any]] = []
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        return left.pop() if left else {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(given, receive, send)
    if not sent or "status" not in sent[0]:
        return Answer(0, {}, str(sent))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    text = b"".join(message.get("body", b"") for message in sent[1:]).decode(errors="replace")
    return Answer(sent[0]["status"], headers, text)


def now[T](coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits")
