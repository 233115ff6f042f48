"""Imports that are killed and repeated, and what a mail program shows of them."""

import imaplib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.dovecot.archives import Mail
from tests.dovecot.company import Company
from tests.dovecot.server import folders

PROGRAM = Path(sys.executable).parent / "mailroomctl"
PASSWORD = "moving in"
_DATE = re.compile(r'INTERNALDATE "([^"]+)"')
_FLAGS = re.compile(r"FLAGS \(([^)]*)\)")


@dataclass
class Mover:
    """Brings archives into one mailbox, and is not left to do it in peace."""

    company: Company
    address: str
    chance: random.Random
    kills: int = 0
    halfway: int = 0
    """Kills of runs that had brought something, and not all."""
    told: list[dict[str, Any]] = field(default_factory=list)
    """What each run that came to its end has told."""

    @property
    def mailbox(self) -> Path:
        """Where it is on disk."""
        local_part, _, domain = self.address.partition("@")
        return self.company.server.mail_root / domain / local_part / "Maildir"

    def start(self, source: Path, *options: str) -> "subprocess.Popen[str]":
        """Begin an import, as an operator does on the server."""
        root = self.company.server.mail_root
        path = str(self.mailbox.relative_to(root))
        jobs = str(self.chance.randint(1, 4))
        line = [str(PROGRAM), "import", str(source), "--to", self.address, "--path", path, "--mail-root", str(root)]
        return subprocess.Popen(
            [*line, "--jobs", jobs, "--json", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )

    def run(self, source: Path, *options: str) -> dict[str, Any]:
        """Import to the end; returns what it tells."""
        with self.start(source, *options) as process:
            output, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors, errors
        [told] = json.loads(output)["imports"]
        # What is set aside is told so, and by the exit code.
        assert (process.returncode, told["complete"]) == (1 if told["set_aside"] else 0, True), errors
        self.told.append(told)
        return dict(told)

    def run_killed(self, source: Path, expected: Counter[Mail], kills: int, *options: str) -> None:
        """Kill imports at moments drawn by lot; after each, a reader sees whole messages, none of them twice."""
        for _ in range(kills):
            before = self.count()
            left = expected.total() - before
            # At any time of a run: before its first message too.
            after = before + self.chance.choice((0, self.chance.randint(1, max(1, left // 3))))
            pause = self.chance.uniform(0, 0.5 if after == before else 0.004)
            with self.start(source, *options) as process:
                while process.poll() is None and self.count() < after:
                    time.sleep(0.001)
                time.sleep(pause)
                process.kill()
                process.communicate()
            if process.returncode == -signal.SIGKILL:
                self.kills += 1
                self.halfway += before < self.count() < expected.total()
            too_much = self.read() - expected
            assert not too_much, differences(too_much, Counter())

    def count(self) -> int:
        """How many messages there are on disk."""
        return sum(1 for part in ("new", "cur") for _ in self.mailbox.glob(f"**/{part}/*"))

    def read(self) -> Counter[Mail]:
        """All that a mail program shows; it opens the folders as one does, so that new mail is no longer new."""
        with self.company.server.login(self.address, PASSWORD) as imap:
            return shown(imap)


def shown(imap: imaplib.IMAP4) -> Counter[Mail]:
    """Every message of every folder."""
    found: Counter[Mail] = Counter()
    for name, attributes in folders(imap).items():
        if attributes & {"\\Noselect", "\\NonExistent"}:
            continue
        status, [number] = imap.select(f'"{name}"')
        assert status == "OK", name
        if number == b"0":
            continue
        assert number
        _, answers = imap.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")
        heads = [one for one in answers if isinstance(one, tuple)]
        assert len(heads) == int(number), name
        for head, content in heads:
            date, flags = _DATE.search(head.decode()), _FLAGS.search(head.decode())
            assert date
            assert flags
            moment = datetime.strptime(date[1].strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
            kept = frozenset(flags[1].split()) - {"\\Recent"}
            found[Mail(_decoded(name), content, int(moment.timestamp()), kept)] += 1
    return found


def differences(found: Counter[Mail], expected: Counter[Mail]) -> dict[str, list[tuple[Any, ...]]]:
    """What is missing and what is too much, without the most of the bytes."""
    sides = {"missing": expected - found, "too much": found - expected}
    return {
        side: [
            (one.folder, one.content[:80], len(one.content), one.seconds, set(one.flags))
            for one in list(mails.elements())[:9]
        ]
        for side, mails in sides.items()
        if mails
    }


def _decoded(name: str) -> str:
    """IMAP's modified UTF-7 (RFC 3501, 5.1.3), by Python's UTF-7."""
    return (
        re.sub(r"&([^-]*)-", lambda one: f"+{one[1].replace(',', '/')}-" if one[1] else "&", name.replace("+", "+-"))
        .encode()
        .decode("utf-7")
    )
