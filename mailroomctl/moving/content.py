"""One message's bytes: in memory while they are few, else in a temporary file without a name."""

import hashlib
import io
import tempfile
from collections.abc import Iterator
from typing import IO

from mailroomctl.errors import CommandError
from mailroomctl.moving.headers import ends_in

#: Bytes of one message that are kept in memory. Some dozens of messages wait to be written at the same time.
IN_MEMORY = 256 * 1024
#: Bytes of the beginning in which header fields are looked for: of usual mail, and of one to thousands of recipients.
USUAL_HEAD = 64 * 1024
HEAD = IN_MEMORY
#: Bytes; more is no mail, but a file that was taken for one.
LARGEST = 1024**3
CHUNK = 256 * 1024


class Content:
    """Bytes that are added piece by piece, and read as often as needed."""

    __slots__ = ("_file", "_hash", "_pieces", "size")

    def __init__(self) -> None:
        """Begin with none."""
        self._pieces: list[bytes] = []  # once there is a file, the beginning alone
        self._file: IO[bytes] | None = None
        self._hash = hashlib.blake2b(digest_size=32)
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Put a piece behind the others; what is beyond ``LARGEST`` is counted and not kept."""
        self.size += len(piece)
        if self.size > LARGEST:
            return
        self._hash.update(piece)
        if self._file is None:
            self._pieces.append(piece)
            if self.size <= IN_MEMORY:
                return
            whole = b"".join(self._pieces)
            head = whole[:USUAL_HEAD]
            self._pieces, piece = [head if ends_in(head) else whole[:HEAD]], whole
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="mailroom-import-", buffering=0)  # noqa: SIM115 - by close()
            rest = memoryview(piece)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            where = tempfile.gettempdir()
            raise CommandError(f"no large message can be kept in {where}: {error.strerror}; set TMPDIR.") from None

    @property
    def too_large(self) -> bool:
        """Whether bytes are missing, because there were more than ``LARGEST``."""
        return self.size > LARGEST

    def head(self) -> bytes:
        """The beginning, long enough for the header fields of any real mail."""
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0][:HEAD] if self._pieces else b""

    def chunks(self) -> Iterator[bytes]:
        """All bytes, from the beginning."""
        if self._file is None:
            yield from self._pieces
            return
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk

    def stream(self) -> IO[bytes]:
        """All bytes as a file, which ends with this content."""
        if self._file is None:
            return io.BytesIO(b"".join(self._pieces))
        self._file.seek(0)
        return self._file

    def digest(self) -> bytes:
        """A hash of all bytes."""
        return self._hash.digest()

    def close(self) -> None:
        """Give the temporary file back."""
        if self._file is not None:
            self._file.close()


def read_content(stream: IO[bytes]) -> Content:
    """Read a stream to its end; on an error nothing is left open."""
    content = Content()
    try:
        while chunk := stream.read(CHUNK):
            content.add(chunk)
    except BaseException:
        content.close()
        raise
    return content
