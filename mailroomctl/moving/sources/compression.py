"""Look through a compression: of an archive, of an mbox, or of one message of a Maildir."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Any, cast

from mailroomctl.moving.content import Content, read_content
from mailroomctl.moving.sources.item import Unreadable

#: What is wrong with what is compressed, besides OSError.
ERRORS = (EOFError, zlib.error, lzma.LZMAError)

_BUFFER = 256 * 1024
_LONGEST_MAGIC = 16
_COMPRESSIONS: dict[bytes, Callable[[IO[bytes]], object]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
# Of the plugins mail_compress (2.3: zlib) and mail_crypt. No mail begins so.
_UNSUPPORTED = {
    b"\x28\xb5\x2f\xfd": "it is compressed by zstd, which is not supported",
    b"Dovecot-LZ4": "it is compressed by Dovecot's lz4, which is not supported",
    b"\x43RYPTED\x03\x07": "it is encrypted by Dovecot's mail_crypt",
}


def decompressed(stream: "io.BufferedReader[Any]") -> "io.BufferedReader[Any]":
    """Look through the compression of a file."""
    opened = _opened(stream, stream.peek(_LONGEST_MAGIC))
    return stream if opened is None else io.BufferedReader(_Patient(opened), _BUFFER)


def plain_content(content: Content) -> Content:
    """Return the message that Dovecot has compressed, or the content itself; raises ``Unreadable`` and ``ERRORS``."""
    head = content.head()[:_LONGEST_MAGIC]
    try:
        for magic, why in _UNSUPPORTED.items():
            if head.startswith(magic):
                raise Unreadable(why)
        opened = _opened(content.stream(), head)
        plain = content if opened is None else read_content(opened)
    except BaseException:
        content.close()
        raise
    if plain is not content:
        content.close()
    return plain


def _opened(stream: IO[bytes], beginning: bytes) -> IO[bytes] | None:
    for magic, opened in _COMPRESSIONS.items():
        if beginning.startswith(magic):
            return cast(IO[bytes], opened(stream))
    return None


class _Patient(io.RawIOBase):
    """Gives all that can be decompressed before it says what is wrong with the rest."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream: Any = stream
        self._error: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        got = 0
        while self._error is None and got < len(buffer):
            try:
                data = self._stream.read1(len(buffer) - got)
            except (*ERRORS, OSError) as error:
                self._error = error
                break
            if not data:
                return got
            buffer[got : got + len(data)] = data
            got += len(data)
        if self._error is not None and not got:
            raise self._error
        return got
