"""The file of an audit: there while it runs, and after an interruption; gone at its end."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from mailroom.audit.notes import Notes
from mailroom.audit.reading import Period

from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack

#: Mail younger than this may be on its way: an attempt and its redelivery take 12 minutes.
ON_ITS_WAY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Work:
    """An audit: its notes, its period, and the mail root where that is looked into."""

    notes: Notes
    period: Period
    mail_root: str | None
    begun: datetime


@contextmanager
def begun(stack: Stack, since: datetime | None, until: datetime | None, mail_root: Path | None) -> Iterator[Work]:
    """Begin an audit; the file goes when the block ends well, and stays for ``continued`` otherwise."""
    now = datetime.now(UTC)
    period = Period(since, until or now - ON_ITS_WAY)
    if since and since > period.until:
        raise CommandError("--since is later than --until, or less than 15 minutes ago.")
    with _file(stack) as path:
        path.unlink(missing_ok=True)
        with Notes(path) as notes:
            root = str(mail_root.absolute()) if mail_root else ""
            facts = {"since": since.isoformat() if since else "", "until": period.until.isoformat()}
            notes.say(**facts, mail_root=root, begun=now.isoformat())
            yield Work(notes, period, root or None, now)
        path.unlink()


@contextmanager
def continued(stack: Stack) -> Iterator[Work]:
    """Go on with an audit that was interrupted."""
    with _file(stack) as path:
        if not path.exists():
            raise CommandError("no audit of this stack was interrupted: leave --resume out.")
        with Notes(path) as notes:
            since, until, root, begun = (notes.fact(name) for name in ("since", "until", "mail_root", "begun"))
            if not until or not begun:
                raise CommandError("the audit was interrupted before it had begun: leave --resume out.")
            period = Period(datetime.fromisoformat(since) if since else None, datetime.fromisoformat(until))
            yield Work(notes, period, root or None, datetime.fromisoformat(begun))
        path.unlink()


@contextmanager
def _file(stack: Stack) -> Iterator[Path]:
    """The path of the stack's file, which nobody else works with meanwhile."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "mailroom"
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Its output is unique to account, region and name.
        name = sha256(stack.output("DeliverMailArn").encode()).hexdigest()[:16]
        lock = os.open(state / f"audit-{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}; XDG_STATE_HOME may name another folder.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield state / f"audit-{name}.sqlite"
    except BlockingIOError:
        raise CommandError("another audit or restore of this stack is running.") from None
    finally:
        os.close(lock)
