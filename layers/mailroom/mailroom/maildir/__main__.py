"""``python -m mailroom.maildir``: deliver one message manually, from standard input; ``probe``: see if one could be.

Prints the result as JSON. On failure prints ``{"error", "message"}`` on standard error and exits with sysexits.h's
codes: 65 (EX_DATAERR) when trying again cannot help, 75 (EX_TEMPFAIL) when it can.
"""

import argparse
import json
import os
import select
import stat
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import NoReturn

from mailroom.errors import MailroomError, PermanentError, StorageUnavailable
from mailroom.maildir import Delivered, Probed, deliver, probe
from mailroom.maildir.message import GATHER_BYTES
from mailroom.maildir.probe import LIMIT_SECONDS

EX_DATAERR = 65
EX_TEMPFAIL = 75
_CHILD_SECONDS = 5


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        result = _probe(arguments[1:]) if arguments[:1] == ["probe"] else _deliver(arguments)
    except (MailroomError, OSError) as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}), file=sys.stderr)
        return EX_DATAERR if isinstance(error, PermanentError) else EX_TEMPFAIL
    print(json.dumps(result._asdict()))
    return 0


def _probe(arguments: list[str]) -> Probed:
    """See whether a delivery would work."""
    parser = argparse.ArgumentParser(
        prog="python -m mailroom.maildir probe",
        description="Write, rename and remove a file below the mail root as a delivery does, and say what is wrong.",
    )
    parser.add_argument("--mail-root", required=True, help="folder that holds all mailboxes")
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS, help="seconds to wait (default: %(default)g)")
    options = parser.parse_args(arguments)
    return _probe_apart(options.mail_root, options.limit)


def _probe_apart(mail_root: str, limit: float) -> Probed:
    """Probe in a child, and leave it alone with a server that does not answer.

    This process could else not end: who waits behind another one's call to such a server cannot be killed, not even by
    its own end.
    """
    answering, answer = os.pipe()
    if os.fork() == 0:
        _answer(mail_root, limit, answer)
    os.close(answer)
    ready = select.select([answering], [], [], limit + _CHILD_SECONDS)[0]
    said = json.loads(os.read(answering, select.PIPE_BUF) or b"{}") if ready else {}
    if "where" in said:
        return Probed(**said)
    raise StorageUnavailable(said.get("message", "probing: the probe came to no end"))


def _answer(mail_root: str, limit: float, answer: int) -> NoReturn:
    """In the child: give the result in one write, since it may not come so far as to close anything."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)  # who reads our output must not wait for the child
    try:
        said = probe(mail_root, limit)._asdict()
    except Exception as error:
        said = {"message": str(error) if isinstance(error, MailroomError) else f"probing: {error!r}"[:500]}
    os.write(answer, json.dumps(said).encode())
    os._exit(0)


def _deliver(arguments: list[str]) -> Delivered:
    """Deliver what is on standard input."""
    options = _parser().parse_args(arguments)
    content = _stdin()
    first = next(content, b"")
    return deliver(
        options.mail_root,
        mailbox_path=options.mailbox_path,
        folder=options.folder,
        delivery_id=options.delivery_id,
        received_at=options.received_at or _received_at(first),
        headers=options.header,
        content=chain([first], content),
        attempt=options.attempt or f"by hand {uuid.uuid4()}",
        recovering=options.recovering,
        optional_folder=options.optional_folder,
    )


def _parser() -> argparse.ArgumentParser:
    """The command line; exit code 2 for a wrong one, as usual."""
    parser = argparse.ArgumentParser(
        prog="python -m mailroom.maildir",
        description="Deliver the message on standard input to a Maildir.",
        epilog="python -m mailroom.maildir probe --mail-root FOLDER: see whether a delivery would work.",
    )
    parser.add_argument("--mail-root", required=True, help="folder that holds all mailboxes")
    parser.add_argument("--mailbox-path", required=True, help="the Maildir, relative to the mail root")
    parser.add_argument("--delivery-id", required=True, help="text that identifies this delivery in every attempt")
    parser.add_argument("--folder", default="INBOX", help="INBOX (default) or a folder's name, / between levels")
    parser.add_argument("--optional-folder", action="store_true", help="use INBOX when the folder does not exist")
    parser.add_argument("--recovering", action="store_true", help="an earlier attempt may have delivered it already")
    parser.add_argument("--attempt", help="text unique to this attempt (default: random)")
    parser.add_argument(
        "--received-at",
        type=_date,
        help="ISO 8601 with offset, or seconds since 1970 (default: the message's topmost Received or Date header, "
        "else the input file's date, else now)",
    )
    parser.add_argument(
        "--header", type=_header, action="append", default=[], metavar="'NAME: VALUE'", help="line to put in front"
    )
    return parser


def _date(text: str) -> datetime:
    """Parse ``--received-at``; argparse turns a ValueError into its message."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise argparse.ArgumentTypeError("the date needs an offset, for example 2026-11-24T02:47:00Z")
    return parsed


def _header(text: str) -> tuple[str, str]:
    """Parse ``--header``."""
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError("expected 'NAME: VALUE'")
    return name.strip(), value.strip()


def _stdin() -> Iterator[bytes]:
    """Standard input in chunks."""
    while chunk := os.read(sys.stdin.fileno(), GATHER_BYTES):
        yield chunk


def _received_at(first: bytes) -> datetime:
    """When the message came, as far as it can be told from the message: the same in every attempt."""
    headers = BytesHeaderParser().parsebytes(first)
    for text in (headers.get("Received", "").rpartition(";")[2], headers.get("Date", "")):
        try:
            date = parsedate_to_datetime(text.strip())
        except ValueError:
            continue
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    source = os.fstat(sys.stdin.fileno())
    return datetime.fromtimestamp(source.st_mtime, UTC) if stat.S_ISREG(source.st_mode) else datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
