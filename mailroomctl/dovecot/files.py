"""Files that Dovecot, or a cron job, reads at any moment: whole, and with the permissions that somebody gave them."""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from mailroomctl.errors import CommandError


def replace_file(file: Path, content: str, *, mode: int, group: int | None = None) -> bool:
    """Write a file whole or not at all, and leave one alone that has this content already; returns whether it wrote.

    A file that is there keeps its owner, group and permissions; ``mode`` and ``group`` are for a new one.
    """
    data = content.encode()
    try:
        old = file.stat() if file.exists() else None
        if old and file.read_bytes() == data:
            return False
        with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as part:
            try:
                part.write(data)
                part.flush()
                os.fchmod(part.fileno(), old.st_mode & 0o7777 if old else mode)
                # Only root may give a file away; anybody else keeps what the folder gives.
                with suppress(PermissionError):
                    os.fchown(part.fileno(), old.st_uid if old else -1, old.st_gid if old else _or_same(group))
                if old and os.fstat(part.fileno()).st_mtime < int(old.st_mtime) + 1:
                    # Dovecot tells a new file by its size and the second of its time.
                    os.utime(part.fileno(), (int(old.st_mtime) + 1, int(old.st_mtime) + 1))
                os.fsync(part.fileno())
                Path(part.name).replace(file)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}.") from None
    return True


def _or_same(group: int | None) -> int:
    return -1 if group is None else group
