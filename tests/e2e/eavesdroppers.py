"""Who would notice that a page reaches out: a server that any name leads to, and a DNS that is asked for the names."""

import socketserver
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.left_out import left_out

#: Where the name server listens: the port is fixed, so it is an address of loopback that nobody else uses.
DNS_ADDRESS = ("127.0.0.153", 53)


class Eavesdroppers:
    """What was heard: the first line and host of each connection, and the names that were asked for."""

    def __init__(self) -> None:
        self.connections: list[str] = []
        self.names: list[str] = []
        self.port = 0

    def heard_of(self, name: str) -> bool:
        """Whether a name was asked for, or somebody connected to it."""
        return any(name in one for one in (*self.connections, *self.names))


@contextmanager
def eavesdropping() -> Iterator[Eavesdroppers]:
    """Listen; skips where a machine forbids the port of name servers."""
    heard = Eavesdroppers()

    class Web(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(5)
            heard.connections.append(self.request.recv(4096).decode(errors="replace"))
            self.wfile.write(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n")

    class Dns(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            question, to = self.request
            name, end = _name(question)
            heard.names.append(name)
            kind = struct.unpack("!H", question[end : end + 2])[0]
            answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x7f\x00\x00\x01" if kind == 1 else b""
            head = question[:2] + struct.pack("!HHHHH", 0x8180, 1, bool(answer), 0, 0)
            to.sendto(head + question[12 : end + 4] + answer, self.client_address)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Web) as web:
        heard.port = web.server_address[1]
        try:
            dns = socketserver.ThreadingUDPServer(DNS_ADDRESS, Dns)
        except PermissionError as error:
            left_out(f"no name server here: {error}")
        with dns:
            servers: list[Any] = [web, dns]
            for server in servers:
                server.daemon_threads = True
                threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield heard
            finally:
                for server in servers:
                    server.shutdown()


def asking_it(program: str, folder: Path) -> Path:
    """Return a program like ``program`` that asks this name server; skips where mount namespaces are forbidden."""
    namespace = ["unshare", "--mount"]
    if (refusal := subprocess.run([*namespace, "true"], capture_output=True, check=False)).returncode:
        left_out(f"no mount namespaces here: {refusal.stderr.decode()}")
    settings = folder / "resolv.conf"
    settings.write_text(f"nameserver {DNS_ADDRESS[0]}\n")
    wrapper = folder / "browser"
    inner = f'mount --bind {settings} /etc/resolv.conf && exec {program} "$@"'
    wrapper.write_text(f"#!/bin/sh\nexec {' '.join(namespace)} sh -c '{inner}' sh \"$@\"\n")
    wrapper.chmod(0o755)
    return wrapper


def _name(question: bytes) -> tuple[str, int]:
    parts: list[str] = []
    at = 12
    while length := question[at]:
        parts.append(question[at + 1 : at + 1 + length].decode(errors="replace"))
        at += length + 1
    return ".".join(parts), at + 1
