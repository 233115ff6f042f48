"""The process: listens on loopback only, and says at which address the browser gets in.

Run as ``python -m mailroomctl.web.server STATE_FOLDER`` by ``mailroomctl local up``.
"""

import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from mailroomctl.errors import CommandError
from mailroomctl.local import processes
from mailroomctl.local.settings import Settings
from mailroomctl.web.app import make_app
from mailroomctl.web.context import Context
from mailroomctl.web.security import Gate

#: Seconds that open answers get when the console ends; event streams end by themselves then.
_GRACE = 5


def serve(context: Context, port: int, opened: Callable[[Gate], None]) -> None:
    """Serve until Ctrl-C or SIGTERM. ``opened`` is called when the console listens.

    Raises ``CommandError`` when the port is taken.
    """
    listening = _listen(port)
    gate = Gate(listening[0].getsockname()[1], read_only=context.read_only)
    config = uvicorn.Config(
        make_app(context, gate),
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE,
    )
    server = uvicorn.Server(config)
    context.ending = lambda: server.should_exit
    opened(gate)
    with suppress(KeyboardInterrupt):  # that is how it is ended
        server.run(sockets=listening)


def _listen(port: int) -> list[socket.socket]:
    """Listen on both addresses of loopback: a name such as localhost may mean either."""
    found: list[socket.socket] = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        one = socket.socket(family)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((address, port))
            one.listen(64)
        except OSError as error:
            one.close()
            if family == socket.AF_INET6 and not isinstance(error, PermissionError) and error.errno not in _TAKEN:
                continue  # no IPv6 here
            for other in found:
                other.close()
            raise CommandError(
                f"cannot listen on {address}:{port} ({error.strerror or error}); choose another --port"
            ) from None
        found.append(one)
        port = found[0].getsockname()[1]
    return found


_TAKEN = (98, 48)  # EADDRINUSE of Linux and of macOS


def main(state: str) -> None:
    """Serve the console of an embedded AWS, and keep the next address where its owner finds it."""
    settings = Settings.load(Path(state))
    file = settings.console_address

    def keep(address: str) -> None:
        part = file.with_suffix(".part")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(address)
        part.replace(file)

    def opened(gate: Gate) -> None:
        gate.renewed = keep
        keep(gate.address)
        processes.say_ready(settings, "console")

    serve(Context(settings.stack(), embedded=settings), settings.console_port or 0, opened)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except CommandError as failure:
        sys.exit(str(failure))
