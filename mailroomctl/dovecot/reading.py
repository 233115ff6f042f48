"""Read what ``doveconf -n`` has printed from a file, whatever the file is."""

import sys
from pathlib import Path

from mailroomctl.dovecot.doveconf import read_doveconf
from mailroomctl.errors import CommandError

_MOST = 1 << 20  # octets; what doveconf -n prints has a few thousand


def read_text(file: Path) -> str:
    """Return the text of a file, or of standard input for ``-``.

    Raises ``CommandError``, which names the file, when it cannot be read or is no output of ``doveconf -n``.
    """
    name = "standard input" if str(file) == "-" else str(file)
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(_MOST + 1)
        else:
            with file.open("rb") as stream:
                content = stream.read(_MOST + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError(f"{name}: this is no text in UTF-8; give what doveconf -n prints.") from None
    except (OSError, ValueError) as error:
        raise CommandError(f"{name}: {getattr(error, 'strerror', None) or error}.") from None
    if len(content) > _MOST:
        raise CommandError(f"{name}: this is larger than any output of doveconf -n.")
    try:
        read_doveconf(text)
    except CommandError as error:
        raise CommandError(f"{name}: {error}") from None
    return text
