"""A small S3 on loopback that serves one object and misbehaves on request.

Real sockets, because what breaks is below what moto imitates: a connection that is reset, closed early or silent.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Misbehaviour:
    """What to do to one response: after how many bytes of the body, and how."""

    after: int
    how: str  # "close", "reset", or "silence"


@dataclass
class Refusal:
    """A response without the object: the HTTP status and S3's own code."""

    status: int
    code: str = "InternalError"


@dataclass
class S3Server:
    """The object, what is to go wrong (one entry per response), and the requests as they came."""

    data: bytes = b""
    etag: str = '"version-1"'
    plan: list[Misbehaviour | Refusal | None] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run the server for the length of the block."""
    state = S3Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.requests.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
            step = state.plan.pop(0) if state.plan else None
            if isinstance(step, Refusal):
                self.refuse(step)
            elif self.headers.get("If-Match", state.etag) != state.etag:
                self.refuse(Refusal(412, "PreconditionFailed"))
            else:
                self.serve(step)

        def refuse(self, refusal: Refusal) -> None:
            body = f"<Error><Code>{refusal.code}</Code></Error>".encode()
            self.send_response(refusal.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def serve(self, step: Misbehaviour | None) -> None:
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
            body = state.data[start:]
            self.send_response(206 if "Range" in self.headers else 200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", state.etag)
            if "Range" in self.headers:
                self.send_header("Content-Range", f"bytes {start}-{len(state.data) - 1}/{len(state.data)}")
            self.end_headers()
            self.wfile.write(body if step is None else body[: step.after])
            if step is None:
                return
            self.wfile.flush()
            if step.how == "silence":
                with contextlib.suppress(OSError):
                    self.connection.recv(1)  # until the client has given up
            if step.how == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RDWR) if step.how == "close" else self.connection.close()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that goes away is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
