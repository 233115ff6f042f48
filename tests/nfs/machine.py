"""The switches of `tools/nfs-machine`, for tests that run in it."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER_FOLDER = Path("/srv/mail")


class Machine:
    """What goes wrong with a file server, on request; everything is well again when a block ends."""

    @staticmethod
    def is_here() -> bool:
        """Whether this is the machine."""
        return shutil.which("nfs-server") is not None

    @contextmanager
    def server_away(self) -> Iterator[None]:
        """Stop the server, and start it again."""
        _switch("nfs-server", "stop")
        try:
            yield
        finally:
            _switch("nfs-server", "start")

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Cut the network between the first mount and the server."""
        _switch("nfs-link", "down")
        try:
            yield
        finally:
            _switch("nfs-link", "up")

    @contextmanager
    def round_trip(self, milliseconds: int, *, afterwards: int) -> Iterator[None]:
        """Let the way to the server and back take so long."""
        _switch("nfs-rtt", str(milliseconds))
        try:
            yield
        finally:
            _switch("nfs-rtt", str(afterwards))

    @contextmanager
    def full(self) -> Iterator[None]:
        """Fill the file system."""
        balloon = SERVER_FOLDER / "balloon"
        try:
            with balloon.open("wb") as file:
                for size in (2**26, 2**20, 2**12):
                    with contextlib.suppress(OSError):
                        while True:
                            os.posix_fallocate(file.fileno(), balloon.stat().st_size, size)
            yield
        finally:
            balloon.unlink()

    @contextmanager
    def quota(self, user: str, kib: int) -> Iterator[None]:
        """Limit what a user may store."""
        _switch("nfs-quota", user, str(kib))
        try:
            yield
        finally:
            _switch("nfs-quota", user, "0")


def _switch(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
